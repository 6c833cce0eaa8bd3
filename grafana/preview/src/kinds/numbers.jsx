// Stat: Grafana's own component over the last value of each field.
import React from 'react';
import {getDisplayProcessor, getFieldDisplayName} from '@grafana/data';
import {BigValue} from '@grafana/ui';

export function numbers(data, theme, timeZone) {
  return data.flatMap((frame) => frame.fields
    .filter((field) => field.type === 'number')
    .map((field) => {
      const last = [...field.values].reverse().find((value) => value != null) ?? null;
      const display = (field.display ?? getDisplayProcessor({field, theme, timeZone}))(last);
      return {field, display: {...display, title: getFieldDisplayName(field, frame, data)}};
    }));
}

export function Numbers({panel, data, context, theme, width, height}) {
  let all = numbers(data, theme, context.timeZone);
  if (all.length === 0) {
    const field = {name: '', type: 'other', config: panel.fieldConfig.defaults, values: []};
    all = [{field, display: getDisplayProcessor({field, theme})(null)}];
  }
  const across = panel.options.orientation === 'vertical';
  const share = (length) => (length - 4 * (all.length - 1)) / all.length;
  const size = across ? {width: share(width), height} : {width, height: share(height)};
  const {textMode, colorMode, graphMode, justifyMode, wideLayout} = panel.options;
  return (
    <div style={{display: 'flex', flexDirection: across ? 'row' : 'column', gap: 4, width, height}}>
      {all.map(({display}, index) => (
        <BigValue key={index} value={display} theme={theme} textMode={textMode} colorMode={colorMode} graphMode={graphMode}
          justifyMode={justifyMode} count={all.length} wideLayout={wideLayout} {...size} />
      ))}
    </div>
  );
}
