// A panel: asks, transforms, and draws by its kind.
import React, {useEffect, useState} from 'react';
import {LoadingState} from '@grafana/data';
import {PanelChrome} from '@grafana/ui';
import {configured, transformed} from './fields';
import {frames} from './prometheus';
import {Numbers} from './kinds/numbers';
import {Bars} from './kinds/bars';
import {Lines} from './kinds/lines';
import {Rows} from './kinds/rows';
import {States} from './kinds/states';
import {Heat} from './kinds/heat';

const KINDS = {
  stat: Numbers, bargauge: Bars, timeseries: Lines, table: Rows, 'state-timeline': States,
  'status-history': States, heatmap: Heat,
};

export function Panel({panel, context, theme, width, height, done}) {
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    if (!panel.targets) {
      done();
      return;
    }
    const began = performance.now();
    frames(panel, context, width)
      .then(async (asked) => {
        window.timings.push([panel.title, Math.round(performance.now() - began)]);
        const data = configured(panel, await transformed(panel, asked.frames), theme, context.timeZone);
        setAnswer({data, step: asked.step});
        done();
      })
      .catch((problem) => {
        setError(problem);
        done(`${panel.title}: ${problem.stack}`);
      });
  }, []);

  if (panel.type === 'row') {
    return <div style={{padding: '4px 8px', fontWeight: 500}}>⌄ {panel.title}</div>;
  }
  const Kind = KINDS[panel.type];
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding="md"
      loadingState={answer || error || !panel.targets ? LoadingState.Done : LoadingState.Loading}>
      {(w, h) => {
        if (error) return <pre style={{color: theme.colors.error.text, whiteSpace: 'pre-wrap'}}>{String(error)}</pre>;
        if (panel.type === 'text') return <div>{panel.options.content}</div>;
        if (!answer) return null;
        const empty = answer.data.every((frame) => frame.length === 0);
        if (empty && panel.type !== 'stat') return <Nothing panel={panel} theme={theme} width={w} height={h} />;
        return <Kind panel={panel} {...answer} context={context} theme={theme} width={w} height={h} />;
      }}
    </PanelChrome>
  );
}

function Nothing({panel, theme, width, height}) {
  return (
    <div style={{width, height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary, fontSize: 18}}>
      {panel.fieldConfig.defaults.noValue}
    </div>
  );
}
