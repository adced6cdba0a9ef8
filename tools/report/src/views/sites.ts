// SPDX-License-Identifier: MIT
// Sites: a table to sort and filter, and all about the chosen site beside it.

import { histogram, sparkline, type Bar } from '../charts';
import { facts, h } from '../dom';
import { bytes, count, share, time } from '../format';
import { frameList, frameName, stackList, swatch } from '../frames';
import type { Report, Site } from '../report';
import type { Store, View } from '../state';

const ROWS = 200;

interface Column {
  title: string;
  about: string;
  value: (site: Site) => number | string | null;
  text: (site: Site) => string;
}

const shareColumn = (title: string, about: string, value: (s: Site) => number | null): Column =>
  ({ title, about, value, text: (s) => share(value(s)) });

class SitesView {
  private readonly columns: Column[];
  private sortBy = 2;
  private falling = true;
  private showAll = false;
  private readonly head = h('tr');
  private readonly body = h('tbody');
  private readonly detail = h('aside', { class: 'panel detail', 'aria-live': 'polite' });
  private readonly filter: HTMLInputElement;
  private readonly found = h('output', { class: 'quiet' });
  private readonly report: Report;

  constructor(panel: HTMLElement, private readonly store: Store) {
    this.report = store.state.report;
    this.columns = this.makeColumns();
    this.filter = h('input', {
      type: 'search', placeholder: 'Filter by name, file or function', 'aria-label': 'Filter sites',
      value: store.state.search, oninput: () => store.setSearch(this.filter.value.trim()),
    });
    const table = h('table', { class: 'figures sites' }, h('thead', {}, this.head), this.body);
    panel.classList.add('split');
    panel.append(h('section', { class: 'panel' },
      h('div', { class: 'controls' }, this.filter, this.found),
      h('div', { class: 'scroll' }, table)), this.detail);
    this.body.addEventListener('keydown', (event) => this.key(event));
    this.fill();
    this.showDetail();
  }

  private makeColumns(): Column[] {
    return [
      { title: 'Site', about: 'where it is allocated', value: (s) => this.nameOf(s),
        text: (s) => this.nameOf(s) },
      { title: 'Live over time', about: 'from the start to the end, or in the chosen time',
        value: (s) => s.live_at_end, text: () => '' },
      { title: 'Peak live', about: 'most bytes live at once, in the chosen time',
        value: (s) => this.peakOf(s), text: (s) => bytes(this.peakOf(s)) },
      { title: 'Pinned', about: 'free bytes on pages that its blocks hold, at the peak footprint',
        value: (s) => s.pinned, text: (s) => bytes(s.pinned) },
      { title: 'Advice', about: 'the pool that fits', value: (s) => this.adviceOf(s),
        text: (s) => this.adviceOf(s) },
      { title: 'Allocations', about: 'in the whole run', value: (s) => s.allocations,
        text: (s) => count(s.allocations) },
      { title: 'Mean size', about: 'of an allocation', value: (s) => s.mean_size,
        text: (s) => bytes(s.mean_size) },
      shareColumn('Short-lived', 'died within the next 16 allocations', (s) => s.short_lived),
      shareColumn('LIFO', 'freed last in, first out', (s) => s.lifo),
      shareColumn('Batch', 'freed together with others of the site', (s) => s.batch),
      shareColumn('Cross-thread', 'freed by another thread', (s) => s.cross_thread),
      { title: 'Bytes', about: 'allocated in the whole run', value: (s) => s.bytes,
        text: (s) => bytes(s.bytes) }];
  }

  private nameOf(site: Site): string {
    return site.name || frameName(this.report.frames[site.frames?.[0]]);
  }

  private adviceOf(site: Site): string {
    return (site.advice === null ? null : this.report.advice?.[site.advice]?.pool) ?? '';
  }

  private inRange(site: Site): number[] {
    const times = this.report.timeline?.time_ns;
    if (!times || !this.store.state.range) return site.live_over_time ?? [];
    const [first, last] = this.store.span(times);
    return (site.live_over_time ?? []).slice(first, last + 1);
  }

  private peakOf(site: Site): number {
    return this.store.state.range ? Math.max(0, ...this.inRange(site)) : site.peak_live;
  }

  private matches(site: Site, words: string): boolean {
    if (words === '') return true;
    if (this.nameOf(site).toLowerCase().includes(words)) return true;
    return (site.frames ?? []).some((number) => {
      const frame = this.report.frames[number];
      return `${frameName(frame)} ${frame?.file ?? ''}`.toLowerCase().includes(words);
    });
  }

  private sorted(): Site[] {
    const words = this.store.state.search.toLowerCase();
    const column = this.columns[this.sortBy];
    const sign = this.falling ? -1 : 1;
    return this.report.sites.filter((site) => this.matches(site, words)).sort((a, b) => {
      const [x, y] = [column.value(a) ?? -1, column.value(b) ?? -1];
      return sign * (typeof x === 'string' ? x.localeCompare(String(y)) : x - Number(y));
    });
  }

  private fillHead(): void {
    this.head.replaceChildren(...this.columns.map((column, i) => {
      const sorted = i === this.sortBy ? (this.falling ? 'descending' : 'ascending') : 'none';
      const button = h('button', { type: 'button', title: column.about, onclick: () => {
        this.falling = i === this.sortBy ? !this.falling : i !== 0;
        this.sortBy = i;
        this.fill();
        (this.head.children[i].firstElementChild as HTMLElement).focus();
      } }, column.title);
      return h('th', { scope: 'col', 'aria-sort': sorted, class: i > 1 ? 'n' : '' }, button);
    }));
  }

  fill(): void {
    this.fillHead();
    const sites = this.sorted();
    const all = this.report.sites;
    if (document.activeElement !== this.filter) this.filter.value = this.store.state.search;
    this.found.value = sites.length === all.length
      ? `${all.length} sites` : `${sites.length} of ${all.length} sites`;
    const places = new Map(all.map((site, i) => [site, i]));
    const shown = this.showAll ? sites : sites.slice(0, ROWS);
    this.body.replaceChildren(...shown.map((site) => this.row(site, places.get(site)!)));
    if (shown.length < sites.length) this.body.append(this.moreRow(sites.length - shown.length));
    if (sites.length === 0) {
      this.body.append(h('tr', {}, h('td', { colspan: this.columns.length, class: 'empty' },
        'No site has this in its name, file or functions.')));
    }
  }

  private moreRow(left: number): HTMLElement {
    const more = h('button', { type: 'button', class: 'link', onclick: () => {
      this.showAll = true;
      this.fill();
    } }, `Show the other ${left} sites`);
    return h('tr', {}, h('td', { colspan: this.columns.length }, more));
  }

  private row(site: Site, index: number): HTMLElement {
    const chosen = site.id === this.store.state.site;
    const name = h('th', { scope: 'row' }, swatch(index), h('button', {
      type: 'button', class: 'link', title: this.nameOf(site),
      onclick: () => this.store.setSite(site.id),
    }, this.nameOf(site)));
    const cells = this.columns.slice(2).map((column) => h('td', { class: 'n' },
      column.title === 'Advice' && column.text(site)
        ? h('span', { class: 'pool' }, column.text(site)) : column.text(site)));
    return h('tr', {
      'data-site': site.id, 'aria-selected': String(chosen), class: chosen ? 'chosen' : '',
      onclick: () => this.store.setSite(site.id),
    }, name, h('td', {}, sparkline(this.inRange(site), 96, 20)), ...cells);
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = (event.target as HTMLElement).closest('tr');
    const next = step === 1 ? row?.nextElementSibling : row?.previousElementSibling;
    if (!step || !next) return;
    event.preventDefault();
    next.querySelector('button')?.focus();
  }

  choose(): void {
    for (const row of this.body.querySelectorAll<HTMLElement>('tr')) {
      const chosen = row.dataset.site === String(this.store.state.site);
      row.classList.toggle('chosen', chosen);
      row.setAttribute('aria-selected', String(chosen));
      if (chosen) row.scrollIntoView({ block: 'nearest' });
    }
    this.showDetail();
  }

  private showDetail(): void {
    const site = this.store.site(this.store.state.site) ?? this.sorted()[0];
    if (!site) {
      this.detail.replaceChildren();
      return;
    }
    this.detail.replaceChildren(
      h('h2', {}, this.nameOf(site)),
      facts(this.factsOf(site)), ...this.verdictOf(site),
      histogram('Sizes', sizeBars(site), site.sizes_left_out
        ? `the most frequent; ${count(site.sizes_left_out)} more` : 'bytes'),
      histogram('Lifetimes', powerBars(site.lifetimes_ns, time), 'time until freed'),
      histogram('Ages', powerBars(site.lifetimes_allocations, count),
        'allocations until freed'),
      h('h3', {}, 'Where'), frameList(this.report, (site.frames ?? []).slice(0, site.depth || 1)),
      h('h3', {}, 'Stacks'), stackList(this.report, site.id, 4));
  }

  private factsOf(site: Site): [string, string][] {
    const sizes = site.least_size === site.largest_size
      ? bytes(site.least_size) : `${bytes(site.least_size)} – ${bytes(site.largest_size)}`;
    return [
      ['Peak live', bytes(site.peak_live)], ['At the end', bytes(site.live_at_end)],
      ['Freed', `${count(site.frees)} of ${count(site.allocations)}`], ['Sizes', sizes],
      ['Reallocs', count(site.reallocs)], ['Threads', count(site.threads)],
      ['LIFO', share(site.lifo)], ['Batch', share(site.batch)],
      ['Cross-thread', share(site.cross_thread)], ['Pinned', bytes(site.pinned)]];
  }

  private verdictOf(site: Site): HTMLElement[] {
    const advice = site.advice === null ? undefined : this.report.advice?.[site.advice];
    if (!advice) return [];
    return [h('p', { class: 'says' }, h('span', { class: 'pool' }, advice.pool), ' ', advice.text)];
  }
}

function sizeBars(site: Site): Bar[] {
  return [...(site.sizes ?? [])].sort((a, b) => a[0] - b[0]).slice(0, 40)
    .map(([size, value]) => ({ label: bytes(size), value }));
}

/** Buckets of powers of two, without the empty ones at both ends. */
function powerBars(counts: number[] | null, write: (v: number) => string): Bar[] {
  const bars = (counts ?? []).map((value, i) => ({ label: write(2 ** i), value }));
  const first = bars.findIndex((bar) => bar.value > 0);
  if (first < 0) return [];
  let last = bars.length - 1;
  while (bars[last].value === 0) last--;
  return bars.slice(first, last + 1);
}

export const sites: View = {
  id: 'sites',
  title: 'Sites',
  missing: (store) => (store.state.report.sites.length
    ? null : 'The recording holds no site: nothing was allocated.'),
  build(panel, store) {
    const view = new SitesView(panel, store);
    return (changed) => {
      if (changed !== 'site') view.fill();
      view.choose();
    };
  },
};
