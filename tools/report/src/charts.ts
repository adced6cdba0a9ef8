// SPDX-License-Identifier: MIT
// Small charts in SVG: sparklines and histograms.

import { h, hideTip, showTip, svg } from './dom';
import { count } from './format';

/** The most of each of at most `points` parts, so that no peak is lost. */
function thin(values: number[], points: number): number[] {
  if (values.length <= points) return values;
  const result = [];
  for (let i = 0; i < points; i++) {
    const from = Math.floor(i * values.length / points);
    const to = Math.max(from + 1, Math.floor((i + 1) * values.length / points));
    let most = 0;
    for (let k = from; k < to; k++) most = Math.max(most, values[k]);
    result.push(most);
  }
  return result;
}

export function sparkline(values: number[], width: number, height: number): SVGElement {
  const thinned = thin(values, width);
  const top = Math.max(1, ...thinned);
  const step = width / Math.max(thinned.length - 1, 1);
  const points = thinned.map((v, i) =>
    `${(i * step).toFixed(1)},${(height - 1 - v / top * (height - 2)).toFixed(1)}`);
  return svg('svg', {
    class: 'spark', width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true',
  },
  svg('path', { class: 'area', d: `M0,${height}L${points.join('L')}L${width},${height}Z` }),
  svg('path', { class: 'line', d: `M${points.join('L')}` }));
}

export interface Bar {
  label: string;
  value: number;
}

/** Bars from left to right, each with a tooltip; labels where there is room for them. */
export function histogram(title: string, bars: Bar[], axis: string): HTMLElement {
  const total = bars.reduce((sum, bar) => sum + bar.value, 0);
  const top = Math.max(1, ...bars.map((bar) => bar.value));
  const every = Math.ceil(bars.length / 6);
  const columns = bars.map((bar, i) => {
    const column = h('div', { class: 'column' });
    const fill = h('i');
    fill.style.height = `${bar.value > 0 ? Math.max(2, 100 * bar.value / top) : 0}%`;
    column.append(h('span', {}, fill), h('small', {}, i % every === 0 ? bar.label : ''));
    column.addEventListener('mousemove', (event) => showTip(event,
      h('b', {}, bar.label), h('p', {}, `${count(bar.value)} allocations, ` +
        `${(100 * bar.value / (total || 1)).toFixed(1)} %`)));
    column.addEventListener('mouseleave', hideTip);
    return column;
  });
  const heaviest = bars.reduce((a, b) => (b.value > a.value ? b : a), bars[0]);
  return h('figure', { class: 'histogram' },
    h('figcaption', {}, title, ' ', h('small', {}, axis)),
    h('div', {
      class: 'columns-chart', role: 'img',
      'aria-label': `${title}: most often ${heaviest?.label ?? 'nothing'}`,
    }, ...columns));
}
