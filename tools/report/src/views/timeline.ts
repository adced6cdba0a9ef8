// SPDX-License-Identifier: MIT
// Timeline: bytes over time, and allocations per second under it.

import uPlot from 'uplot';
import { colour } from '../colour';
import { h } from '../dom';
import { axisLabel, bytes, rate, time } from '../format';
import type { Timeline } from '../report';
import type { Store, View } from '../state';

type Values = (number | null)[];

interface Curve {
  label: string;
  name: string;
  values: Values | null;
  fill?: boolean;
  dash?: number[];
}

const curvesOf = (line: Timeline): Curve[] => [
  { label: 'Footprint', name: 'footprint', values: line.footprint, dash: [5, 4] },
  { label: 'Resident', name: 'resident', values: line.resident },
  { label: 'Pinned', name: 'pinned', values: line.pinned },
  { label: 'Usable', name: 'usable', values: line.usable },
  { label: 'Live', name: 'live', values: line.live, fill: true }];

function perSecond(times: number[], counts: number[]): Values {
  return counts.map((n, i) => {
    const width = i > 0 ? times[i] - times[i - 1] : 0;
    return width > 0 ? n / width * 1e9 : null;
  });
}

function axes(write: (v: number) => string): uPlot.Axis[] {
  const base = {
    stroke: () => colour('muted'),
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { stroke: () => colour('line'), width: 1, size: 4 },
    font: '12px system-ui, sans-serif',
  };
  const labels = (text: (v: number) => string) => (_: uPlot, splits: number[]) =>
    splits.map((v) => axisLabel(v, (splits[1] ?? 1) - (splits[0] ?? 0), text));
  return [
    { ...base, size: 32, values: labels((v) => time(v * 1e9)) },
    { ...base, size: 70, values: labels(write) }];
}

/** Steps of 1, 2 or 4 times a power of 1024, so that labels in KiB and MiB are round. */
function byteSplits(_: uPlot, __: number, low: number, high: number): number[] {
  let step = 1;
  while ((high - low) / step > 7) step *= 2;
  const splits = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) splits.push(v);
  return splits;
}

function plot(parent: HTMLElement, store: Store, times: number[], curves: Curve[], height: number,
  write: (v: number) => string, inBytes: boolean): uPlot {
  const shown = curves.filter((c) => c.values);
  const scale = axes(write);
  if (inBytes) scale[1].splits = byteSplits;
  const options: uPlot.Options = {
    width: parent.clientWidth,
    height,
    cursor: {
      sync: { key: 'time' }, drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    scales: { x: { time: false }, y: { range: (_, __, top) => [0, Math.max(top, 1) * 1.06] } },
    axes: scale,
    series: [
      { label: 'Time', value: (_, v) => (v === null ? '–' : time(v * 1e9)) },
      ...shown.map((c): uPlot.Series => ({
        label: c.label, stroke: () => colour(c.name), width: c.name === 'live' ? 2 : 1.5,
        dash: c.dash, spanGaps: true, fill: c.fill ? () => `${colour(c.name)}22` : undefined,
        points: { show: times.length < 3 }, value: (_, v) => write(v),
      }))],
    hooks: {
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const at = (px: number) => u.posToVal(px, 'x') * 1e9;
        const { left, width } = u.select;
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        store.setRange({ from: at(left), to: at(left + width) });
      }],
    },
  };
  const seconds = times.map((t) => t / 1e9);
  const made = new uPlot(options, [seconds, ...shown.map((c) => c.values!)] as uPlot.AlignedData,
    parent);
  made.over.addEventListener('dblclick', () => store.setRange(null));
  return made;
}

function zoom(plots: uPlot[], store: Store, times: number[]): void {
  const { range } = store.state;
  const min = (range ? range.from : times[0]) / 1e9;
  const max = (range ? range.to : times[times.length - 1]) / 1e9;
  for (const u of plots) if (max > min) u.setScale('x', { min, max });
}

export const timeline: View = {
  id: 'timeline',
  title: 'Timeline',
  missing: (store) =>
    (store.state.report.timeline?.time_ns.length ? null : 'The recording holds no timeline.'),
  build(panel, store) {
    const line = store.state.report.timeline!;
    const times = line.time_ns;
    const memory = h('div', { class: 'plot', role: 'img', 'aria-label':
      `Memory over time; most live ${bytes(Math.max(...line.live))}` });
    const traffic = h('div', { class: 'plot', role: 'img', 'aria-label': 'Calls per second' });
    panel.append(
      h('section', { class: 'panel' },
        h('h2', {}, 'Memory ', h('small', {}, 'bytes over time; drag to choose a time, double ' +
          'click for all; click a name to hide its curve')), memory),
      h('section', { class: 'panel' },
        h('h2', {}, 'Calls ', h('small', {}, 'per second')), traffic));
    const calls: Curve[] = [
      { label: 'Allocations', name: 'allocations', values: perSecond(times, line.allocations) },
      { label: 'Frees', name: 'frees', values: perSecond(times, line.frees), dash: [5, 4] }];
    const plots = [
      plot(memory, store, times, curvesOf(line), 360, bytes, true),
      plot(traffic, store, times, calls, 190, rate, false)];
    zoom(plots, store, times);
    return (changed) => {
      if (changed === 'theme') {
        for (const u of plots) {
          u.setSize({ width: u.root.parentElement!.clientWidth, height: u.height });
        }
        plots.forEach((u) => u.redraw());
      }
      zoom(plots, store, times);
    };
  },
};
