// SPDX-License-Identifier: MIT
// Clicks through the pages in a folder: node browser.mjs FOLDER, called by browser.sh.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.POOLKIT_BUILD, 'tests/report/package.json'));
const puppeteer = require('puppeteer-core');
const folder = process.argv[2];
const reportOf = (kind) => JSON.parse(readFileSync(join(folder, `${kind}.json`), 'utf8'));
const VIEWS = ['summary', 'timeline', 'map', 'flame', 'sites', 'what-if', 'threads'];
const LONGEST_OPENING = 10_000;
const LARGEST_PAGE = 3 << 20;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'],
});
let failures = 0;

/** A page on which anything but silence is an error: no message, no request, no second title. */
async function open(kind, { hash = '', scheme = 'light', scripts = true, width = 1400 } = {}) {
  const page = await browser.newPage();
  const troubles = [];
  page.on('console', (message) => troubles.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => troubles.push(`dialog: ${dialog.message()}`));
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    const own = request.url().startsWith('file:') && request.isNavigationRequest();
    if (!own && !request.url().startsWith('data:')) troubles.push(`request: ${request.url()}`);
    void request.continue();
  });
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.setJavaScriptEnabled(scripts);
  const start = Date.now();
  await page.goto(`file://${folder}/${kind}.html${hash}`);
  if (scripts) await page.waitForSelector('html[data-ready]', { timeout: LONGEST_OPENING });
  return { page, troubles, opened: Date.now() - start };
}

async function test(name, kind, options, body) {
  const { page, troubles, opened } = await open(kind, options);
  try {
    await body(page, opened);
    assert.deepEqual(troubles, [], 'the page is silent');
    console.log(`ok      ${name}`);
  } catch (error) {
    failures++;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
  await page.close();
}

const text = (page, selector) => page.$eval(selector, (e) => e.innerText);
const shown = (page) => page.$$eval('main > .view', (all) =>
  all.filter((e) => !e.hidden).map((e) => e.id.replace('view-', '')));
const settle = (page) => page.evaluate(() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
}));

async function clickPart(page, selector, x, y) {
  const box = await (await page.$(selector)).boundingBox();
  await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
}

async function brush(page, from, to) {
  const box = await (await page.$('.strip canvas')).boundingBox();
  await page.mouse.move(box.x + from * box.width, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + to * box.width, box.y + 10, { steps: 4 });
  await page.mouse.up();
}

/** Whether a canvas shows more than one colour. */
const painted = (page, selector) => page.$eval(selector, (canvas) => {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext('2d', { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  const colours = new Set(new Uint32Array(data.buffer));
  return colours.size > 1;
});

function bytes(value) {
  let left = value;
  let unit = 0;
  for (; left >= 999.5; unit++) left /= 1024;
  const digits = unit === 0 || Number.isInteger(left) ? 0 : left < 9.995 ? 2 : left < 99.95 ? 1 : 0;
  return `${left.toFixed(digits)} ${['B', 'KiB', 'MiB', 'GiB'][unit]}`;
}

const redis = reportOf('redis');

for (const scheme of ['light', 'dark']) {
  await test(`every view by its tab, ${scheme}`, 'redis', { scheme }, async (page) => {
    assert.equal(await page.$eval('html', (e) => e.dataset.theme), scheme);
    for (const view of VIEWS) {
      await page.click(`#tab-${view}`);
      assert.deepEqual(await shown(page), [view]);
      await settle(page);
      assert.ok((await text(page, `#view-${view}`)).length > 40, `${view} says something`);
    }
  });
}

await test('every view by its key, and the other keys', 'redis', {}, async (page) => {
  for (const [i, view] of VIEWS.entries()) {
    await page.keyboard.press(String(i + 1));
    assert.deepEqual(await shown(page), [view]);
  }
  await page.keyboard.press('ArrowRight');
  assert.deepEqual(await shown(page), ['summary']);
  await page.keyboard.press('ArrowLeft');
  assert.deepEqual(await shown(page), ['threads']);
  await page.keyboard.press('d');
  assert.equal(await page.$eval('html', (e) => e.dataset.theme), 'dark');
  await page.keyboard.press('?');
  assert.ok(await page.$eval('dialog', (e) => e.open), 'help is open');
  await page.keyboard.press('Escape');
  assert.ok(!(await page.$eval('dialog', (e) => e.open)), 'help is closed');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.type), 'search');
});

await test('the summary tells what the report says', 'redis', {}, async (page) => {
  const said = await text(page, '#view-summary');
  for (const value of [bytes(redis.summary.peak_live), bytes(redis.summary.peak_resident),
    redis.verdict.headline, redis.advice[1].text, redis.nothing.text, redis.caveats[0]]) {
    assert.ok(said.includes(value), `says ${value}`);
  }
  assert.equal((await page.$$('.waterfall tr')).length, 8);
  assert.equal((await page.$$('.advice')).length, redis.advice.length);
});

await test('the summary without scripts', 'redis', { scripts: false }, async (page) => {
  const said = await page.evaluate(() => document.body.innerText);
  for (const value of [bytes(redis.summary.peak_live), redis.verdict.headline, redis.sites[0].name,
    redis.advice[0].text, 'need JavaScript']) {
    assert.ok(said.includes(value), `says ${value}`);
  }
});

await test('the timeline is drawn and its curves have names', 'redis', { hash: '#timeline' },
  async (page) => {
    await settle(page);
    assert.ok(await painted(page, '#view-timeline canvas'));
    const legend = await text(page, '#view-timeline');
    for (const name of ['Live', 'Usable', 'Pinned', 'Resident', 'Footprint', 'Allocations']) {
      assert.ok(legend.includes(name), name);
    }
  });

await test('the brush filters every view', 'redis', { hash: '#sites' }, async (page) => {
  const cell = '.sites tr[data-site="0"] td:nth-child(3)';
  assert.equal(await text(page, cell), bytes(redis.sites[0].peak_live));
  await brush(page, 0.02, 0.22);
  const { from, to } = await page.evaluate(() =>
    Object.fromEntries(new URLSearchParams(location.hash.split('?')[1])));
  const { time_ns: times } = redis.timeline;
  const chosen = (_, i) => times[i] >= +from && times[i] <= +to;
  const inside = redis.sites[0].live_over_time.filter(chosen);
  assert.ok(inside.length > 30 && inside.length < 90, `${inside.length} points are chosen`);
  assert.equal(await text(page, cell), bytes(Math.max(...inside)));
  await page.keyboard.press('1');
  const most = redis.timeline.live.filter(chosen);
  assert.ok((await text(page, '.chosen')).includes(bytes(Math.max(...most))));
  await page.keyboard.press('3');
  await settle(page);
  const last = await page.$eval('#view-map input[type=range]', (e) => Number(e.max));
  assert.ok(times[last] <= +to && times[last + 1] > +to, 'the map ends where the filter does');
  await page.keyboard.press('4');
  assert.ok((await text(page, '#view-flame')).includes('Time filter'));
  await page.keyboard.press('Escape');
  assert.ok(!(await page.evaluate(() => location.hash)).includes('from'), 'Escape clears it');
});

await test('from a page of the heap to its site and stacks', 'redis', { hash: '#map' },
  async (page) => {
    await settle(page);
    assert.ok(await painted(page, '.overview') && await painted(page, '.pages'));
    for (const mode of ['site', 'age', 'occupancy']) {
      await page.click(`#view-map [data-value=${mode}]`);
      assert.ok(await painted(page, '.pages'), mode);
    }
    // A page with an owner at the time that is shown, looked up in the report.
    const time = await page.$eval('#view-map input[type=range]', (e) => Number(e.value));
    const owner = Buffer.from(redis.map.owner, 'base64');
    const row = owner.subarray(time * redis.map.pages, (time + 1) * redis.map.pages);
    const wanted = row.findIndex((o, i) => i > 300 && o > 0 && o < 255);
    const site = redis.sites.find((s) => s.id === redis.map.sites[row[wanted] - 1]);
    await page.focus('.pages');
    await page.keyboard.press('ArrowDown');
    const [x, y] = await page.$eval('.mark', (e, n) => {
      const side = parseFloat(e.style.width) - 6;
      const perRow = Math.floor(document.querySelector('.pages').clientWidth / side);
      return [(n % perRow + 0.4) * side, (Math.floor(n / perRow) + 0.4) * side];
    }, wanted);
    const box = await (await page.$('.pages')).boundingBox();
    await page.mouse.click(box.x + x, box.y + y);
    const detail = await text(page, '#view-map .detail');
    assert.ok(detail.includes(site.name), `names ${site.name}: ${detail.slice(0, 200)}`);
    assert.ok((await page.$$('#view-map .frames li')).length > 2, 'frames are listed');
    await page.click('#view-map .detail h3 .link');
    assert.deepEqual(await shown(page), ['sites']);
    assert.equal(await text(page, '#view-sites .detail h2'), site.name);
  });

await test('scrubbing goes through time', 'redis', { hash: '#map' }, async (page) => {
  await settle(page);
  const clock = () => text(page, '.clock');
  await clickPart(page, '.overview', 0.1, 0.5);
  const early = await clock();
  await clickPart(page, '.overview', 0.9, 0.5);
  assert.notEqual(await clock(), early);
});

await test('flame graph: metrics, zoom, search', 'redis', { hash: '#flame' }, async (page) => {
  await settle(page);
  const path = () => text(page, '.path');
  for (const metric of ['peak_live', 'bytes', 'allocations', 'short_lived', 'pinned']) {
    await page.click(`#view-flame [data-value=${metric}]`);
    assert.ok((await path()).includes('100 %'), metric);
  }
  await page.click('#view-flame [data-value=allocations]');
  const sum = redis.stacks.reduce((n, s) => n + s.allocations, 0) / 1e6;
  assert.ok((await path()).includes(`${sum.toFixed(sum < 9.995 ? 2 : 1)}M`), await path());
  await page.mouse.click(300, (await (await page.$('.flame')).boundingBox()).y + 30);
  assert.ok((await path()).startsWith('main'), await path());
  await page.type('.tools input', 'zslInsert');
  assert.match(await path(), /“zslinsert”: [1-9]/i);
});

await test('sites: sort, filter, detail', 'redis', { hash: '#sites' }, async (page) => {
  const firstRow = () => page.$eval('.sites tbody tr', (e) => Number(e.dataset.site));
  const titles = await page.$$eval('.sites thead button', (all) => all.map((e) => e.textContent));
  const at = titles.indexOf('Allocations') + 1;
  await page.click(`.sites thead th:nth-child(${at}) button`);
  const most = [...redis.sites].sort((a, b) => b.allocations - a.allocations)[0];
  assert.equal(await firstRow(), most.id);
  await page.click(`.sites thead th:nth-child(${at}) button`);
  const least = [...redis.sites].sort((a, b) => a.allocations - b.allocations)[0];
  assert.equal(await firstRow(), least.id);
  await page.click('#view-sites input', { clickCount: 3 });
  await page.type('#view-sites input', 'lpushCommand ›');
  const wanted = redis.sites.filter((s) => s.name.includes('lpushCommand ›'));
  assert.equal((await page.$$('.sites tbody tr')).length, wanted.length);
  await page.click('.sites tbody tr .link');
  assert.ok((await page.$$('#view-sites .histogram')).length >= 3);
});

await test('what-if: a bar per allocator', 'redis', { hash: '#what-if' }, async (page) => {
  for (const replay of redis.replays) {
    const row = await text(page, `tr[data-allocator=${replay.allocator}]`);
    assert.ok(row.includes(bytes(replay.peak)), row);
  }
  await page.click('#view-what-if [data-value=ns_per_event]');
  assert.ok((await text(page, 'tr[data-allocator=poolkit]')).includes('21.3 ns'));
  assert.ok((await text(page, '#view-what-if')).includes('0.9 % off'));
});

await test('threads: the matrix is the report’s', 'redis', { hash: '#threads' }, async (page) => {
  const cells = await page.$$eval('.matrix tbody tr:first-child td', (all) =>
    all.map((e) => e.title || e.textContent));
  const { names, frees } = redis.threads;
  assert.equal(cells.length, names.length + 2);
  assert.ok(cells[1].startsWith(frees[0][1] ? '' : '0 blocks') && cells[1].includes(names[1]));
});

await test('a deep link opens what it names', 'redis',
  { hash: `#sites?from=2000000000&to=6000000000&site=7` }, async (page) => {
    assert.deepEqual(await shown(page), ['sites']);
    assert.equal(await text(page, '#view-sites .detail h2'), redis.sites[7].name);
    assert.ok((await text(page, '.strip')).includes('2 s – 6 s'));
  });

await test('names that try to break out stay text', 'hostile', {}, async (page) => {
  const hostile = reportOf('hostile');
  assert.equal(await page.title(), `${hostile.recording.program} · poolkit report`);
  assert.equal(await text(page, 'h1'), hostile.recording.program);
  for (const view of VIEWS) {
    await page.click(`#tab-${view}`);
    await settle(page);
  }
  await page.click('#tab-sites');
  const names = await page.$$eval('.sites tbody .link', (all) => all.map((e) => e.textContent));
  assert.ok(names.includes(hostile.sites[0].name));
  assert.equal((await page.$$('img, b > b, main script')).length, 0);
  assert.equal(await page.title(), `${hostile.recording.program} · poolkit report`);
});

for (const kind of ['none', 'single']) {
  await test(`every view of a recording: ${kind}`, kind, {}, async (page) => {
    for (const view of VIEWS) {
      await page.click(`#tab-${view}`);
      await settle(page);
      assert.ok((await text(page, `#view-${view}`)).trim().length > 10, `${view} says something`);
    }
  });
}

for (const width of [400, 900, 2000]) {
  await test(`no view is wider than ${width} pixels`, 'redis', { width }, async (page) => {
    for (const view of VIEWS) {
      await page.click(`#tab-${view}`);
      await settle(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${view} is ${wide} pixels wide`);
    }
  });
}

await test('10 million events: size and time to open', 'large', { hash: '#map' },
  async (page, opened) => {
    const size = statSync(join(folder, 'large.html')).size;
    console.log(`note    opened in ${opened} ms (goal 2000), ${size} bytes`);
    assert.ok(size < LARGEST_PAGE, `${size} bytes`);
    assert.ok(opened < LONGEST_OPENING, `${opened} ms`);
    await settle(page);
    assert.ok(await painted(page, '.pages'));
  });

// Recorded, not made up. What it says varies from run to run; that each view says and draws it does not.
if (existsSync(join(folder, 'real.html'))) {
  await test('a real recording: every view, clicked through', 'real', {}, async (page, opened) => {
    const size = statSync(join(folder, 'real.html')).size;
    console.log(`note    opened in ${opened} ms (goal 2000), ${size} bytes`);
    assert.ok(size < LARGEST_PAGE && opened < LONGEST_OPENING, `${size} bytes, ${opened} ms`);
    for (const view of VIEWS) {
      await page.click(`#tab-${view}`);
      assert.deepEqual(await shown(page), [view]);
      await settle(page);
      assert.ok((await text(page, `#view-${view}`)).length > 40, `${view} says something`);
    }
    await page.click('#tab-timeline');
    assert.ok(await painted(page, '#view-timeline canvas'), 'curves');
    await brush(page, 0.3, 0.9);
    await page.click('#tab-map');
    await settle(page);
    assert.ok(await painted(page, '.overview') && await painted(page, '.pages'), 'the heap');
    for (const mode of ['site', 'age', 'occupancy']) {
      await page.click(`#view-map [data-value=${mode}]`);
    }
    await clickPart(page, '.overview', 0.5, 0.5);
    await clickPart(page, '.pages', 0.01, 0.01);
    assert.ok((await text(page, '#view-map .detail')).length > 10, 'whose page it is');
    await page.click('#tab-flame');
    await page.mouse.click(300, (await (await page.$('.flame')).boundingBox()).y + 30);
    await page.click('#tab-sites');
    await page.click('.sites tbody tr .link');
    assert.ok((await page.$$('#view-sites .histogram')).length >= 1, 'a site in detail');
  });
}

await browser.close();
process.exit(failures ? 1 : 0);
