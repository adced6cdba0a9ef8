// SPDX-License-Identifier: MIT
// The report as docs/report-json.md describes it, and its decoding from the page.

export interface Recording {
  command: string | null;
  program: string | null;
  duration_ns: number | null;
  events: number | null;
}

export interface Timeline {
  time_ns: number[];
  live: number[];
  usable: (number | null)[] | null;
  pinned: (number | null)[] | null;
  resident: (number | null)[] | null;
  footprint: (number | null)[] | null;
  allocations: number[];
  frees: number[];
}

export interface Frame {
  function: string | null;
  file: string | null;
  line: number | null;
  module: string | null;
  address: string | number | null;
}

export interface Site {
  id: number;
  name: string | null;
  frames: number[];
  depth: number;
  allocations: number;
  frees: number;
  bytes: number;
  peak_live: number;
  live_at_end: number;
  mean_size: number;
  least_size: number;
  largest_size: number;
  sizes: [number, number][];
  sizes_left_out: number;
  lifetimes_ns: number[];
  lifetimes_allocations: number[];
  short_lived: number | null;
  lifo: number | null;
  batch: number | null;
  cross_thread: number | null;
  pinned: number | null;
  live_over_time: number[];
  threads: number | null;
  reallocs: number;
  advice: number | null;
}

export interface Stack {
  frames: number[];
  site: number;
  allocations: number;
  bytes: number;
  peak_live: number;
  short_lived: number;
  pinned: number;
}

export interface HeapMap {
  page: number;
  times_ns: number[];
  regions: { start: string | number; pages: number }[];
  pages: number;
  /** Cells of all times of the first page, then of the next. */
  occupancy: Uint8Array;
  owner: Uint8Array;
  sites: number[];
}

export interface Threads {
  names: string[];
  frees: number[][];
  allocations: number[];
  left_out: number;
}

export interface Replay {
  allocator: string;
  label: string | null;
  package: string | null;
  mode: string | null;
  touch: string | null;
  rounds: number | null;
  peak: number | null;
  peak_low: number | null;
  peak_high: number | null;
  mean: number | null;
  footprint: number | null;
  live_peak: number | null;
  ns_per_event: number | null;
  ns_low: number | null;
  ns_high: number | null;
  system_calls: number | null;
  plan: unknown;
}

export interface Advice {
  site: number | null;
  pool: string;
  text: string;
  memory: { low: number; high: number } | null;
  time_ns: { low: number; high: number } | null;
  confidence: { level: string } | null;
}

export interface Report {
  recording: Recording;
  timeline: Timeline | null;
  frames: Frame[];
  sites: Site[];
  stacks: Stack[];
  stacks_left_out: number;
  map: HeapMap | null;
  threads: Threads | null;
  replays: Replay[];
  calibration: {
    recorded_peak: number | null;
    replayed_peak: number | null;
    error: number | null;
    trusted: boolean;
    reason: string | null;
  } | null;
  advice: Advice[] | null;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function unpack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('this browser cannot inflate gzip; Chrome 80, Firefox 113, Safari 16.4 can');
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The JSON ends at the first NUL; the heap map's cells follow. */
function parse(bundle: Uint8Array): Report {
  const end = bundle.indexOf(0);
  const report = JSON.parse(new TextDecoder().decode(bundle.subarray(0, end))) as Report;
  if (report.map) {
    const half = (bundle.length - end - 1) / 2;
    report.map.occupancy = bundle.subarray(end + 1, end + 1 + half);
    report.map.owner = bundle.subarray(end + 1 + half);
  }
  report.frames ??= [];
  report.sites ??= [];
  report.stacks ??= [];
  report.replays ??= [];
  return report;
}

export async function loadReport(): Promise<Report> {
  const element = document.getElementById('data');
  if (!element) throw new Error('the page holds no data');
  const bytes = fromBase64(element.textContent ?? '');
  const packed = element.dataset.packed === 'gzip';
  element.remove();
  return parse(packed ? await unpack(bytes) : bytes);
}
