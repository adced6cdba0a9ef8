// SPDX-License-Identifier: MIT
// The page's frame: tabs, keys, theme, help, and the strip that sets the time filter.

import { h } from './dom';
import { loadReport } from './report';
import { Store, type View } from './state';
import { buildStrip } from './strip';
import { flame } from './views/flame';
import { heapMap } from './views/heapmap';
import { sites } from './views/sites';
import { summary } from './views/summary';
import { threads } from './views/threads';
import { timeline } from './views/timeline';
import { whatIf } from './views/whatif';

const views: View[] = [summary, timeline, heapMap, flame, sites, whatIf, threads];
const THEME = 'poolkit-theme';

function remembered(): string | null {
  try {
    return localStorage.getItem(THEME);
  } catch {
    return null; // a page without an origin may not store anything
  }
}

function setTheme(theme: string, remember: boolean): void {
  document.documentElement.dataset.theme = theme;
  if (!remember) return;
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    /* as above */
  }
}

function startTheme(store: Store): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const choose = () => setTheme(remembered() ?? (dark.matches ? 'dark' : 'light'), false);
  choose();
  dark.addEventListener('change', () => {
    choose();
    store.tell('theme');
  });
}

function helpDialog(): HTMLDialogElement {
  const keys: [string, string][] = [
    ['1 … 7', 'the views'], ['← →', 'the view before, after; in charts: move'],
    ['/', 'search a function or a site'], ['Esc', 'clear the search, the time filter, the zoom'],
    ['d', 'dark or light'], ['?', 'this help']];
  const close = h('button', { type: 'button', onclick: () => dialog.close() }, 'Close');
  const dialog = h('dialog', { 'aria-label': 'Keys' },
    h('h2', {}, 'Keys'),
    h('dl', { class: 'facts keys' },
      ...keys.flatMap(([key, text]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, text)])),
    h('p', {}, 'Drag over the strip under the tabs or over a timeline to choose a time: figures ' +
      'that are known over time then count for it alone. The address of the page keeps the view, ' +
      'the time, the search and the site.'),
    close);
  document.body.append(dialog);
  return dialog;
}

class Frame {
  private readonly panels = new Map<string, HTMLElement>();
  private readonly tabs = new Map<string, HTMLElement>();
  private readonly updates = new Map<string, (changed: never) => void>();
  private readonly stale = new Set<string>();
  private readonly search: HTMLInputElement;
  private readonly help = helpDialog();

  constructor(private readonly store: Store) {
    this.search = h('input', {
      type: 'search', placeholder: 'Search functions, sites  /', 'aria-label': 'Search',
      value: store.state.search, oninput: () => store.setSearch(this.search.value.trim()),
    });
    const head = document.getElementById('head')!;
    head.append(this.buildTabs(), this.buildTools());
    const strip = buildStrip(store);
    if (strip) head.after(strip);
    store.onChange((changed) => this.changed(changed));
    addEventListener('popstate', () => this.follow());
    addEventListener('hashchange', () => this.follow());
    addEventListener('keydown', (event) => this.key(event));
    let waiting = 0;
    addEventListener('resize', () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.changed('theme'), 100);
    });
    this.show();
  }

  private buildTabs(): HTMLElement {
    const list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views' });
    views.forEach((view, i) => {
      const tab = h('button', {
        type: 'button', role: 'tab', id: `tab-${view.id}`, 'aria-controls': `view-${view.id}`,
        onclick: () => this.store.setView(view.id),
      }, h('kbd', { 'aria-hidden': 'true' }, i + 1), view.title);
      this.tabs.set(view.id, tab);
      list.append(tab);
    });
    return list;
  }

  private buildTools(): HTMLElement {
    return h('div', { class: 'tools' }, this.search,
      h('button', {
        type: 'button', class: 'icon', 'aria-label': 'Dark or light', title: 'Dark or light (d)',
        onclick: () => this.toggleTheme(),
      }, '◐'),
      h('button', {
        type: 'button', class: 'icon', 'aria-label': 'Help', title: 'Keys (?)',
        onclick: () => this.help.showModal(),
      }, '?'));
  }

  private toggleTheme(): void {
    setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark', true);
    this.store.tell('theme');
  }

  private follow(): void {
    this.store.readHash();
    this.search.value = this.store.state.search;
    this.show();
    for (const part of ['range', 'site', 'search'] as const) this.changed(part);
  }

  private panel(view: View): HTMLElement {
    const made = this.panels.get(view.id);
    if (made) return made;
    const id = `view-${view.id}`;
    const panel = document.getElementById(id) ?? h('section', { id, class: 'view' });
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', `tab-${view.id}`);
    document.getElementById('main')!.append(panel);
    this.panels.set(view.id, panel);
    const missing = view.missing(this.store);
    if (missing) {
      panel.append(h('p', { class: 'empty' }, missing));
      return panel;
    }
    const update = view.build(panel, this.store);
    if (update) this.updates.set(view.id, update as (changed: never) => void);
    return panel;
  }

  private show(): void {
    const chosen = views.find((view) => view.id === this.store.state.view) ?? views[0];
    this.store.state.view = chosen.id;
    document.getElementById('view-summary')!.hidden = chosen.id !== 'summary';
    for (const [id, panel] of this.panels) panel.hidden = id !== chosen.id;
    this.panel(chosen).hidden = false;
    for (const [id, tab] of this.tabs) {
      tab.setAttribute('aria-selected', String(id === chosen.id));
      tab.tabIndex = id === chosen.id ? 0 : -1;
    }
    this.tabs.get(chosen.id)!.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (this.stale.delete(chosen.id)) this.updates.get(chosen.id)?.('theme' as never);
  }

  /** Only the view that is seen is drawn anew; the others when they are shown. */
  private changed(part: string): void {
    if (part === 'view') {
      this.show();
      return;
    }
    const { view } = this.store.state;
    for (const [id, update] of this.updates) {
      if (id === view) update(part as never);
      else this.stale.add(id);
    }
  }

  private step(by: number): void {
    const at = views.findIndex((view) => view.id === this.store.state.view);
    const next = views[(at + by + views.length) % views.length];
    const onTab = (document.activeElement as HTMLElement | null)?.role === 'tab';
    this.store.setView(next.id);
    if (onTab) this.tabs.get(next.id)!.focus();
  }

  private clear(): void {
    if (this.store.state.search) {
      this.search.value = '';
      this.store.setSearch('');
    } else if (this.store.state.range) {
      this.store.setRange(null);
    }
    if (document.activeElement === this.search) this.search.blur();
  }

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.help.open) return;
    if (event.key === 'Escape') {
      this.clear();
      return;
    }
    const target = event.target as HTMLElement;
    if (target.matches('input, textarea, select')) return;
    if (/^[1-7]$/.test(event.key)) this.store.setView(views[Number(event.key) - 1].id);
    else if (event.key === 'ArrowRight') this.step(1);
    else if (event.key === 'ArrowLeft') this.step(-1);
    else if (event.key === 'd') this.toggleTheme();
    else if (event.key === '?') this.help.showModal();
    else if (event.key === '/') this.search.focus();
    else return;
    event.preventDefault();
  }
}

async function start(): Promise<void> {
  try {
    const store = new Store(await loadReport());
    startTheme(store);
    new Frame(store);
    document.documentElement.dataset.ready = 'true';
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    document.getElementById('main')!.prepend(
      h('p', { class: 'note', role: 'alert' }, `The charts cannot be shown: ${text}.`));
  }
}

void start();
