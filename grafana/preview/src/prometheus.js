// Prometheus's answers as Grafana's data frames.
import {FieldType, toDataFrame} from '@grafana/data';
import {legend, stepOf, substitute} from './variables';

async function ask(base, path, parameters) {
  const answer = await fetch(`${base}/api/v1/${path}`, {method: 'POST', body: new URLSearchParams(parameters)});
  const json = await answer.json();
  if (json.status !== 'success') throw new Error(`${json.error}: ${parameters.query}`);
  return json.data.result;
}

const number = (text) => ({NaN: NaN, '+Inf': Infinity, '-Inf': -Infinity})[text] ?? Number(text);

/** All frames of a panel, before transformations, with the milliseconds that its queries took. */
export async function frames(panel, context, width) {
  const points = Math.min(panel.maxDataPoints ?? width, width);
  const least = Math.max(context.scrape, parseInt(panel.interval ?? '0', 10) * 60);
  const step = stepOf(context.range, points, least);
  const many = panel.targets.length > 1;
  const parts = await Promise.all(panel.targets.map(async (target) => {
    const query = substitute(target.expr, {...context, step});
    if (target.instant) {
      const result = await ask(context.prometheus, 'query', {query, time: context.range.to});
      return target.format === 'table' ? [table(target, result, many)] : result.map((row) => instant(target, row));
    }
    const {from, to} = context.range;
    const aligned = {start: Math.floor(from / step) * step, end: Math.floor(to / step) * step, step};
    const result = await ask(context.prometheus, 'query_range', {query, ...aligned});
    const series = result.map((row) => range(target, row, aligned));
    return target.format === 'heatmap' ? buckets(series) : series;
  }));
  return {frames: parts.flat(), step};
}

const time = (values) => ({name: 'Time', type: FieldType.time, values, config: {}});

function instant(target, {metric, value}) {
  const {__name__, ...labels} = metric;
  return toDataFrame({
    refId: target.refId,
    fields: [time([value[0] * 1000]), series(target, labels, [number(value[1])])],
  });
}

/** A value at each step, null where there is none: Grafana's frames have a hole there. */
function range(target, {metric, values}, {start, end, step}) {
  const {__name__, ...labels} = metric;
  const known = new Map(values.map(([at, value]) => [Math.round(at), number(value)]));
  const times = [];
  const filled = [];
  for (let at = start; at <= end; at += step) {
    times.push(at * 1000);
    filled.push(known.get(at) ?? null);
  }
  return toDataFrame({refId: target.refId, fields: [time(times), series(target, labels, filled)]});
}

function series(target, labels, values) {
  const name = legend(target.legendFormat, labels);
  return {name, type: FieldType.number, values, labels, config: {displayNameFromDS: name}};
}

function table(target, result, many) {
  const names = [...new Set(result.flatMap(({metric}) => Object.keys(metric)))].filter((name) => name !== '__name__').sort();
  const columns = names.map((name) => ({
    name, type: FieldType.string, config: {}, values: result.map(({metric}) => metric[name] ?? ''),
  }));
  const value = {
    name: many ? `Value #${target.refId}` : 'Value', type: FieldType.number, config: {},
    values: result.map(({value: [, text]}) => number(text)),
  };
  return toDataFrame({refId: target.refId, fields: [time(result.map(({value: [at]}) => at * 1000)), ...columns, value]});
}

/** Counts of each bucket alone: Prometheus's buckets hold what all lower ones do. */
function buckets(all) {
  const bound = (frame) => number(frame.fields[1].labels.le);
  const rising = [...all].sort((one, other) => bound(one) - bound(other));
  return rising.map((frame, at) => {
    const below = at > 0 ? rising[at - 1].fields[1].values : [];
    const values = frame.fields[1].values.map((value, index) => (value == null ? null : Math.max(0, value - (below[index] ?? 0))));
    return {...frame, fields: [frame.fields[0], {...frame.fields[1], values, bound: bound(frame)}]};
  });
}
