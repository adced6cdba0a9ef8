// SPDX-License-Identifier: MIT
// Elements without a framework. Text always becomes a text node: names of functions and programs
// can hold anything.

type Child = Node | string | number | null | undefined | false;
type Handler = (event: never) => void;
type Attributes = Record<string, string | number | boolean | Handler | null | undefined>;

const SVG = 'http://www.w3.org/2000/svg';

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag) as SVGElementTagNameMap[K], attributes, children);
}

export const empty = (...text: Child[]) => h('p', { class: 'empty' }, ...text);

/** A group of buttons of which one is on, as radio buttons are. */
export function choice<T extends string>(
  label: string, options: [T, string][], chosen: T, onChoose: (value: T) => void): HTMLElement {
  const group = h('div', { class: 'choice', role: 'radiogroup', 'aria-label': label });
  const choose = (button: HTMLElement, value: T) => {
    for (const other of group.children) {
      other.setAttribute('aria-checked', String(other === button));
      (other as HTMLElement).tabIndex = other === button ? 0 : -1;
    }
    onChoose(value);
  };
  for (const [value, text] of options) {
    const button = h('button', {
      type: 'button', role: 'radio', 'data-value': value,
      'aria-checked': String(value === chosen), tabindex: value === chosen ? 0 : -1,
      onclick: () => choose(button, value),
    }, text);
    group.append(button);
  }
  group.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = [...group.children] as HTMLElement[];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  });
  return group;
}

let tip: HTMLElement | null = null;

/** Shows a tooltip beside the pointer; hideTip takes it away. */
export function showTip(event: { clientX: number; clientY: number }, ...content: Child[]): void {
  tip ??= document.body.appendChild(h('div', { class: 'tip', role: 'tooltip' }));
  tip.replaceChildren(...content.filter((c): c is Node | string => !!c) as (Node | string)[]);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const right = event.clientX + 14 + box.width < innerWidth;
  const below = event.clientY + 16 + box.height < innerHeight;
  const x = right ? event.clientX + 14 : event.clientX - 14 - box.width;
  tip.style.left = `${Math.max(4, x)}px`;
  tip.style.top = `${below ? event.clientY + 16 : event.clientY - 12 - box.height}px`;
}

export function hideTip(): void {
  if (tip) tip.hidden = true;
}

/** Rows of label and value for tooltips and panels. */
export function facts(rows: [string, Child][]): HTMLElement {
  return h('dl', { class: 'facts' },
    ...rows.flatMap(([label, value]) => [h('dt', {}, label), h('dd', {}, value)]));
}

export interface Sheet {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
}

/** Sizes a canvas to its box in device pixels; drawing is in CSS pixels. */
export function sheetOf(canvas: HTMLCanvasElement): Sheet {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d')!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
