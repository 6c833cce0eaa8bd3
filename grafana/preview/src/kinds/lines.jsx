// Time series: Grafana's own.
import React from 'react';
import {TimeSeries} from '@grafana/ui';
import {dateTime} from '@grafana/data';

export function Lines({panel, data, context, width, height}) {
  const [from, to] = [dateTime(context.range.from * 1000), dateTime(context.range.to * 1000)];
  return (
    <TimeSeries frames={data} structureRev={1} timeRange={{from, to, raw: {from, to}}} timeZone={[context.timeZone]} width={width}
      height={height} legend={panel.options.legend} options={panel.options} />
  );
}
