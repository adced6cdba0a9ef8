// SPDX-License-Identifier: MIT
// Flame graph: callers on top, what they call below, as wide as the chosen metric says.

import { colour } from '../colour';
import { choice, facts, h, hideTip, sheetOf, showTip } from '../dom';
import { bytes, count, share } from '../format';
import { frameName, framePlace } from '../frames';
import type { Frame, Report, Stack } from '../report';
import type { Store, View } from '../state';

type Metric = 'peak_live' | 'bytes' | 'allocations' | 'short_lived' | 'pinned';

const METRICS: [Metric, string][] = [
  ['peak_live', 'Peak live'], ['bytes', 'Allocated bytes'], ['allocations', 'Allocations'],
  ['short_lived', 'Short-lived'], ['pinned', 'Pinned']];

const ROW = 20;
const LEAST_WIDTH = 1;

interface Node {
  name: string;
  frame: Frame | undefined;
  parent: Node | null;
  depth: number;
  value: number;
  children: Map<string, Node>;
  x: number;
  width: number;
}

function nodeOf(name: string, frame: Frame | undefined, parent: Node | null): Node {
  const depth = parent ? parent.depth + 1 : 0;
  return { name, frame, parent, depth, value: 0, children: new Map(), x: 0, width: 0 };
}

/** The stack's share of what its site held at most in the chosen time. */
function weightInRange(store: Store, stack: Stack): number {
  const site = store.site(stack.site);
  const line = store.state.report.timeline;
  if (!store.state.range || !site?.live_over_time || !line || site.peak_live === 0) return 1;
  const [first, last] = store.span(line.time_ns);
  let most = 0;
  for (let i = first; i <= last; i++) most = Math.max(most, site.live_over_time[i] ?? 0);
  return Math.min(1, most / site.peak_live);
}

function buildTree(store: Store, metric: Metric): Node {
  const { report } = store.state;
  const root = nodeOf('all', undefined, null);
  for (const stack of report.stacks) {
    const whole = stack[metric] ?? 0;
    const value = metric === 'peak_live' ? whole * weightInRange(store, stack) : whole;
    if (!(value > 0)) continue;
    addStack(root, report, stack, value);
  }
  return root;
}

function addStack(root: Node, report: Report, stack: Stack, value: number): void {
  let node = root;
  node.value += value;
  for (let i = stack.frames.length - 1; i >= 0; i--) {
    const frame = report.frames[stack.frames[i]];
    const name = frameName(frame);
    let child = node.children.get(name);
    if (!child) {
      child = nodeOf(name, frame, node);
      node.children.set(name, child);
    }
    child.value += value;
    node = child;
  }
}

const byValue = (node: Node) => [...node.children.values()].sort((a, b) => b.value - a.value);

/** A hue per library, in the order of their weight; a little lighter or darker by name. */
class Hues {
  private readonly known = new Map<string, number>();
  private static readonly hues = [208, 32, 160, 280, 350, 60];

  of(node: Node): number {
    const module = node.frame?.module ?? '';
    if (module === '') return 0;
    if (!this.known.has(module)) this.known.set(module, this.known.size);
    return Hues.hues[this.known.get(module)! % Hues.hues.length];
  }
}

function tintOf(name: string): number {
  let hash = 3;
  for (let i = 0; i < name.length; i++) hash = (hash * 33 + name.charCodeAt(i)) >>> 0;
  return hash % 9 - 4;
}

class FlameGraph {
  metric: Metric = 'peak_live';
  private root: Node;
  private zoomed: Node;
  private picked: Node | null = null;
  private shown: Node[] = [];
  private readonly hues = new Hues();
  private readonly canvas: HTMLCanvasElement;
  private readonly path: HTMLElement;
  private readonly note: HTMLElement;

  constructor(panel: HTMLElement, private readonly store: Store) {
    this.canvas = h('canvas', { class: 'flame', tabindex: 0, role: 'img' });
    this.path = h('p', { class: 'path', 'aria-live': 'polite' });
    this.note = h('p', { class: 'quiet' });
    panel.append(this.path, this.canvas, this.note);
    this.root = this.zoomed = buildTree(store, this.metric);
    this.listen();
  }

  rebuild(): void {
    this.root = this.zoomed = buildTree(this.store, this.metric);
    this.picked = null;
    this.draw();
  }

  private write(value: number): string {
    return this.metric === 'allocations' || this.metric === 'short_lived'
      ? count(value) : bytes(value);
  }

  private listen(): void {
    this.canvas.addEventListener('mousemove', (event) => {
      const node = this.nodeAt(event);
      this.canvas.style.cursor = node ? 'pointer' : 'default';
      if (!node) hideTip();
      else showTip(event, h('b', {}, node.name), this.tipOf(node));
    });
    this.canvas.addEventListener('mouseleave', hideTip);
    this.canvas.addEventListener('click', (event) => {
      const node = this.nodeAt(event);
      if (node) this.zoom(node);
    });
    this.canvas.addEventListener('keydown', (event) => this.key(event));
  }

  private tipOf(node: Node): HTMLElement {
    return facts([
      ['Here', `${this.write(node.value)} (${share(node.value / this.root.value)})`],
      ['Of its caller', node.parent ? share(node.value / node.parent.value) : '–'],
      ['Source', framePlace(node.frame) || '–']]);
  }

  private zoom(node: Node): void {
    hideTip();
    this.zoomed = node;
    this.picked = node;
    this.draw();
  }

  private key(event: KeyboardEvent): void {
    const at = this.picked ?? this.zoomed;
    const beside = at.parent ? byValue(at.parent) : [at];
    const i = beside.indexOf(at);
    const next: Record<string, Node | null | undefined> = {
      ArrowDown: byValue(at)[0], ArrowUp: at.parent,
      ArrowRight: beside[i + 1] ?? at, ArrowLeft: beside[i - 1] ?? at };
    if (event.key === 'Enter') this.zoom(at);
    else if (event.key === 'Escape' && this.zoomed !== this.root) this.zoom(this.root);
    else if (event.key in next) {
      this.picked = next[event.key] ?? at;
      this.draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private nodeAt(event: MouseEvent): Node | undefined {
    const row = Math.floor(event.offsetY / ROW);
    return this.shown.find((node) => node.depth === row &&
      event.offsetX >= node.x && event.offsetX < node.x + node.width);
  }

  private place(node: Node, x: number, width: number): void {
    node.x = x;
    node.width = width;
    this.shown.push(node);
    let left = x;
    for (const child of byValue(node)) {
      const wide = width * child.value / node.value;
      if (wide >= LEAST_WIDTH) this.place(child, left, wide);
      left += wide;
    }
  }

  private layOut(width: number): void {
    this.shown = [];
    for (let node = this.zoomed.parent; node; node = node.parent) {
      node.x = 0;
      node.width = width;
      this.shown.push(node);
    }
    this.place(this.zoomed, 0, width);
  }

  draw(): void {
    const { canvas } = this;
    this.layOut(canvas.clientWidth);
    const rows = 1 + this.shown.reduce((most, node) => Math.max(most, node.depth), 0);
    canvas.style.height = `${rows * ROW + 2}px`;
    const { context } = sheetOf(canvas);
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'middle';
    const words = this.store.state.search.toLowerCase();
    let found = 0;
    for (const node of this.shown) {
      const hit = words !== '' && node.name.toLowerCase().includes(words);
      if (hit && !this.hasFoundParent(node, words)) found += node.value;
      this.drawNode(context, node, words === '' ? null : hit);
    }
    this.describe(words, found);
  }

  private hasFoundParent(node: Node, words: string): boolean {
    for (let up = node.parent; up; up = up.parent) {
      if (up.name.toLowerCase().includes(words)) return true;
    }
    return false;
  }

  private drawNode(context: CanvasRenderingContext2D, node: Node, hit: boolean | null): void {
    const above = node.depth < this.zoomed.depth;
    const y = node.depth * ROW;
    const light = Number(colour('flame-light')) + tintOf(node.name);
    const grey = node.frame?.module ? colour('flame-grey') : '8%';
    context.fillStyle = hit === true ? colour('found')
      : node.parent === null ? colour('raised') : `hsl(${this.hues.of(node)} ${grey} ${light}%)`;
    context.globalAlpha = above || hit === false ? 0.45 : 1;
    context.fillRect(node.x, y, Math.max(node.width - 1, 0.5), ROW - 1);
    context.globalAlpha = 1;
    if (node === this.picked) {
      context.strokeStyle = colour('accent');
      context.lineWidth = 2;
      context.strokeRect(node.x + 1, y + 1, node.width - 3, ROW - 3);
    }
    if (node.width < 28) return;
    context.fillStyle = hit === true ? '#111' : colour('flame-ink');
    const room = node.width - 10;
    context.fillText(fitText(context, node.name, room), node.x + 5, y + ROW / 2);
  }

  private describe(words: string, found: number): void {
    const at = this.picked ?? this.zoomed;
    const part = this.root.value ? at.value / this.root.value : 0;
    const total = `${this.write(at.value)}, ${share(part)}`;
    this.path.replaceChildren(h('b', {}, at === this.root ? 'All stacks' : at.name), ` ${total}`);
    if (words) this.path.append(` · “${words}”: ${share(found / (this.root.value || 1))}`);
    if (this.zoomed !== this.root) {
      this.path.append(' ', h('button', {
        type: 'button', class: 'link', onclick: () => this.zoom(this.root) }, 'show all'));
    }
    this.canvas.setAttribute('aria-label', `Flame graph, ${at.name}: ${total}. Arrows move, ` +
      'Enter zooms, Escape shows all.');
    const { report, range } = this.store.state;
    const cut = report.stacks_left_out
      ? `${count(report.stacks_left_out)} smaller stacks are left out. ` : '';
    const filter = !range ? this.metric !== 'peak_live' ? ''
      : 'Peaks of single stacks, which need not be at the same time.' : this.metric === 'peak_live'
      ? 'Time filter: each stack is scaled by what its site held at most in the chosen time.'
      : 'This metric is a sum over the whole run; the time filter does not apply.';
    this.note.textContent = cut + filter;
  }
}

function fitText(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return low > 1 ? `${text.slice(0, low)}…` : '';
}

export const flame: View = {
  id: 'flame',
  title: 'Flame graph',
  missing: (store) => (store.state.report.stacks.length
    ? null : 'The recording holds no stacks: it was made without them, or nothing was allocated.'),
  build(panel, store) {
    const box = h('section', { class: 'panel' });
    const bar = h('div', { class: 'controls' });
    box.append(bar);
    panel.append(box);
    const graph = new FlameGraph(box, store);
    bar.append(choice('Metric', METRICS, 'peak_live', (metric) => {
      graph.metric = metric;
      graph.rebuild();
    }));
    requestAnimationFrame(() => graph.draw());
    return (changed) => {
      if (changed === 'range') graph.rebuild();
      else graph.draw();
    };
  },
};
