// SPDX-License-Identifier: MIT
// Colours. Series are Okabe and Ito's, which people with colour blindness can tell apart; they
// stand in style.css, once for light and once for dark.

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const isDark = () => document.documentElement.dataset.theme === 'dark';

export type Rgb = [number, number, number];

export type Ramp = 'occupancy' | 'age' | 'count';

/** Stops from 0 to 1. Occupancy runs from orange, a page held for little, to blue, a full one. */
const RAMPS: Record<Ramp, { light: Rgb[]; dark: Rgb[] }> = {
  occupancy: {
    light: [[204, 76, 2], [236, 140, 44], [247, 196, 128],
      [196, 212, 226], [96, 160, 210], [0, 92, 158]],
    dark: [[255, 140, 60], [216, 124, 62], [150, 104, 78],
      [84, 100, 122], [72, 130, 184], [98, 182, 255]],
  },
  age: {
    light: [[214, 240, 229], [140, 210, 186], [66, 168, 140], [16, 122, 102], [0, 72, 66]],
    dark: [[22, 58, 54], [24, 92, 82], [34, 134, 114], [70, 182, 150], [170, 236, 205]],
  },
  count: {
    light: [[227, 239, 250], [158, 202, 236], [80, 154, 212], [0, 104, 172]],
    dark: [[23, 48, 74], [30, 78, 122], [50, 118, 180], [98, 174, 245]],
  },
};

export function rampColour(ramp: Ramp, part: number): Rgb {
  const stops = RAMPS[ramp][isDark() ? 'dark' : 'light'];
  const at = Math.min(Math.max(part, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const mix = (k: 0 | 1 | 2) =>
    Math.round(stops[i][k] + (stops[i + 1][k] - stops[i][k]) * (at - i));
  return [mix(0), mix(1), mix(2)];
}

const SITES_LIGHT: Rgb[] = [
  [0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233],
  [122, 92, 180], [148, 120, 62]];
const SITES_DARK: Rgb[] = [
  [66, 153, 212], [232, 122, 46], [32, 184, 140], [217, 143, 183], [238, 178, 48], [120, 200, 245],
  [156, 130, 214], [178, 152, 96]];

/** The first sites have a colour each; the others share a grey. */
export function siteColour(index: number): Rgb {
  const colours = isDark() ? SITES_DARK : SITES_LIGHT;
  if (index >= 0 && index < colours.length) return colours[index];
  return isDark() ? [104, 114, 128] : [158, 166, 177];
}

export const COLOURED_SITES = SITES_LIGHT.length;

export const css = ([r, g, b]: Rgb) => `rgb(${r},${g},${b})`;
