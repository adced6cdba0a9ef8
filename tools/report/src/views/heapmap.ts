// SPDX-License-Identifier: MIT
// Heap map: address by time, and all pages at one time, through which one can scrub.

import { COLOURED_SITES, colour, css, rampColour } from '../colour';
import { choice, facts, h, hideTip, showTip } from '../dom';
import { bytes, count, share, time } from '../format';
import { frameName, stackList, swatch } from '../frames';
import { Grid, type Mode } from '../grid';
import type { Site } from '../report';
import type { Store, View } from '../state';
import { sparkline } from '../charts';

const PLAY_MS = 60;

class HeapMapView {
  private readonly grid: Grid;
  private mode: Mode = 'occupancy';
  private time: number;
  private page: number | null = null;
  private first = 0;
  private last: number;
  private side = 1;
  private perRow = 1;
  private playing = 0;
  private readonly overview = h('canvas', { class: 'overview', role: 'img' });
  private readonly cursor = h('i', { class: 'cursor', 'aria-hidden': 'true' });
  private readonly pages = h('canvas', { class: 'pages', tabindex: 0, role: 'img' });
  private readonly mark = h('i', { class: 'mark', 'aria-hidden': 'true', hidden: true });
  private readonly slider: HTMLInputElement;
  private readonly clock = h('output', { class: 'clock' });
  private readonly legend = h('div', { class: 'legend' });
  private readonly detail = h('aside', { class: 'panel detail', 'aria-live': 'polite' });
  private readonly play: HTMLButtonElement;
  private readonly siteIndex = new Map<number, number>();

  constructor(panel: HTMLElement, private readonly store: Store) {
    this.grid = new Grid(store.state.report.map!);
    store.state.report.sites.forEach((site, i) => this.siteIndex.set(site.id, i));
    this.last = this.grid.times.length - 1;
    this.time = this.fullest();
    this.slider = h('input', {
      type: 'range', min: 0, max: this.last, 'aria-label': 'Time',
      oninput: () => this.goTo(Number(this.slider.value)),
    });
    this.play = h('button', { type: 'button', onclick: () => this.togglePlay() }, 'Play');
    this.lay(panel);
    this.listen();
    this.showDetail();
  }

  /** The time with the most used bytes: the most telling one to start at. */
  private fullest(): number {
    let best = 0;
    let most = -1;
    for (let t = 0; t < this.grid.times.length; t++) {
      let sum = 0;
      for (let p = 0; p < this.grid.pages; p++) sum += this.grid.occupancy[this.grid.cell(t, p)];
      if (sum > most) [best, most] = [t, sum];
    }
    return best;
  }

  private lay(panel: HTMLElement): void {
    const { map } = this.grid;
    const modes: [Mode, string][] = [['occupancy', 'Occupancy'], ['site', 'Site'], ['age', 'Age']];
    const bar = h('div', { class: 'controls' },
      choice('Colour', modes, this.mode, (mode) => {
        this.mode = mode;
        this.draw();
      }),
      this.legend);
    const left = h('figure', {},
      h('figcaption', {}, 'Address × time ',
        h('small', {}, 'low addresses on top; click for a time')),
      h('div', { class: 'sheet' }, this.overview, this.cursor));
    const right = h('figure', {},
      h('figcaption', {}, 'Pages at ', this.clock,
        h('small', {}, ` ${count(this.grid.pages)} pages of ${bytes(map.page)}; click one`)),
      h('div', { class: 'sheet' }, this.pages, this.mark));
    panel.classList.add('split');
    panel.append(
      h('section', { class: 'panel' }, bar, h('div', { class: 'maps' }, left, right),
        h('div', { class: 'controls scrub' }, this.play, this.slider)),
      this.detail);
  }

  private listen(): void {
    this.overview.addEventListener('pointerdown', (event) => this.scrubTo(event));
    this.overview.addEventListener('pointermove', (event) => {
      if (event.buttons & 1) this.scrubTo(event);
    });
    this.pages.addEventListener('click', (event) => {
      const page = this.pageAt(event);
      if (page !== null) this.pick(page);
    });
    this.pages.addEventListener('mousemove', (event) => {
      const page = this.pageAt(event);
      if (page === null) hideTip();
      else showTip(event, h('b', {}, this.addressText(page)), this.pageFacts(page));
    });
    this.pages.addEventListener('mouseleave', hideTip);
    this.pages.addEventListener('keydown', (event) => this.key(event));
  }

  private scrubTo(event: PointerEvent): void {
    const part = event.offsetX / this.overview.clientWidth;
    this.goTo(this.first + Math.floor(part * (this.last - this.first + 1)));
  }

  private goTo(time: number): void {
    this.time = Math.min(Math.max(time, this.first), this.last);
    this.drawTime();
  }

  private togglePlay(): void {
    this.play.textContent = this.playing ? 'Play' : 'Pause';
    if (this.playing) {
      clearInterval(this.playing);
      this.playing = 0;
      return;
    }
    this.playing = setInterval(() => {
      this.goTo(this.time >= this.last ? this.first : this.time + 1);
    }, PLAY_MS);
  }

  private pageAt(event: MouseEvent): number | null {
    const column = Math.floor(event.offsetX / this.side);
    const page = Math.floor(event.offsetY / this.side) * this.perRow + column;
    return column < this.perRow && page < this.grid.pages ? page : null;
  }

  private key(event: KeyboardEvent): void {
    const step = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.perRow, ArrowUp: -this.perRow }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (this.page ?? -step) + step;
    if (next >= 0 && next < this.grid.pages) this.pick(next);
  }

  private pick(page: number): void {
    hideTip();
    this.page = page;
    this.drawMark();
    this.showDetail();
  }

  private siteOf(page: number): Site | undefined {
    const id = this.grid.siteAt(this.time, page);
    return this.store.site(id);
  }

  private addressText(page: number): string {
    return `0x${this.grid.addressOf(page).address.toString(16)}`;
  }

  private pageFacts(page: number): HTMLElement {
    const used = this.grid.occupancy[this.grid.cell(this.time, page)];
    const age = this.grid.age(this.time, page);
    const { times } = this.grid;
    const since = age > 0 ? times[this.time] - times[this.time - age + 1] : null;
    const other = this.grid.owner[this.grid.cell(this.time, page)] === 255;
    return facts([
      ['Used', used === 0 ? 'free' : `${used === 1 ? '< 1 %' : share(used / 255)} of ` +
        bytes(this.grid.map.page)],
      ['Held mostly by', this.siteOf(page)?.name ?? (other ? 'a smaller site' : '–')],
      ['Never empty for', since === null ? '–' : `${time(since)} or longer`]]);
  }

  private showDetail(): void {
    const { page, detail } = this;
    if (page === null) {
      detail.replaceChildren(h('p', { class: 'empty small' },
        'Choose a page, by a click or by the arrow keys, to see who holds it.'));
      return;
    }
    const row = this.grid.times.map((_, t) => this.grid.occupancy[this.grid.cell(t, page)]);
    const site = this.siteOf(page);
    detail.replaceChildren(
      h('h2', {}, `Page ${this.addressText(page)} `, h('small', {}, `at ${this.clock.value}`)),
      this.pageFacts(page),
      h('figure', { class: 'wide-spark' }, sparkline(row, 260, 34),
        h('figcaption', {}, 'its use over the run')));
    if (!site) return;
    const { report } = this.store.state;
    detail.append(
      h('h3', {}, swatch(this.siteIndex.get(site.id) ?? -1), ' ',
        h('button', {
          type: 'button', class: 'link', onclick: () => {
            this.store.setSite(site.id);
            this.store.setView('sites');
          },
        }, site.name ?? frameName(report.frames[site.frames[0]]))),
      h('p', { class: 'quiet' }, `${bytes(site.peak_live)} at its peak; pins ` +
        `${bytes(site.pinned)} in all`),
      stackList(report, site.id, 5));
  }

  draw(): void {
    [this.first, this.last] = this.store.span(this.grid.times);
    this.slider.min = String(this.first);
    this.slider.max = String(this.last);
    this.time = Math.min(Math.max(this.time, this.first), this.last);
    this.grid.usePalette(this.mode, (id) => this.siteIndex.get(id) ?? -1);
    this.drawOverview();
    this.drawLegend();
    this.drawTime();
  }

  private drawOverview(): void {
    const { overview } = this;
    overview.width = Math.max(1, overview.clientWidth);
    overview.height = Math.max(1, overview.clientHeight);
    const context = overview.getContext('2d')!;
    const image = context.createImageData(overview.width, overview.height);
    this.grid.paintOverview(image, this.mode, this.first, this.last);
    context.putImageData(image, 0, 0);
    overview.setAttribute('aria-label', `${count(this.grid.pages)} pages in ` +
      `${this.grid.map.regions.length} regions from ${time(this.grid.times[this.first])} to ` +
      time(this.grid.times[this.last]));
  }

  private drawTime(): void {
    const { pages } = this;
    const width = pages.clientWidth;
    const height = pages.clientHeight;
    this.side = Math.max(1, Math.floor(Math.sqrt(width * height / this.grid.pages)));
    while (this.side > 1 && Math.ceil(this.grid.pages / Math.floor(width / this.side)) * this.side >
      height) this.side--;
    this.side = Math.min(this.side, 24);
    this.perRow = Math.max(1, Math.floor(width / this.side));
    pages.width = Math.max(1, width);
    pages.height = Math.max(1, height);
    const context = pages.getContext('2d')!;
    const image = context.createImageData(pages.width, pages.height);
    this.grid.paintPages(image, this.mode, this.time, this.side, this.perRow);
    context.putImageData(image, 0, 0);
    this.clock.value = time(this.grid.times[this.time]);
    this.slider.value = String(this.time);
    this.slider.setAttribute('aria-valuetext', this.clock.value);
    const part = (this.time - this.first + 0.5) / (this.last - this.first + 1);
    this.cursor.style.left = `${100 * part}%`;
    this.drawMark();
    pages.setAttribute('aria-label', `Pages at ${this.clock.value}; arrows choose one`);
    if (this.page !== null) this.showDetail();
  }

  private drawMark(): void {
    this.mark.hidden = this.page === null;
    if (this.page === null) return;
    const { style } = this.mark;
    style.left = `${this.page % this.perRow * this.side - 3}px`;
    style.top = `${Math.floor(this.page / this.perRow) * this.side - 3}px`;
    style.width = style.height = `${this.side + 6}px`;
  }

  private drawLegend(): void {
    if (this.mode === 'site') {
      const named = this.store.state.report.sites.slice(0, COLOURED_SITES).map((site, i) =>
        h('span', { class: 'key', title: site.name ?? '' }, swatch(i),
          h('span', {}, site.name || '(unnamed)')));
      this.legend.replaceChildren(...named,
        h('span', { class: 'key' }, swatch(-1), 'smaller sites'));
      return;
    }
    const { mode } = this;
    const stops = Array.from({ length: 9 }, (_, i) => css(rampColour(mode, i / 8)));
    const ramp = h('i', { class: 'ramp' });
    ramp.style.background = `linear-gradient(90deg, ${stops.join(',')})`;
    const none = h('i', { class: 'swatch none' });
    none.style.background = colour('map-none');
    const ends = mode === 'age'
      ? ['just taken', 'held since the start'] : ['nearly empty', 'full'];
    this.legend.replaceChildren(h('span', { class: 'key' }, none, 'free'), ends[0], ramp, ends[1]);
  }
}

export const heapMap: View = {
  id: 'map',
  title: 'Heap map',
  missing: (store) => {
    const { map } = store.state.report;
    return map && map.pages > 0 && map.times_ns.length > 0
      ? null : 'The report holds no heap map: no page of a heap was ever in use.';
  },
  build(panel, store) {
    const view = new HeapMapView(panel, store);
    requestAnimationFrame(() => view.draw());
    return (changed) => {
      if (changed === 'range' || changed === 'theme') view.draw();
    };
  },
};
