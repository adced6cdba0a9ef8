// SPDX-License-Identifier: MIT
// What-if: the recorded calls replayed on other allocators, and on a pool per site.

import { choice, h, hideTip, showTip, svg } from '../dom';
import { bytes, count, ratio, share } from '../format';
import { swatch } from '../frames';
import type { Advice, Replay } from '../report';
import type { Store, View } from '../state';

type Metric = 'peak' | 'mean' | 'footprint' | 'ns_per_event' | 'system_calls';

const METRICS: [Metric, string][] = [
  ['peak', 'Peak resident'], ['mean', 'Mean resident'], ['footprint', 'Peak footprint'],
  ['ns_per_event', 'Time per event'], ['system_calls', 'System calls']];

const write = (metric: Metric, value: number | null) =>
  metric === 'system_calls' ? count(value)
    : metric === 'ns_per_event' ? (value === null ? '–' : `${value.toFixed(1)} ns`) : bytes(value);

function bounds(replay: Replay, metric: Metric): [number | null, number | null] {
  if (metric === 'peak') return [replay.peak_low, replay.peak_high];
  if (metric === 'ns_per_event') return [replay.ns_low, replay.ns_high];
  return [null, null];
}

function bar(value: number, low: number | null, high: number | null, top: number,
  first: boolean): SVGElement {
  const x = (v: number) => 1000 * v / top;
  const picture = svg('svg', { viewBox: '0 0 1000 24', preserveAspectRatio: 'none',
    'aria-hidden': 'true' },
  svg('rect', { x: 0, y: 3, width: x(value), height: 18, class: first ? 'base' : 'other' }));
  if (low !== null && high !== null && high > low) {
    const line = (d: string) => svg('path', { d, class: 'whisker' });
    picture.append(line(`M${x(low)} 12H${x(high)}`), line(`M${x(low)} 7V17`),
      line(`M${x(high)} 7V17`));
  }
  return picture;
}

function replayRow(replay: Replay, metric: Metric, top: number, base: number | null,
  first: boolean): HTMLElement {
  const value = replay[metric];
  const [low, high] = bounds(replay, metric);
  const cell = h('td', { class: 'bar' });
  if (value !== null) cell.append(bar(value, low, high, top, first));
  const row = h('tr', { 'data-allocator': replay.allocator },
    h('th', { scope: 'row' }, replay.label ?? replay.allocator,
      h('small', {}, replay.package ?? '')),
    cell, h('td', { class: 'n' }, write(metric, value)),
    h('td', { class: 'n' }, first ? 'base' : value !== null && base ? ratio(value / base) : '–'));
  row.addEventListener('mousemove', (event) => showTip(event,
    h('b', {}, replay.label ?? replay.allocator),
    h('p', {}, low === null ? write(metric, value)
      : `${write(metric, value)} (${write(metric, low)} – ${write(metric, high)})`),
    h('p', {}, `${replay.rounds ?? '–'} rounds, ${replay.mode ?? ''}, ` +
      `touch: ${replay.touch ?? '–'}`)));
  row.addEventListener('mouseleave', hideTip);
  return row;
}

function replayTable(replays: Replay[], metric: Metric): HTMLElement {
  const top = Math.max(1, ...replays.map((r) => bounds(r, metric)[1] ?? r[metric] ?? 0)) * 1.02;
  const base = replays[0][metric];
  return h('tbody', {}, ...replays.map((r, i) => replayRow(r, metric, top, base, i === 0)));
}

function calibration(store: Store): HTMLElement | null {
  const found = store.state.report.calibration;
  if (!found) return null;
  const error = `The first is the recording's own allocator; its replay's peak of ` +
    `${bytes(found.replayed_peak)} is ${share(found.error)} off the recorded ` +
    `${bytes(found.recorded_peak)}.`;
  return h('p', { class: found.trusted ? 'quiet' : 'note' }, error, ' ',
    found.trusted ? ''
      : `Do not trust these figures: ${found.reason ?? 'the error is too large'}.`);
}

function replayPanel(store: Store): HTMLElement {
  const { replays } = store.state.report;
  const panel = h('section', { class: 'panel' }, h('h2', {}, 'Other allocators'));
  if (replays.length === 0) {
    panel.append(h('p', { class: 'empty' },
      'Not asked for: ', h('code', {}, 'poolkit replay'), ' plays the recording on others.'));
    return panel;
  }
  const table = h('table', { class: 'bars' }, replayTable(replays, 'peak'));
  const bars = h('div', { class: 'controls' }, choice('Metric', METRICS, 'peak', (metric) =>
    table.replaceChildren(replayTable(replays, metric))));
  const note = calibration(store);
  panel.append(bars, table, h('p', { class: 'quiet' },
    'Less is better. Lines: from the least to the most of the rounds. Always the whole run.'));
  if (note) panel.append(note);
  return panel;
}

function adviceRow(store: Store, advice: Advice, top: number): HTMLElement {
  const site = store.site(advice.site);
  const index = store.state.report.sites.findIndex((s) => s.id === advice.site);
  const { low, high } = advice.memory ?? { low: 0, high: 0 };
  const cell = h('td', { class: 'bar' });
  cell.append(bar(Math.max(0, (low + high) / 2), Math.max(0, low), Math.max(0, high), top, false));
  return h('tr', {},
    h('th', { scope: 'row' }, swatch(index), h('button', {
      type: 'button', class: 'link', onclick: () => {
        store.setSite(advice.site);
        store.setView('sites');
      },
    }, site?.name ?? '(unnamed)')),
    h('td', {}, h('span', { class: 'pool' }, advice.pool)), cell,
    h('td', { class: 'n' }, advice.memory ? `${bytes(low)} – ${bytes(high)}` : '–'),
    h('td', {}, advice.confidence?.level ?? '–'));
}

function poolPanel(store: Store): HTMLElement {
  const advice = store.state.report.advice ?? [];
  const panel = h('section', { class: 'panel' },
    h('h2', {}, 'A pool per site ', h('small', {}, 'peak memory saved')));
  if (advice.length === 0) {
    panel.append(h('p', { class: 'empty' }, store.state.report.advice
      ? 'No site would gain enough from a pool.'
      : 'Not asked for: poolkit advise tries a pool for each site.'));
    return panel;
  }
  const top = Math.max(1, ...advice.map((a) => a.memory?.high ?? 0)) * 1.05;
  panel.append(h('div', { class: 'scroll' }, h('table', { class: 'bars pools' },
    h('thead', {}, h('tr', {}, ...['Site', 'Pool', 'Saved', '', 'Confidence'].map((t) =>
      h('th', { scope: 'col' }, t)))),
    h('tbody', {}, ...advice.map((a) => adviceRow(store, a, top))))),
  h('p', { class: 'quiet' }, 'The gains of two sites may not be added up: they can be the same ' +
    'pages.'));
  return panel;
}

export const whatIf: View = {
  id: 'what-if',
  title: 'What-if',
  missing: () => null,
  build(panel, store) {
    panel.append(replayPanel(store), poolPanel(store));
  },
};
