// SPDX-License-Identifier: MIT
// The strip under the tabs: live and resident bytes over the whole run, on which a time is chosen
// for every view.

import { colour } from './colour';
import { h, sheetOf } from './dom';
import { bytes, time } from './format';
import type { Range, Store } from './state';

const KEY_STEP = 0.02;

class Strip {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly label: HTMLElement;
  private readonly clear: HTMLButtonElement;
  private readonly first: number;
  private readonly last: number;
  private dragFrom: number | null = null;

  constructor(private readonly store: Store, private readonly times: number[],
    private readonly curves: [string, (number | null)[]][]) {
    this.first = times[0];
    this.last = times[times.length - 1];
    this.canvas = h('canvas', {
      tabindex: 0, role: 'slider',
      'aria-label': 'Time filter: arrows move, shift and arrows resize',
      'aria-valuemin': 0, 'aria-valuemax': 100,
    });
    this.label = h('output', { class: 'range' });
    this.clear = h('button', { type: 'button', onclick: () => store.setRange(null) }, 'Whole run');
    this.element = h('div', { class: 'strip' }, this.canvas, this.label, this.clear);
    this.listen();
    store.onChange((changed) => {
      if (changed === 'range' || changed === 'theme') this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.dragFrom = this.timeAt(event);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.dragFrom !== null) this.brush(this.dragFrom, this.timeAt(event));
    });
    canvas.addEventListener('pointerup', () => { this.dragFrom = null; });
    canvas.addEventListener('dblclick', () => this.store.setRange(null));
    canvas.addEventListener('keydown', (event) => this.key(event));
  }

  private timeAt(event: PointerEvent): number {
    const box = this.canvas.getBoundingClientRect();
    const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    return this.first + part * (this.last - this.first);
  }

  private brush(a: number, b: number): void {
    const width = this.last - this.first;
    if (Math.abs(b - a) < width / 200) return;
    this.store.setRange({ from: Math.min(a, b), to: Math.max(a, b) });
  }

  private key(event: KeyboardEvent): void {
    const sign = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!sign) return;
    event.preventDefault();
    const step = sign * KEY_STEP * (this.last - this.first);
    const now: Range = this.store.state.range ??
      { from: this.first, to: this.first + (this.last - this.first) / 4 };
    const from = event.shiftKey ? now.from : Math.max(this.first, now.from + step);
    const to = Math.min(this.last, now.to + step);
    if (to - from > Math.abs(step) / 2) this.store.setRange({ from, to });
  }

  private draw(): void {
    const { context, width, height } = sheetOf(this.canvas);
    if (width === 0) return;
    const top = Math.max(1, ...this.curves.flatMap(([, values]) => values.map((v) => v ?? 0)));
    const x = (t: number) => (t - this.first) / (this.last - this.first) * width;
    const y = (v: number) => height - 1 - v / top * (height - 6);
    for (const [name, values] of this.curves) {
      context.beginPath();
      context.moveTo(0, height);
      values.forEach((v, i) => {
        if (v !== null) context.lineTo(x(this.times[i]), y(v));
      });
      context.lineTo(width, height);
      context.globalAlpha = name === 'live' ? 0.75 : 0.3;
      context.fillStyle = colour(name);
      context.fill();
    }
    context.globalAlpha = 1;
    this.drawRange(context, x, width, height);
  }

  private drawRange(context: CanvasRenderingContext2D, x: (t: number) => number,
    width: number, height: number): void {
    const { range } = this.store.state;
    this.clear.hidden = !range;
    const text = range
      ? `${time(range.from)} – ${time(range.to)}`
      : `whole run, ${time(this.last - this.first)}`;
    this.label.textContent = text;
    this.canvas.setAttribute('aria-valuetext', text);
    const middle = range ? (range.from + range.to) / 2 - this.first : 0;
    this.canvas.setAttribute('aria-valuenow',
      String(Math.round(100 * middle / (this.last - this.first))));
    if (!range) return;
    const [left, right] = [x(range.from), x(range.to)];
    context.fillStyle = colour('veil');
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.fillStyle = colour('accent');
    context.fillRect(left - 1, 0, 2, height);
    context.fillRect(right - 1, 0, 2, height);
  }
}

export function buildStrip(store: Store): HTMLElement | null {
  const line = store.state.report.timeline;
  if (!line || line.time_ns.length < 2) return null;
  const curves: [string, (number | null)[]][] = [];
  if (line.resident) curves.push(['resident', line.resident]);
  curves.push(['live', line.live]);
  const strip = new Strip(store, line.time_ns, curves);
  strip.element.title = `Peak live ${bytes(Math.max(...line.live))}. Drag to choose a time.`;
  return strip.element;
}
