// SPDX-License-Identifier: MIT
// What the views share: the report, the time filter, the chosen site; and its form in the address.

import type { Report, Site } from './report';

export interface Range {
  from: number;
  to: number;
}

export interface State {
  report: Report;
  view: string;
  range: Range | null;
  site: number | null;
  search: string;
}

type Part = 'range' | 'site' | 'search' | 'theme' | 'view';
type Listener = (changed: Part) => void;

export class Store {
  readonly state: State;
  private readonly listeners: Listener[] = [];
  private readonly siteById = new Map<number, Site>();

  constructor(report: Report) {
    this.state = { report, view: 'summary', range: null, site: null, search: '' };
    for (const site of report.sites) this.siteById.set(site.id, site);
    this.readHash();
  }

  site(id: number | null | undefined): Site | undefined {
    return id === null || id === undefined ? undefined : this.siteById.get(id);
  }

  onChange(listener: Listener): void {
    this.listeners.push(listener);
  }

  tell(changed: Part): void {
    this.writeHash();
    for (const listener of this.listeners) listener(changed);
  }

  setRange(range: Range | null): void {
    this.state.range = range;
    this.tell('range');
  }

  setSite(id: number | null): void {
    this.state.site = id;
    this.tell('site');
  }

  setSearch(text: string): void {
    this.state.search = text;
    this.tell('search');
  }

  setView(view: string): void {
    this.state.view = view;
    this.tell('view');
  }

  /** First and last index of the timeline's points that the filter lets through. */
  span(times: number[]): [number, number] {
    const { range } = this.state;
    if (!range) return [0, times.length - 1];
    let first = times.findIndex((t) => t >= range.from);
    if (first < 0) first = times.length - 1;
    let last = first;
    while (last + 1 < times.length && times[last + 1] <= range.to) last++;
    return [first, last];
  }

  readHash(): void {
    const [view, rest] = location.hash.slice(1).split('?');
    const words = new URLSearchParams(rest ?? '');
    const number = (name: string) => {
      const text = words.get(name);
      return text !== null && Number.isFinite(Number(text)) ? Number(text) : null;
    };
    const from = number('from');
    const to = number('to');
    const site = number('site');
    this.state.view = view || 'summary';
    this.state.range = from !== null && to !== null && from < to ? { from, to } : null;
    this.state.site = this.site(site) ? site : null;
    this.state.search = words.get('search') ?? '';
  }

  private writeHash(): void {
    const { view, range, site, search } = this.state;
    const words = new URLSearchParams();
    if (range) {
      words.set('from', String(Math.round(range.from)));
      words.set('to', String(Math.round(range.to)));
    }
    if (site !== null) words.set('site', String(site));
    if (search) words.set('search', search);
    const rest = words.toString();
    const hash = `#${view}${rest ? `?${rest}` : ''}`;
    if (hash === (location.hash || '#summary')) return;
    const viewChanged = location.hash.slice(1).split('?')[0] !== view;
    if (viewChanged) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  }
}

export interface View {
  id: string;
  title: string;
  /** What the view says when the report lacks its part; null when there is something to show. */
  missing(store: Store): string | null;
  /** Fills the panel once; what it returns is called when something shared has changed. */
  build(panel: HTMLElement, store: Store): Listener | void;
}
