// SPDX-License-Identifier: MIT
// Threads: which thread freed what which thread allocated.

import { css, rampColour } from '../colour';
import { choice, h } from '../dom';
import { count, share } from '../format';
import type { Threads } from '../report';
import type { View } from '../state';

type Unit = 'blocks' | 'share';

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

function cell(
  threads: Threads, row: number, column: number, unit: Unit, most: number): HTMLElement {
  const { names } = threads;
  const value = threads.frees[row]?.[column] ?? 0;
  const part = value / (sum(threads.frees[row] ?? []) || 1);
  const made = h('td', {
    class: row === column ? 'n own' : 'n',
    title: `${count(value)} blocks of ${names[row]} were freed by ${names[column]}: ` +
      `${share(part)} of its freed blocks`,
  }, value === 0 ? '·' : unit === 'blocks' ? count(value) : share(part));
  if (value > 0) {
    const strength = unit === 'blocks' ? Math.log(1 + value) / Math.log(1 + most) : part;
    const back = rampColour('count', strength);
    made.style.background = css(back);
    made.style.color = back[0] * 0.3 + back[1] * 0.59 + back[2] * 0.11 > 128 ? '#111' : '#fff';
  }
  return made;
}

function matrix(threads: Threads, unit: Unit): HTMLElement[] {
  const most = Math.max(1, ...threads.frees.flat());
  const head = h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'allocated by ↓ freed by →'),
    ...threads.names.map((name) => h('th', { scope: 'col', class: 'n' }, name)),
    h('th', { scope: 'col', class: 'n' }, 'never freed'),
    h('th', { scope: 'col', class: 'n' }, 'allocations')));
  const rows = threads.names.map((name, row) => h('tr', {}, h('th', { scope: 'row' }, name),
    ...threads.names.map((_, column) => cell(threads, row, column, unit, most)),
    h('td', { class: 'n' }, count(Math.max(0,
      (threads.allocations[row] ?? 0) - sum(threads.frees[row] ?? [])))),
    h('td', { class: 'n' }, count(threads.allocations[row]))));
  return [head, h('tbody', {}, ...rows)];
}

function sentence(threads: Threads): string {
  const all = sum(threads.frees.flat());
  const own = sum(threads.frees.map((row, i) => row[i] ?? 0));
  if (all === 0) return 'Nothing was freed.';
  return `${share((all - own) / all)} of the freed blocks were freed by another thread than the ` +
    'one that allocated them. Always the whole run.' +
    (threads.left_out ? ` ${count(threads.left_out)} threads with less traffic are left out.` : '');
}

export const threads: View = {
  id: 'threads',
  title: 'Threads',
  missing: (store) => (store.state.report.threads?.names.length
    ? null : 'The report tells nothing about threads: nothing was allocated.'),
  build(panel, store) {
    const found = store.state.report.threads!;
    const table = h('table', { class: 'figures matrix' }, ...matrix(found, 'blocks'));
    const units: [Unit, string][] = [['blocks', 'Blocks'], ['share', 'Share of the row']];
    let unit: Unit = 'blocks';
    const draw = () => table.replaceChildren(...matrix(found, unit));
    panel.append(h('section', { class: 'panel' },
      h('h2', {}, 'Who frees whose blocks'), h('p', { class: 'lead' }, sentence(found)),
      h('div', { class: 'controls' }, choice('Unit', units, unit, (chosen) => {
        unit = chosen;
        draw();
      })),
      h('div', { class: 'scroll' }, table)));
    return draw;
  },
};
