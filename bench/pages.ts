import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { findOnPath, freePort } from '../src/redis/local-server.ts';
import { readPublicFiles } from '../src/web/static-files.ts';
import { type Bench, isIncluded, type Options } from './options.ts';
import { grouped } from './report.ts';

/*
 * Measures the weight of the pages and their Lighthouse scores, in the demo with a signed-in listener. Lighthouse isn't a dependency,
 * because it would add a hundred packages and a few hundred megabytes.
 */
const installCommand = 'npm install --no-save lighthouse@13.5.0';

/** `path` is the path of the page, or how to find it: on the page `from`, the address of the first link that matches `link`. */
type SitePage = { name: string; path: string | { from: string; link: string }; isPublic?: boolean };
type PageAt = SitePage & { path: string };

const pages: readonly SitePage[] = [
  { name: 'landing', path: '/', isPublic: true },
  { name: 'privacy', path: '/privacy', isPublic: true },
  { name: 'now playing', path: '/now-playing' },
  { name: 'playlists', path: '/playlists' },
  {
    name: 'a playlist of 1,200 items',
    path: { from: '/playlists', link: 'a.card:has-text("Everything I ever liked")' },
  },
  { name: 'an album', path: { from: '/search?q=a&type=album', link: 'a[href^="/albums/"]' } },
  { name: 'an artist', path: { from: '/search?q=a&type=artist', link: 'a[href^="/artists/"]' } },
  { name: 'search', path: '/search?q=a&type=artist,track,album,playlist' },
  { name: 'account', path: '/account' },
  { name: 'library', path: '/library' },
  { name: 'top', path: '/library/top' },
];
const unscoredPages = ['privacy'];

const widths = [390, 1280];
const rounds = 3;
const maxHtmlBytes = 30_000;
/** The document, the CSS, the font, one script and the symbols. */
const maxRequestsBeforeCovers = 5;
const maxCssBytes = 40_000;
const maxScriptBytes = 40_000;

export const bench: Bench = async (options) => {
  const shutdownSequence: (() => Promise<unknown>)[] = [];
  try {
    const at = await startDemo(shutdownSequence);
    const { browser, port } = await openBrowser(shutdownSequence);
    // The landing page is only for visitors who aren't signed in, so it is measured first.
    const includes = (part: string) => isIncluded(options, part);
    const lighthouse = includes('lighthouse') ? await findLighthouse() : null;
    const score = async (sitePages: readonly PageAt[]) => {
      for (const page of sitePages)
        if (lighthouse && !unscoredPages.includes(page.name))
          await scorePage(options, lighthouse, page, at, port);
    };
    const publicPages = await findPages(browser, at, true);

    if (includes('weight')) measureFiles(options);
    const publicResults = includes('weight') ? await measure(browser, publicPages, at) : [];
    if (lighthouse) options.report.begin(`Lighthouse on a simulated phone: the lowest of ${rounds} runs`);
    await score(publicPages);

    await signIn(browser, at);
    const ownPages = await findPages(browser, at, false);
    await score(ownPages);
    if (includes('lighthouse') && !lighthouse) {
      options.report.begin('Lighthouse');
      options.report.fact('not installed, so not measured; to install it', installCommand);
    }
    if (includes('weight')) conclude(options, [...publicResults, ...(await measure(browser, ownPages, at))]);
  } finally {
    for (const end of shutdownSequence.reverse()) await end();
  }
};

async function startDemo(shutdownSequence: (() => Promise<unknown>)[]): Promise<string> {
  const demo = spawn(process.execPath, ['dev/demo.ts'], {
    cwd: join(import.meta.dirname, '..'),
    env: { PATH: process.env.PATH ?? '', PORT: String(await freePort()) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  shutdownSequence.push(async () => {
    if (demo.exitCode === null && demo.kill('SIGTERM')) await once(demo, 'exit');
  });
  let output = '';
  for await (const chunk of demo.stdout) {
    output += chunk;
    const [, address] = /demo is at\s+(\S+)/.exec(output) ?? [];
    if (address) return address;
  }
  throw new Error('The demo didn’t start');
}

async function openBrowser(
  shutdownSequence: (() => Promise<unknown>)[],
): Promise<{ browser: BrowserContext; port: number }> {
  const program = findOnPath(['chromium', 'chromium-browser', 'google-chrome'], process.env);
  if (!program) throw new Error('There is no Chromium on the PATH');
  const profile = await mkdtemp(join(tmpdir(), 'turntable-bench-'));
  const port = await freePort();
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--remote-debugging-port=${port}`,
    ],
  });
  shutdownSequence.push(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  });
  return { browser, port };
}

async function signIn(browser: BrowserContext, at: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${at}/login`);
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
  await page.close();
}

/** Returns the public pages, or those of a listener, each with its path. */
async function findPages(browser: BrowserContext, at: string, isPublic: boolean): Promise<PageAt[]> {
  const page = await browser.newPage();
  const found: PageAt[] = [];
  for (const one of pages) {
    if ((one.isPublic ?? false) !== isPublic) continue;
    if (typeof one.path === 'string') {
      found.push({ ...one, path: one.path });
      continue;
    }
    await page.goto(at + one.path.from);
    const path = await page.locator(one.path.link).first().getAttribute('href');
    if (!path) throw new Error(`There is no link to ${one.name}`);
    found.push({ ...one, path });
  }
  await page.close();
  return found;
}

function measureFiles({ report }: Options): void {
  report.begin('Files of the site as sent, uncompressed');
  const files = [...readPublicFiles(join(import.meta.dirname, '..', 'public'))];
  const totalSize = (extension: string) =>
    files
      .filter(([name]) => name.endsWith(extension))
      .reduce((sum, [, { content }]) => sum + content.length, 0);
  report.fact('CSS, bytes', totalSize('.css'));
  report.fact('all scripts, bytes', totalSize('.js'));
  report.claim(`less than ${grouped(maxCssBytes)} bytes of CSS`, totalSize('.css') < maxCssBytes);
}

type Measured = {
  name: string;
  html: number;
  compressed: number;
  /** Bytes of scripts that the page loads. */
  scripts: number;
  requestsBeforeCover: number;
  shift: number;
};

async function measure(
  browser: BrowserContext,
  sitePages: readonly PageAt[],
  at: string,
): Promise<Measured[]> {
  const all: Measured[] = [];
  for (const { name, path } of sitePages) {
    const html = await (await browser.request.get(at + path)).body();
    const visits: Awaited<ReturnType<typeof visit>>[] = [];
    for (const width of widths) visits.push(await visit(browser, at + path, width));
    all.push({
      name,
      html: html.length,
      compressed: gzipSync(html).length,
      scripts: Math.max(...visits.map(({ scripts }) => scripts)),
      requestsBeforeCover: Math.max(...visits.map(({ requestsBeforeCover }) => requestsBeforeCover)),
      shift: Math.max(...visits.map(({ shift }) => shift)),
    });
  }
  return all;
}

/** Visits a page with an empty cache. Returns the bytes of its scripts, the number of requests before the first cover's (0 without covers) and the layout shift. */
async function visit(browser: BrowserContext, address: string, width: number) {
  const page = await browser.newPage();
  await page.setViewportSize({ width, height: 844 });
  const devtools = await browser.newCDPSession(page);
  await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
  const requests: string[] = [];
  const scripts: Promise<Buffer>[] = [];
  page.on('request', (request) => requests.push(new URL(request.url()).origin));
  page.on('response', (response) => {
    if (response.request().resourceType() === 'script') scripts.push(response.body());
  });
  await observeLayoutShifts(page);
  await page.goto(address);
  await page.waitForTimeout(1_000);
  // Pictures further down load when they are scrolled into view.
  await page.mouse.wheel(0, 3_000);
  await page.waitForTimeout(500);
  const shift = Number(await page.evaluate('globalThis.shifted'));
  // Only pictures come from another origin.
  const firstPicture = requests.findIndex((origin) => origin !== new URL(address).origin);
  const loaded = await Promise.all(scripts);
  await page.close();
  return {
    scripts: loaded.reduce((sum, { length }) => sum + length, 0),
    requestsBeforeCover: Math.max(0, firstPicture),
    shift,
  };
}

async function observeLayoutShifts(page: Page): Promise<void> {
  await page.addInitScript(`
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.shifted += value;
    }).observe({ type: 'layout-shift', buffered: true });
  `);
}

function conclude({ report }: Options, measured: readonly Measured[]): void {
  report.begin(
    'Each page: HTML, the same compressed, scripts, requests before the first cover, layout shift',
  );
  for (const { name, html, compressed, scripts, requestsBeforeCover, shift } of measured) {
    report.fact(
      name,
      `${grouped(html)} B, ${grouped(compressed)} B, ${grouped(scripts)} B, ${requestsBeforeCover || 'no cover'}, ${shift}`,
    );
  }
  const highest = (value: (one: Measured) => number) => Math.max(...measured.map(value));
  report.claim(
    `at most ${grouped(maxHtmlBytes)} bytes of HTML, compressed`,
    highest(({ compressed }) => compressed) <= maxHtmlBytes,
  );
  report.claim(
    `less than ${grouped(maxScriptBytes)} bytes of scripts on a page`,
    highest(({ scripts }) => scripts) < maxScriptBytes,
  );
  report.claim(
    `at most ${maxRequestsBeforeCovers} requests before the covers`,
    highest(({ requestsBeforeCover }) => requestsBeforeCover) <= maxRequestsBeforeCovers,
  );
  report.claim('no layout shift while a page loads', highest(({ shift }) => shift) === 0);
}

type Result = {
  lhr: {
    /** Set if a page couldn't be scored, for example because it wasn't painted in time. */
    runtimeError?: { code: string };
    environment: { benchmarkIndex: number };
    categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
    audits: Record<string, { title: string; score: number | null; displayValue?: string }>;
  };
};
type Lighthouse = (address: string, flags: Record<string, unknown>) => Promise<Result | undefined>;

/** Loads Lighthouse from node_modules, or from the folder in LIGHTHOUSE. Returns null if it isn't installed. */
async function findLighthouse(): Promise<Lighthouse | null> {
  const { LIGHTHOUSE } = process.env;
  const name = LIGHTHOUSE ? pathToFileURL(join(LIGHTHOUSE, 'core', 'index.js')).href : 'lighthouse';
  const found = (await import(name).catch(() => null)) as { default: Lighthouse } | null;
  return found?.default ?? null;
}

async function scorePage(
  { report }: Options,
  lighthouse: Lighthouse,
  { name, path, isPublic = false }: PageAt,
  at: string,
  port: number,
): Promise<void> {
  const categoryNames = ['performance', 'accessibility', 'best-practices', ...(isPublic ? ['seo'] : [])];
  const lowest = new Map<string, number>();
  const lostPoints = new Set<string>();
  const indices: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`${name}, run ${round} of ${rounds}`);
    const { categories, audits, environment } = await runLighthouse(
      lighthouse,
      at + path,
      port,
      categoryNames,
    );
    indices.push(environment.benchmarkIndex);
    for (const category of categoryNames) {
      const score = Math.round((categories[category]?.score ?? 0) * 100);
      lowest.set(category, Math.min(score, lowest.get(category) ?? 100));
      for (const { id, weight } of categories[category]?.auditRefs ?? []) {
        const audit = audits[id];
        if (weight > 0 && audit && audit.score !== null && audit.score < 1)
          lostPoints.add(`${category}: ${audit.title} ${audit.displayValue ?? ''}`.trim());
      }
    }
  }
  report.progress('');
  report.fact(name, [...lowest].map(([category, score]) => `${category} ${score}`).join(', '));
  for (const one of lostPoints) report.fact('', one);
  if (lostPoints.size > 0) {
    // On a busy machine, the simulated phone is slower than Lighthouse assumes.
    const load = (loadavg()[0] ?? 0) / availableParallelism();
    report.fact(
      '',
      `this machine: benchmark index ${Math.min(...indices)}, load ${load.toFixed(1)} per core`,
    );
  }
  report.claim(
    `${name}: 100 in every category`,
    [...lowest.values()].every((score) => score === 100),
  );
}

/** Retries, because Lighthouse occasionally gives up on a page that wasn't painted in time. */
async function runLighthouse(
  lighthouse: Lighthouse,
  address: string,
  port: number,
  onlyCategories: string[],
): Promise<Result['lhr']> {
  const flags = {
    port,
    onlyCategories,
    disableStorageReset: true,
    logLevel: 'silent',
    maxWaitForLoad: 20_000,
  };
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const result = await lighthouse(address, flags);
    if (result && !result.lhr.runtimeError) return result.lhr;
  }
  throw new Error(`Lighthouse couldn’t score ${address}`);
}
