// SPDX-License-Identifier: MIT
// The heap map's cells: what each page held at each time, and the pixels of both pictures.

import { isDark, rampColour, siteColour, type Rgb } from './colour';
import type { HeapMap } from './report';

export type Mode = 'occupancy' | 'site' | 'age';

const NOBODY = 0;
const OTHER = 255;

export class Grid {
  readonly pages: number;
  readonly times: number[];
  readonly occupancy: Uint8Array;
  readonly owner: Uint8Array;
  private ages: Uint16Array | null = null;
  private palette: Uint32Array = new Uint32Array(256);

  constructor(readonly map: HeapMap) {
    this.pages = map.pages;
    this.times = map.times_ns;
    const cells = this.pages * this.times.length;
    if (map.occupancy.length !== cells || map.owner.length !== cells) {
      throw new Error('the heap map is not as large as it says');
    }
    this.occupancy = this.byTime(map.occupancy);
    this.owner = this.byTime(map.owner);
  }

  /** Row after row, one per time: what is drawn is one time after the other. */
  private byTime(cells: Uint8Array): Uint8Array {
    const { pages } = this;
    const times = this.times.length;
    const rows = new Uint8Array(cells.length);
    for (let page = 0; page < pages; page++) {
      for (let time = 0; time < times; time++) {
        rows[time * pages + page] = cells[page * times + time];
      }
    }
    return rows;
  }

  cell(time: number, page: number): number {
    return time * this.pages + page;
  }

  /** For how many times in a row, up to this one, the page has held something. */
  age(time: number, page: number): number {
    this.ages ??= this.findAges();
    return this.ages[this.cell(time, page)];
  }

  private findAges(): Uint16Array {
    const { pages, occupancy } = this;
    const ages = new Uint16Array(occupancy.length);
    for (let i = 0; i < ages.length; i++) {
      if (occupancy[i] > 0) ages[i] = 1 + (i >= pages ? ages[i - pages] : 0);
    }
    return ages;
  }

  /** The site that holds most of the page; null: nobody, or one of the rest. */
  siteAt(time: number, page: number): number | null {
    const number = this.owner[this.cell(time, page)];
    if (number === NOBODY || number === OTHER) return null;
    return this.map.sites?.[number - 1] ?? number - 1;
  }

  addressOf(page: number): { address: bigint; region: number } {
    let left = page;
    for (let i = 0; i < this.map.regions.length; i++) {
      const region = this.map.regions[i];
      if (left < region.pages) {
        return { address: BigInt(region.start) + BigInt(left) * BigInt(this.map.page), region: i };
      }
      left -= region.pages;
    }
    return { address: 0n, region: -1 };
  }

  nearest(ns: number): number {
    let best = 0;
    this.times.forEach((t, i) => {
      if (Math.abs(t - ns) < Math.abs(this.times[best] - ns)) best = i;
    });
    return best;
  }

  usePalette(mode: Mode, indexOf: (site: number) => number): void {
    const rgba = ([r, g, b]: Rgb) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    const none: Rgb = isDark() ? [26, 31, 38] : [236, 239, 243];
    for (let i = 0; i < 256; i++) {
      this.palette[i] = rgba(mode === 'site'
        ? siteColour(i === OTHER ? -1 : indexOf(this.map.sites?.[i - 1] ?? i - 1))
        : rampColour(mode, i / 255));
    }
    this.palette[0] = rgba(none);
  }

  private level(mode: Mode, time: number, page: number): number {
    const i = this.cell(time, page);
    if (mode === 'occupancy') return this.occupancy[i];
    if (mode === 'site') return this.owner[i];
    const age = this.age(time, page);
    return age === 0 ? 0 : Math.max(1, Math.round(255 * age / this.times.length));
  }

  /** Time from left to right, address from top to bottom; a pixel shows the fullest of its pages,
   * and for occupancy and age their mean. */
  paintOverview(image: ImageData, mode: Mode, first: number, last: number): void {
    const { width, height } = image;
    const pixels = new Uint32Array(image.data.buffer);
    for (let x = 0; x < width; x++) {
      const time = first + Math.floor(x * (last - first + 1) / width);
      for (let y = 0; y < height; y++) {
        const from = Math.floor(y * this.pages / height);
        const to = Math.max(from + 1, Math.floor((y + 1) * this.pages / height));
        pixels[y * width + x] = this.palette[this.summary(mode, time, from, to)];
      }
    }
  }

  private summary(mode: Mode, time: number, from: number, to: number): number {
    const row = time * this.pages;
    let fullest = from;
    let sum = 0;
    let used = 0;
    for (let page = from; page < to; page++) {
      const full = this.occupancy[row + page];
      if (full > this.occupancy[row + fullest]) fullest = page;
      if (full > 0) {
        used++;
        sum += mode === 'site' ? 0 : this.level(mode, time, page);
      }
    }
    if (used === 0) return 0;
    if (mode === 'site') return this.owner[row + fullest];
    return Math.max(1, Math.round(sum / (mode === 'occupancy' ? to - from : used)));
  }

  /** One square per page in rows, at one time. */
  paintPages(image: ImageData, mode: Mode, time: number, side: number, perRow: number): void {
    const { width, height } = image;
    const pixels = new Uint32Array(image.data.buffer);
    const gap = side >= 4 ? 1 : 0;
    for (let page = 0; page < this.pages; page++) {
      const colour = this.palette[this.level(mode, time, page)];
      const left = page % perRow * side;
      const top = Math.floor(page / perRow) * side;
      for (let y = top; y < Math.min(top + side - gap, height); y++) {
        pixels.fill(colour, y * width + left, y * width + Math.min(left + side - gap, width));
      }
    }
  }
}
