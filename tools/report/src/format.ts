// SPDX-License-Identifier: MIT
// Figures as people read them: three digits and a unit, as the command prints them.

type Value = number | null | undefined;

const UNKNOWN = '–';

function threeDigits(value: number): string {
  const decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(decimals);
}

function scaled(value: Value, step: number, units: string[], whole: boolean): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const sign = value < 0 ? '−' : '';
  let left = Math.abs(value);
  let i = 0;
  while (left >= 999.5 && i < units.length - 1) {
    left /= step;
    i++;
  }
  const digits = (i === 0 && whole) || Number.isInteger(left) ? left.toFixed(0) : threeDigits(left);
  return `${sign}${digits}${units[i]}`;
}

export const bytes = (value: Value) =>
  scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB'], true);
export const count = (value: Value) =>
  (typeof value === 'number' && Math.abs(value) < 10000 && Number.isInteger(value)
    ? String(value).replace('-', '−') : scaled(value, 1000, ['', 'k', 'M', 'G', 'T'], true));
export const rate = (value: Value) =>
  scaled(value, 1000, [' /s', 'k /s', 'M /s', 'G /s'], true);
export const time = (ns: Value) => scaled(ns, 1000, [' ns', ' µs', ' ms', ' s'], true);

export function share(value: Value): string {
  if (value === null || value === undefined) return UNKNOWN;
  const percent = value * 100;
  return `${percent.toFixed(percent > 0 && percent < 9.95 ? 1 : 0)} %`;
}

export function ratio(value: Value): string {
  return value === null || value === undefined ? UNKNOWN : `${threeDigits(value)}×`;
}

/** Axis labels: as short as they can be told apart at this step. */
export function axisLabel(value: number, step: number, write: (v: number) => string): string {
  if (value === 0) return '0';
  const text = write(value);
  const next = write(value + step);
  const short = (t: string) => t.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');
  return text === next ? text : short(text);
}

export function address(value: string | number | null): string {
  if (value === null) return UNKNOWN;
  return typeof value === 'number' ? `0x${value.toString(16)}` : value;
}
