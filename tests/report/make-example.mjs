// SPDX-License-Identifier: MIT
// Makes reports to test the page with: node make-example.mjs KIND REPORT.json
//
// redis    a server's run: 60 sites, 400 stacks, 300 times, 8000 pages, replays, advice
// large    the most that the report of 10 million events holds: 25000 pages, 1000 sites
// hostile  names that try to leave the place they are written to, and names that are missing
// single   one event
// none     a recording without an event
import { writeFileSync } from 'node:fs';

let seed = 12345;
function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const whole = (low, high) => Math.floor(low + random() * (high - low));
const MIB = 1 << 20;

const FUNCTIONS = ['zmalloc', 'zcalloc', 'sdsnewlen', 'sdsMakeRoomFor', 'createObject',
  'createStringObject', 'dictAddRaw', 'dictResize', 'dictExpand', 'listpackInsert', 'lpNew',
  'quicklistCreateNode', 'quicklistPushHead', 'zslCreateNode', 'zslInsert', 'hashTypeSet',
  'hsetCommand', 'lpushCommand', 'zaddCommand', 'setCommand', 'processCommand', 'call',
  'processInputBuffer', 'readQueryFromClient', 'connSocketEventHandler', 'aeProcessEvents',
  'createClient', 'addReplyProto', '_addReplyToBuffer', 'feedReplicationBuffer', 'rdbSaveObject',
  'aofRewrite', 'clusterInit', 'luaM_realloc_', 'luaH_resize', 'evalGenericCommand'];
const ROOTS = ['main', 'aeMain', 'aeProcessEvents', 'connSocketEventHandler', 'readQueryFromClient',
  'processInputBuffer', 'processCommand', 'call'];

function makeFrames(hostile) {
  const frames = [...ROOTS, ...FUNCTIONS].map((name, i) => ({
    function: name, file: `/build/redis/src/${pick(['t_hash', 'dict', 'sds', 'networking'])}.c`,
    line: 20 + i * 13, module: '/usr/bin/redis-server', address: 0x401000 + i * 64,
  }));
  for (let i = 0; i < 12; i++) {
    frames.push({ function: null, file: null, line: null,
      module: i % 2 ? '/lib/x86_64-linux-gnu/libc.so.6' : null, address: 0x7f00001000 + i * 16 });
  }
  if (hostile) {
    frames[10].function = '</script><script>document.title="broken"</script>';
    frames[11].function = '"><img src=x onerror="document.title=\'broken\'">';
    frames[12].function = 'std::map<int, int>::operator[](int const&) & \u202e\u0001';
    frames[13].function = 'x'.repeat(3000);
  }
  return frames;
}

function histogramOf(peak, total) {
  const counts = Array.from({ length: 34 }, (_, i) => Math.exp(-((i - peak) ** 2) / 6));
  const sum = counts.reduce((a, b) => a + b, 0);
  return counts.map((c) => Math.round(c / sum * total));
}

function makeSites(n, times, frames, hostile) {
  return Array.from({ length: n }, (_, id) => {
    const peak = Math.round(14 * MIB / (1 + id) ** 1.15) + 64;
    const kind = id % 4;
    const phase = random();
    const live = times.map((_, t) => {
      const part = t / times.length;
      const grown = kind === 0 ? part ** 0.8 : kind === 1 ? Math.min(1, part * 3)
        : kind === 2 ? 0.5 + 0.5 * Math.sin(12 * part + 6 * phase)
          : Math.exp(-(((part - phase) * 5) ** 2));
      return Math.round(peak * Math.max(0, grown) * (0.92 + 0.08 * random()));
    });
    const most = Math.max(...live);
    const size = pick([24, 32, 48, 64, 96, 128, 512, 4096]);
    const allocations = Math.max(1, Math.round(most / size * (1 + 40 * random())));
    const frees = Math.max(0, allocations - Math.round(live[live.length - 1] / size));
    const chain = [ROOTS.length + whole(0, 5), ROOTS.length + whole(5, FUNCTIONS.length)];
    return {
      id, name: hostile && id < 4 ? frames[10 + id].function
        : hostile && id === 4 ? '' : `${frames[chain[1]].function} › ${frames[chain[0]].function}`,
      frames: [...chain, 7, 6, 5, 4, 3, 2, 1, 0], depth: 2, allocations, frees,
      bytes: allocations * size, peak_live: most, live_at_end: live[live.length - 1],
      mean_size: size * 1.08, least_size: size, largest_size: size * 4,
      sizes: [size, size + 8, size * 2, size * 4]
        .map((s, i) => [s, Math.round(allocations / 2 ** i / 2)]),
      sizes_left_out: id % 3, lifetimes_ns: histogramOf(8 + id % 18, frees),
      lifetimes_allocations: histogramOf(2 + id % 12, frees), short_lived: random(),
      lifo: random(), batch: random(), cross_thread: kind === 1 ? random() * 0.4 : 0,
      pinned: Math.round(most * 0.3 * random()), live_over_time: live, threads: 1 + id % 4,
      reallocs: id % 5 ? 0 : whole(1, 9000), advice: id < 3 ? id : null,
    };
  });
}

function makeStacks(n, sites, frames) {
  return Array.from({ length: n }, (_, i) => {
    const site = sites[i < sites.length ? i : Math.floor(random() ** 2 * sites.length)];
    const middle = Array.from({ length: whole(0, 6) }, () => whole(ROOTS.length, frames.length));
    const part = 0.7 * random() / (1 + (i < sites.length ? 0 : n / sites.length / 2));
    return {
      frames: [...site.frames.slice(0, 2), ...middle, ...site.frames.slice(2)], site: site.id,
      allocations: Math.round(site.allocations * part), bytes: Math.round(site.bytes * part),
      peak_live: Math.round(site.peak_live * part), pinned: Math.round(site.pinned * part),
      short_lived: Math.round(site.allocations * site.short_lived * part),
    };
  });
}

function makeTimeline(times, sites, events) {
  const live = times.map((_, t) => sites.reduce((sum, s) => sum + s.live_over_time[t], 0));
  const usable = live.map((v) => Math.round(v * 1.09));
  const pinned = usable.map((v, t) => Math.round(v * (1.06 + 0.14 * t / times.length)));
  let most = 0;
  const resident = pinned.map((v, t) => {
    most = Math.max(most * 0.995, v * 1.04);
    return t % 37 === 11 ? null : Math.round(most);
  });
  let held = 0;
  const footprint = resident.map((v) => (held = Math.max(held, (v ?? 0) * 1.12) | 0));
  const traffic = times.map((_, t) => 1 + Math.sin(t / 23) ** 2 * 3 + random());
  const sum = traffic.reduce((a, b) => a + b, 0);
  const allocations = traffic.map((v) => Math.round(v / sum * events * 0.54));
  const frees = traffic.map((v) => Math.round(v / sum * events * 0.46));
  return { time_ns: times, live, usable, pinned, resident, footprint, allocations, frees };
}

function makeMap(pages, times, sites) {
  const occupancy = Buffer.alloc(pages * times.length);
  const owner = Buffer.alloc(pages * times.length);
  for (let page = 0; page < pages; page++) {
    const born = (page / pages) ** 1.2 * 0.8 * times.length;
    const holder = Math.floor(random() ** 2.2 * Math.min(sites.length, 40));
    const dies = random() < 0.3 ? born + random() * times.length * 0.7 : Infinity;
    let full = 40 + random() * 215;
    for (let t = Math.floor(born); t < times.length; t++) {
      if (t > dies) full *= 0.93;
      const used = Math.round(Math.min(255, full));
      if (used < 6 && random() < 0.5) break;
      occupancy[t * pages + page] = Math.max(1, used);
      owner[t * pages + page] = page % 61 === 0 ? 255 : holder + 1;
    }
  }
  const first = Math.floor(pages * 0.7);
  return {
    page: 4096, times_ns: times, pages,
    regions: [{ start: '0x55d5c0a00000', pages: first },
      { start: '0x7f31d8000000', pages: pages - first }],
    occupancy: occupancy.toString('base64'), owner: owner.toString('base64'),
    sites: sites.slice(0, 254).map((s) => s.id),
  };
}

function makeReplays(peak) {
  return [['glibc', 'glibc malloc', 'libc6 2.36', 1, 38.5, 5200],
    ['poolkit', 'poolkit', 'poolkit 0.3.0', 0.86, 21.3, 1810],
    ['jemalloc', 'jemalloc', 'libjemalloc2 5.3.0', 1.18, 27.9, 2740],
    ['mimalloc', 'mimalloc', 'libmimalloc2.0 2.0.9', 1.31, 22.8, 960]].map(
    ([allocator, label, name, part, ns, calls]) => ({
      allocator, label, package: name, command: null, mode: 'merged', touch: 'all', rounds: 5,
      peak: peak * part, peak_low: peak * part * 0.985, peak_high: peak * part * 1.012,
      mean: peak * part * 0.71, footprint: peak * part * 1.1, live_peak: peak * 0.8,
      ns_per_event: ns, ns_low: ns * 0.95, ns_high: ns * 1.09, system_calls: calls, plan: null,
    }));
}

function makeAdvice(sites, hostile) {
  const texts = [
    ['block', 'Blocks of one size that come and go in any order: a block pool packs them.'],
    ['arena-scope', 'All of it dies when readQueryFromClient returns: an arena, reset at its end.'],
    ['thread-local', 'Made and freed by the same thread: a pool per thread needs no lock.']];
  return texts.slice(0, Math.min(3, sites.length)).map(([pool, text], i) => ({
    site: sites[i].id, sites: [sites[i].id], pool, parameters: { block_size: 64 }, text,
    memory: { low: 2.1 * MIB / (i + 1), high: 3.4 * MIB / (i + 1) },
    time_ns: { low: 4e6, high: 11e6 / (i + 1) },
    confidence: { level: ['high', 'medium', 'low'][i], volume: 1, stability: 0.94 - i / 8,
      runs: 0.7, model: 0.9 },
    evidence: ['98.2 % of its blocks are 64 bytes.', 'It held in all of 4 windows.'],
    counter_examples: i ? ['12 blocks outlived the call.'] : [],
    losers: i === 1 ? [{ site: sites[2].id, bytes: 48000 }] : [],
    code: hostile ? '</code></pre><script>document.title="broken"</script>'
      : '#include <poolkit/block_pool.h>\n\nstatic pk_block_pool nodes;\n\n' +
        'pk_block_pool_init(&nodes, sizeof(struct node), NULL);\n' +
        'struct node *node = pk_block_alloc(&nodes);',
    verified: i === 0 ? { memory: 2.6 * MIB, time_ns: 7e6, kept: true } : null,
  }));
}

function makeThreads(hostile) {
  const names = ['main', 'bio_close_file', 'bio_aof', 'io_thd_1', 'io_thd_2'];
  if (hostile) names[1] = '"><b>bold</b>';
  const frees = names.map((_, i) => names.map((__, k) =>
    (i === k ? whole(2e4, 1e6) : random() < 0.4 ? whole(1, 9000) : 0)));
  return { names, frees, allocations: frees.map((row) => row.reduce((a, b) => a + b, 0) + 1200),
    left_out: 2 };
}

function makeWaterfall(line) {
  const at = line.footprint.indexOf(Math.max(...line.footprint));
  const resident = line.resident[at] ?? line.pinned[at];
  const [live, usable, pinned] = [line.live[at], line.usable[at], line.pinned[at]];
  const free = Math.round((resident - pinned) * 0.7);
  return { at_ns: line.time_ns[at], live, rounding: usable - live, pinned: pinned - usable,
    free_pages: free, other: resident - pinned - free, resident,
    not_resident: line.footprint[at] - resident, footprint: line.footprint[at] };
}

function full({ events, nSites, nStacks, nTimes, pages, hostile }) {
  const duration = 18.4e9;
  const times = Array.from({ length: nTimes }, (_, t) => Math.round(t * duration / (nTimes - 1)));
  const frames = makeFrames(hostile);
  const sites = makeSites(nSites, times, frames, hostile);
  const timeline = makeTimeline(times, sites, events);
  const peak = Math.max(...timeline.live);
  const resident = Math.max(...timeline.resident.map((v) => v ?? 0));
  const held = Math.max(...timeline.footprint);
  const sum = (name) => sites.reduce((n, s) => n + s[name], 0);
  const command = hostile ? '/bin/x "</script><script>document.title=\'broken\'</script>" --a=\'b\''
    : '/usr/bin/redis-server --port 7777 --save "" --appendonly no';
  return {
    ...head(hostile ? '</title><b>"x"' : 'redis-server', command, events, duration),
    summary: {
      allocations: sum('allocations'), frees: sum('frees'), reallocs: sum('reallocs'),
      allocated_bytes: sum('bytes'), peak_live: peak,
      peak_live_ns: times[timeline.live.indexOf(peak)], peak_blocks: 214003,
      live_at_end: timeline.live[nTimes - 1], blocks_at_end: 198220, peak_resident: resident,
      peak_resident_ns: times[200 % nTimes], base_resident: 2.1 * MIB, threads: 5,
      cross_thread_frees: 0.03, short_lived: 0.707,
      age_curve: [[1, 0.001], [2, 0.1], [16, 0.707], [1024, 0.9]],
    },
    fragmentation: { jw1: 1.31, jw2: 1.4, jw3: 1.39, jw4: held / peak, p50: 1.29, p95: 1.44,
      p99: 1.52, internal: 0.083, pinned_4k: 1.2, pinned_64k: 1.31, pinned_2m: 1.6,
      rss_over_live: resident / peak, blowup_byte_seconds: 2.1e8 },
    waterfall: makeWaterfall(timeline),
    verdict: { level: 'some', headline: 'A third more memory is held than the program uses',
      reasons: ['9 % is rounding: most blocks of 40 bytes take 48.',
        'dictAddRaw pins 3.1 MiB of free bytes on half-empty pages.'] },
    timeline, frames, sites, stacks: makeStacks(nStacks, sites, frames), stacks_left_out: 1012,
    map: makeMap(pages, times, sites), threads: makeThreads(hostile),
    replays: makeReplays(resident),
    calibration: { recorded_peak: resident, replayed_peak: resident * 1.009, error: 0.009,
      trusted: true, reason: null },
    advice: makeAdvice(sites, hostile),
    nothing: { time_share: 0.018, most_seconds: 0.33, most_bytes: 5.2 * MIB,
      text: 'Allocation takes 1.8 % of the run: no pool can save more than 0.33 s of it.' },
    caveats: ['2 threads with little traffic are left out of the matrix.',
      'Memory that the program maps itself is not seen.'],
  };
}

function head(program, command, events, duration) {
  return {
    schema: 'poolkit-report', version: 1, tool: 'poolkit 0.3.0', created: '2025-03-01T10:20:30Z',
    recording: { command, program, host: 'example', allocator: 'glibc 2.36', stacks: 'full',
      pid: 4711, wall: 1740824430, duration_ns: duration, events,
      file_bytes: Math.round(events * 0.82), whole: true, dropped: 0, forked: 0, unknown_frees: 0, reordered: 0, mismatched: 0 },
  };
}

function none() {
  return {
    ...head('true', '/bin/true', 0, 900000),
    summary: { allocations: 0, frees: 0, reallocs: 0, allocated_bytes: 0, peak_live: 0,
      peak_live_ns: null, peak_blocks: 0, live_at_end: 0, blocks_at_end: 0, peak_resident: null,
      peak_resident_ns: null, base_resident: null, threads: 0, cross_thread_frees: 0,
      short_lived: null, age_curve: [] },
    fragmentation: null, waterfall: null, verdict: null, timeline: null, frames: [], sites: [],
    stacks: [], stacks_left_out: 0, map: null, threads: null, replays: [], calibration: null,
    advice: null, nothing: null, caveats: [],
  };
}

function single() {
  const report = none();
  const times = [0];
  const site = { id: 0, name: 'main', frames: [0], depth: 1, allocations: 1, frees: 0, bytes: 24,
    peak_live: 24, live_at_end: 24, mean_size: 24, least_size: 24, largest_size: 24,
    sizes: [[24, 1]], sizes_left_out: 0, lifetimes_ns: [], lifetimes_allocations: [],
    short_lived: 0, lifo: null, batch: null, cross_thread: 0, pinned: 4072, live_over_time: [24],
    threads: 1, reallocs: 0, advice: null };
  report.recording.events = 1;
  Object.assign(report.summary, { allocations: 1, allocated_bytes: 24, peak_live: 24 });
  return { ...report, sites: [site],
    frames: [{ function: 'main', file: null, line: null, module: null, address: 4096 }],
    stacks: [{ frames: [0], site: 0, allocations: 1, bytes: 24, peak_live: 24, short_lived: 0,
      pinned: 0 }],
    timeline: { time_ns: times, live: [24], usable: [24], pinned: [4096], resident: [null],
      footprint: [135168], allocations: [1], frees: [0] },
    map: { page: 4096, times_ns: times, pages: 1, regions: [{ start: '0x1000', pages: 1 }],
      occupancy: 'AQ==', owner: 'AQ==', sites: [0] },
    threads: { names: ['main'], frees: [[0]], allocations: [1], left_out: 0 }, advice: [] };
}

const kinds = {
  redis: () => full({ events: 2.6e6, nSites: 60, nStacks: 400, nTimes: 300, pages: 8000 }),
  large: () => full({ events: 1e7, nSites: 1000, nStacks: 5000, nTimes: 300, pages: 25000 }),
  hostile: () =>
    full({ events: 9e4, nSites: 12, nStacks: 60, nTimes: 40, pages: 500, hostile: true }),
  single, none,
};

const [kind, path] = process.argv.slice(2);
if (!kinds[kind] || !path) {
  console.error(`usage: make-example.mjs ${Object.keys(kinds).join('|')} REPORT.json`);
  process.exit(2);
}
writeFileSync(path, JSON.stringify(kinds[kind]()));
