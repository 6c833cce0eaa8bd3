// A dashboard's variables in its queries and texts, as Grafana puts them in.

/** Round steps, as Grafana takes them: the next one above a fair share of the range. */
const STEPS = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];

/** The step in seconds for a range over so many points, never finer than the scrape interval. */
export function stepOf(range, points, scrape) {
  const fair = Math.max((range.to - range.from) / points, scrape);
  return STEPS.find((step) => step >= fair) ?? 86400;
}

const duration = (seconds) => `${Math.round(seconds)}s`;

/** A query with values in place of variables. `chosen` holds what is not "All". */
export function substitute(query, {range, step, scrape, chosen, variables}) {
  const built = {
    __rate_interval: duration(Math.max(step + scrape, 4 * scrape)),
    __interval: duration(step),
    __range_s: String(Math.round(range.to - range.from)),
    __range: duration(range.to - range.from),
  };
  let text = query;
  for (const [name, value] of Object.entries(built)) text = text.replaceAll(`$${name}`, value);
  for (const variable of variables) {
    const value = chosen[variable.name] ?? variable.allValue ?? '.+';
    text = text.replaceAll(`$${variable.name}`, value);
  }
  return text;
}

/** A legend with labels in place. */
export function legend(format, labels) {
  if (!format) return Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(', ');
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');
}
