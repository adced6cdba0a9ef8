// SPDX-License-Identifier: MIT
// Colours. Series are Okabe and Ito's, which people with colour blindness can tell apart; they
// stand in style.css, once for light and once for dark.

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const isDark = () => document.documentElement.dataset.theme === 'dark';

export type Rgb = [number, number, number];

/** Stops of cividis, which grows in lightness evenly for every kind of sight. */
const SCALE: Rgb[] = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120],
  [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]];

export function scaleColour(part: number): Rgb {
  const at = Math.min(Math.max(part, 0), 1) * (SCALE.length - 1);
  const i = Math.min(Math.floor(at), SCALE.length - 2);
  const mix = (k: 0 | 1 | 2) => Math.round(SCALE[i][k] + (SCALE[i + 1][k] - SCALE[i][k]) * (at - i));
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
