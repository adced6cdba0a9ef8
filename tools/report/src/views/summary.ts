// SPDX-License-Identifier: MIT
// Summary: the HTML that the command wrote, with ways from it into the other views, and the
// figures of the chosen time.

import { h } from '../dom';
import { bytes, count, rate, time } from '../format';
import type { Store, View } from '../state';

function card(title: string, value: string, text: string): HTMLElement {
  return h('div', { class: 'card' },
    h('h3', {}, title), h('p', { class: 'big' }, value), h('p', {}, text));
}

const most = (values: (number | null)[] | null, first: number, last: number) =>
  values ? values.slice(first, last + 1).reduce<number>((m, v) => Math.max(m, v ?? 0), 0) : null;

function rangeCards(store: Store): HTMLElement[] {
  const line = store.state.report.timeline!;
  const { range } = store.state;
  const [first, last] = store.span(line.time_ns);
  const sum = (values: number[]) => values.slice(first, last + 1).reduce((a, b) => a + b, 0);
  const seconds = (range!.to - range!.from) / 1e9;
  const allocations = sum(line.allocations);
  return [
    card('Peak live', bytes(most(line.live, first, last)), 'in this time'),
    card('Peak resident', bytes(most(line.resident, first, last)), 'in this time'),
    card('Allocations', count(allocations), rate(allocations / seconds)),
    card('Frees', count(sum(line.frees)), rate(sum(line.frees) / seconds))];
}

function linkSites(panel: HTMLElement, store: Store): void {
  const open = (id: number) => {
    store.setSite(id);
    store.setView('sites');
  };
  for (const row of panel.querySelectorAll<HTMLElement>('tr[data-site]')) {
    const id = Number(row.dataset.site);
    const name = row.querySelector('th')!;
    const link = h('button', { type: 'button', class: 'link', onclick: () => open(id) });
    link.append(...name.childNodes);
    name.append(link);
  }
  for (const article of panel.querySelectorAll<HTMLElement>('article[data-advice]')) {
    const advice = store.state.report.advice?.[Number(article.dataset.advice)];
    const site = store.site(advice?.site);
    if (site) {
      article.querySelector('h3')!.append(' ', h('button', {
        type: 'button', class: 'link small', onclick: () => open(site.id),
      }, 'show the site'));
    }
  }
}

export const summary: View = {
  id: 'summary',
  title: 'Summary',
  missing: () => null,
  build(panel, store) {
    linkSites(panel, store);
    const part = h('section', { class: 'panel chosen', hidden: true });
    panel.prepend(part);
    const update = () => {
      const { range, report } = store.state;
      part.hidden = !range || !report.timeline;
      if (part.hidden || !range) return;
      part.replaceChildren(
        h('h2', {}, 'In the chosen time ',
          h('small', {}, `${time(range.from)} – ${time(range.to)}; below: the whole run`)),
        h('div', { class: 'cards' }, ...rangeCards(store)));
    };
    update();
    return update;
  },
};
