// State timeline and status history, which Grafana has in its application only: drawn here as SVG, with the colours and texts that
// Grafana's own field configuration gives the values.
import React from 'react';
import {dateTimeFormat, getFieldDisplayName} from '@grafana/data';

const AXIS = 22;

function measure(text, size) {
  const canvas = (measure.canvas ??= document.createElement('canvas').getContext('2d'));
  canvas.font = `${size}px Inter, sans-serif`;
  return canvas.measureText(text).width;
}

/** Neighbouring equal values as one bar; a status history has a cell for each. */
function bars(times, values, step, end, merge) {
  const all = [];
  values.forEach((value, at) => {
    if (value == null) return;
    const last = all[all.length - 1];
    const until = Math.min(times[at] + step, end);
    if (merge && last && last.value === value && last.until >= times[at]) last.until = until;
    else all.push({value, from: times[at], until});
  });
  return all;
}

export function States({panel, data, step, context, theme, width, height}) {
  const merge = panel.type === 'state-timeline';
  const {perPage, rowHeight, colWidth = 1} = panel.options;
  const all = data.flatMap((frame) => frame.fields.slice(1).map((field) => ({frame, field})));
  const shown = all.slice(0, perPage);
  const paged = all.length > perPage ? 24 : 0;
  const names = shown.map(({frame, field}) => getFieldDisplayName(field, frame, data));
  const size = 12;
  const left = Math.ceil(Math.max(...names.map((name) => measure(name, size)))) + 12;
  const high = Math.min((height - AXIS - paged) / shown.length, 60);
  const bar = high * rowHeight;
  const [from, to] = [context.range.from * 1000, context.range.to * 1000];
  const x = (at) => left + ((Math.max(at, from) - from) / (to - from)) * (width - left);
  const ticks = hours(from, to - (to - from) / 60, width - left);
  return (
    <svg width={width} height={height} style={{fontFamily: 'Inter, sans-serif', display: 'block'}}>
      {ticks.map((at) => (
        <g key={at}>
          <line x1={x(at)} x2={x(at)} y1={0} y2={high * shown.length} stroke={theme.colors.border.weak} />
          <text x={x(at)} y={high * shown.length + 16} fontSize={size} textAnchor="middle" fill={theme.colors.text.secondary}>
            {dateTimeFormat(at, {timeZone: context.timeZone, format: 'HH:mm'})}
          </text>
        </g>
      ))}
      {shown.map(({frame, field}, row) => {
        const y = row * high + (high - bar) / 2;
        return (
          <g key={row}>
            <text x={left - 8} y={row * high + high / 2 + 4} fontSize={size} textAnchor="end" fill={theme.colors.text.primary}>{names[row]}</text>
            {bars(frame.fields[0].values, field.values, step * 1000, to, merge).map(({value, from: begin, until}, index) => {
              const {text, color, suffix = ''} = field.display(value);
              const wide = (x(until) - x(begin)) * (merge ? 1 : colWidth);
              const said = `${text}${suffix}`;
              const fits = bar >= 12 && measure(said, 11) + 8 < wide;
              return (
                <g key={index}>
                  <rect x={x(begin)} y={y} width={Math.max(wide, 1)} height={bar} fill={color} fillOpacity={panel.fieldConfig.defaults.custom.fillOpacity / 100} />
                  {fits && (
                    <text x={merge ? x(begin) + 4 : x(begin) + wide / 2} y={y + bar / 2 + 4} fontSize={11} textAnchor={merge ? 'start' : 'middle'}
                      fill={theme.colors.getContrastText(color, 4.5)}>{said}</text>
                  )}
                </g>
              );
            })}
          </g>
        );
      })}
      {paged > 0 && (
        <text x={width / 2} y={height - 6} fontSize={size} textAnchor="middle" fill={theme.colors.text.secondary}>
          ‹ 1 / {Math.ceil(all.length / perPage)} ›
        </text>
      )}
    </svg>
  );
}

export function hours(from, to, width) {
  const choices = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * 60000);
  const every = choices.find((one) => (to - from) / one < width / 80) ?? 86400000;
  const ticks = [];
  for (let at = Math.ceil(from / every) * every; at < to; at += every) ticks.push(at);
  return ticks;
}
