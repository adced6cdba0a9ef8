// SPDX-License-Identifier: MIT
// Frames and stacks as people read them.

import { h } from './dom';
import { address, bytes, count } from './format';
import type { Frame, Report, Stack } from './report';
import { siteColour, css } from './colour';

const base = (path: string) => path.slice(path.lastIndexOf('/') + 1);

export function frameName(frame: Frame | undefined): string {
  if (!frame) return '(unknown)';
  if (frame.function) return frame.function;
  const at = address(frame.address);
  return frame.module ? `${base(frame.module)} + ${at}` : at;
}

export function framePlace(frame: Frame | undefined): string {
  if (!frame) return '';
  if (frame.file) return frame.line ? `${base(frame.file)}:${frame.line}` : base(frame.file);
  return frame.function && frame.module ? base(frame.module) : '';
}

export function frameList(report: Report, frames: number[]): HTMLElement {
  return h('ol', { class: 'frames' }, ...frames.map((number) => {
    const frame = report.frames[number];
    return h('li', {}, h('code', {}, frameName(frame)), ' ',
      h('small', {}, framePlace(frame)));
  }));
}

/** The heaviest stacks of a site, of which the first is open. */
export function stackList(report: Report, site: number, most: number): HTMLElement {
  const stacks: Stack[] = report.stacks
    .filter((stack) => stack.site === site)
    .sort((a, b) => b.peak_live - a.peak_live);
  if (stacks.length === 0) {
    return h('p', { class: 'empty small' }, 'No stack of this site is in the report.');
  }
  const list = h('div', { class: 'stacks' }, ...stacks.slice(0, most).map((stack, i) =>
    h('details', { open: i === 0 },
      h('summary', {}, h('b', {}, bytes(stack.peak_live)), ' peak, ',
        `${count(stack.allocations)} allocations`),
      frameList(report, stack.frames))));
  if (stacks.length > most) {
    list.append(h('p', { class: 'quiet' }, `and ${stacks.length - most} smaller stacks`));
  }
  return list;
}

export function swatch(index: number): HTMLElement {
  const mark = h('i', { class: 'swatch', 'aria-hidden': 'true' });
  mark.style.background = css(siteColour(index));
  return mark;
}
