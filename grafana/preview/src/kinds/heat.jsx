// Heatmap, which Grafana has in its application only: drawn here as SVG in the colour scheme that the panel names.
import React from 'react';
import {dateTimeFormat, getValueFormat} from '@grafana/data';
import {hours} from './states';

const AXIS = 22;
/** The ends of the scheme Blues, as D3 has it: pale for few, dark for many; Grafana turns it round on a dark ground. */
const ENDS = {light: [[222, 235, 247], [8, 48, 107]], dark: [[16, 40, 70], [198, 219, 239]]};

export function Heat({panel, data, step, context, theme, width, height}) {
  const {color, yAxis} = panel.options;
  const format = getValueFormat(yAxis.unit);
  const bounds = data.map((frame) => frame.fields[1].bound);
  const label = (bound) => {
    const {text, suffix = ''} = format(bound, yAxis.decimals);
    return Number.isFinite(bound) ? `${text}${suffix}` : '+Inf';
  };
  const left = 70;
  const high = (height - AXIS) / data.length;
  const most = Math.max(...data.flatMap((frame) => frame.fields[1].values.filter((value) => value != null)), 1e-9);
  const [low, top] = ENDS[theme.isDark ? 'dark' : 'light'];
  const shade = (value) => {
    const part = (value / most) ** color.exponent;
    return `rgb(${low.map((channel, at) => Math.round(channel + (top[at] - channel) * part)).join(',')})`;
  };
  const [from, to] = [context.range.from * 1000, context.range.to * 1000];
  const x = (at) => left + ((at - from) / (to - from)) * (width - left);
  const wide = Math.max(((step * 1000) / (to - from)) * (width - left) - 1, 1);
  return (
    <svg width={width} height={height} style={{fontFamily: 'Inter, sans-serif', display: 'block'}}>
      {data.map((frame, row) => {
        const y = (data.length - 1 - row) * high;
        return (
          <g key={row}>
            <text x={left - 8} y={Math.max(y + 4, 10)} fontSize={12} textAnchor="end" fill={theme.colors.text.secondary}>{row % 2 === 0 ? label(bounds[row]) : ''}</text>
            {frame.fields[1].values.map((value, at) => {
              const begin = frame.fields[0].values[at];
              if (!(value > 1e-9) || begin < from) return null;
              return <rect key={at} x={x(begin)} y={y} width={wide} height={high - 1} fill={shade(value)} />;
            })}
          </g>
        );
      })}
      {hours(from, to - (to - from) / 40, width - left).map((at) => (
        <text key={at} x={x(at)} y={height - 6} fontSize={12} textAnchor="middle" fill={theme.colors.text.secondary}>
          {dateTimeFormat(at, {timeZone: context.timeZone, format: 'HH:mm'})}
        </text>
      ))}
    </svg>
  );
}
