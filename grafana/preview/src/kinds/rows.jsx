// Table: Grafana's own.
import React from 'react';
import {Table} from '@grafana/ui';

export function Rows({panel, data, width, height}) {
  return (
    <Table data={data[0]} width={width} height={height} initialSortBy={panel.options.sortBy} cellHeight={panel.options.cellHeight}
      showTypeIcons={false} resizable={false} noHeader={false} />
  );
}
