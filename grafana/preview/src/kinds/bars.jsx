// Bar gauge: Grafana's own, one below the other.
import React from 'react';
import {BarGauge, VizRepeater} from '@grafana/ui';
import {numbers} from './numbers';

export function Bars({panel, data, context, theme, width, height}) {
  const all = numbers(data, theme, context.timeZone);
  const top = Math.max(...all.map(({display}) => display.numeric));
  const {displayMode, orientation, showUnfilled, valueMode, minVizHeight, maxVizHeight, namePlacement} = panel.options;
  return (
    <VizRepeater source={data} getValues={() => all} width={width} height={height} orientation={orientation} theme={theme}
      itemSpacing={8} minVizHeight={minVizHeight} maxVizHeight={maxVizHeight} renderCounter={0} getAlignmentFactors={() => null}
      renderValue={({value: {field, display}, width: w, height: h}) => (
        <BarGauge value={display} field={{...field.config, max: field.config.max ?? top, min: field.config.min ?? 0}} theme={theme}
          width={w} height={h} displayMode={displayMode} orientation={orientation} showUnfilled={showUnfilled}
          valueDisplayMode={valueMode} namePlacement={namePlacement} itemSpacing={8} lcdCellWidth={12}
          alignmentFactors={widest(all)} display={field.display} text={panel.options.text} />
      )} />
  );
}

function widest(all) {
  const longest = (pick) => all.map(({display}) => pick(display)).reduce((one, other) => (one.length >= other.length ? one : other), '');
  return {title: longest((one) => one.title), text: longest((one) => one.text)};
}
