// The dashboard's title, variables, links and time, in place of Grafana's own bars, of about their height.
import React from 'react';
import {dateTimeFormat} from '@grafana/data';

export function Header({dashboard, theme, chosen, range, timeZone}) {
  const pill = {
    border: `1px solid ${theme.colors.border.medium}`, borderRadius: theme.shape.radius.default, padding: '3px 10px',
    fontSize: 13, background: theme.colors.background.primary, display: 'inline-flex', gap: 8,
  };
  const dim = {color: theme.colors.text.secondary};
  const at = (seconds) => dateTimeFormat(seconds * 1000, {timeZone, format: 'YYYY-MM-DD HH:mm'});
  return (
    <div style={{display: 'flex', alignItems: 'center', gap: 10, padding: '10px 16px'}}>
      <span style={{fontSize: 18, fontWeight: 500, marginRight: 8}}>{dashboard.title}</span>
      {dashboard.templating.list.map((variable) => (
        <span key={variable.name} style={pill}>
          <span style={dim}>{variable.label}</span>
          <span>{variable.type === 'datasource' ? 'Prometheus' : chosen[variable.name] ?? 'All'}</span>
        </span>
      ))}
      <span style={{flex: 1}} />
      {dashboard.links.map((link) => <span key={link.title} style={{...pill, ...dim}}>{link.title}{link.asDropdown ? ' ▾' : ''}</span>)}
      <span style={pill}>{at(range.from)} – {at(range.to)}</span>
    </div>
  );
}
