// A dashboard's JSON on the screen. The address says which: ?file=farol/farol-overview.json&theme=dark&prometheus=…&to=…&var-target=…
import React from 'react';
import {createRoot} from 'react-dom/client';
import {createTheme, ThemeContext} from '@grafana/data';
import {GlobalStyles, PortalContainer} from '@grafana/ui';
import './fields';
import {Header} from './header';
import {Panel} from './panel';

const GAP = 8;
const ROW = 30;

const parameters = new URLSearchParams(location.search);
const context = () => {
  const to = Number(parameters.get('to') ?? Date.now() / 1000);
  const chosen = {};
  for (const [name, value] of parameters) if (name.startsWith('var-')) chosen[name.slice(4)] = value;
  return {
    prometheus: parameters.get('prometheus') ?? 'http://127.0.0.1:9090', scrape: Number(parameters.get('scrape') ?? 30),
    timeZone: parameters.get('tz') ?? 'browser', chosen, to,
  };
};

/** The seconds that `now-24h` goes back. */
function back(from) {
  const [, count, unit] = /^now-(\d+)([smhd])$/.exec(from);
  return Number(count) * {s: 1, m: 60, h: 3600, d: 86400}[unit];
}

function Dashboard({dashboard, theme, context: given, done}) {
  const width = innerWidth - 2 * 16;
  const column = (width - 23 * GAP) / 24;
  const span = back(parameters.get('from') ?? dashboard.time.from);
  const range = {from: given.to - span, to: given.to};
  const inner = {...given, range, variables: dashboard.templating.list};
  const bottom = Math.max(...dashboard.panels.map(({gridPos: {y, h}}) => y + h));
  return (
    <div style={{background: theme.colors.background.canvas, color: theme.colors.text.primary, minHeight: '100vh'}}>
      <Header dashboard={dashboard} theme={theme} chosen={given.chosen} range={range} timeZone={given.timeZone} />
      <div style={{position: 'relative', margin: '0 16px', height: bottom * (ROW + GAP)}}>
        {dashboard.panels.map((panel) => {
          const {x, y, w, h} = panel.gridPos;
          const size = {width: Math.round(w * column + (w - 1) * GAP), height: h * ROW + (h - 1) * GAP};
          return (
            <div key={panel.id} style={{position: 'absolute', left: x * (column + GAP), top: y * (ROW + GAP), ...size}}>
              <Panel panel={panel} context={inner} theme={theme} done={done} {...size} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

const file = parameters.get('file') ?? 'farol/farol-overview.json';
const dashboard = await (await fetch(`/${file}`)).json();
// JSON has no infinity: what is saved as null is the lowest threshold.
for (const panel of dashboard.panels.filter(({fieldConfig}) => fieldConfig)) {
  const all = panel.fieldConfig.overrides.flatMap(({properties}) => properties).filter(({id}) => id === 'thresholds').map(({value}) => value);
  for (const {steps} of [panel.fieldConfig.defaults.thresholds, ...all]) steps[0].value ??= -Infinity;
}
const theme = createTheme({colors: {mode: parameters.get('theme') ?? 'dark'}});
let waiting = dashboard.panels.length;
const errors = [];
window.timings = [];
const done = (error) => {
  if (error) errors.push(error);
  waiting -= 1;
  if (waiting === 0) document.title = errors.length > 0 ? `failed: ${errors.join(' | ')}` : 'ready';
};

createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <Dashboard dashboard={dashboard} theme={theme} context={context()} done={done} />
    <PortalContainer />
  </ThemeContext.Provider>,
);
