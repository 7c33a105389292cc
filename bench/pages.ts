import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { findOnPath, freePort } from '../src/redis/local-server.ts';
import type { Bench, Options } from './options.ts';
import { grouped } from './report.ts';

/*
 * How heavy the pages are and how they fare with Lighthouse, in the demo: the whole of Turntable beside its simulator, with a
 * listener signed in. Lighthouse is no package of ours: it brings a hundred others and a few hundred megabytes with it.
 */
const howToGetLighthouse = 'npm install --no-save lighthouse@13.5.0';

type Shown = { name: string; path: string; isPublic?: boolean };

const pages: readonly Shown[] = [
  { name: 'landing', path: '/', isPublic: true },
  { name: 'privacy', path: '/privacy', isPublic: true },
  { name: 'now playing', path: '/now-playing' },
  { name: 'playlists', path: '/playlists' },
  { name: 'a playlist of 1,200 items', path: '' },
  { name: 'search', path: '/search?q=a&type=artist,track,album,playlist' },
  { name: 'account', path: '/account' },
  { name: 'library', path: '/library' },
];
const judged = ['landing', 'now playing', 'playlists', 'a playlist of 1,200 items', 'search', 'account'];

const widths = [390, 1280];
const rounds = 3;
const longestHtml = 30_000;
const mostRequests = 4;
const mostCss = 25_000;
const mostScript = 15_000;

export const bench: Bench = async (options) => {
  const shutdownSequence: (() => Promise<unknown>)[] = [];
  try {
    const at = await startDemo(shutdownSequence);
    const { browser, port } = await openBrowser(shutdownSequence);
    // The landing page is for those who are not signed in: measured first.
    const wants = (part: string) => options.only === undefined || options.only === part;
    const lighthouse = wants('lighthouse') ? await findLighthouse() : null;
    const judge = async (of: readonly Shown[]) => {
      for (const page of of) if (lighthouse) await judgePage(options, lighthouse, page, at, port);
    };
    const isPublic = ({ isPublic = false }: Shown) => isPublic;
    const publicPages = pages.filter(isPublic);

    if (wants('weight')) await measureFiles(options);
    const strangers = wants('weight') ? await measure(browser, publicPages, at) : [];
    if (lighthouse) options.report.begin(`Lighthouse, as on a phone: the lowest of ${rounds} runs`);
    await judge(publicPages.filter(({ name }) => judged.includes(name)));

    await signIn(browser, at);
    const own = await withThePlaylist(browser, at);
    await judge(own.filter(({ name }) => judged.includes(name)));
    if (wants('lighthouse') && !lighthouse) {
      options.report.begin('Lighthouse');
      options.report.fact('not installed, so nothing was measured; to have it', howToGetLighthouse);
    }
    if (wants('weight')) conclude(options, [...strangers, ...(await measure(browser, own, at))]);
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
  let said = '';
  for await (const chunk of demo.stdout) {
    said += chunk;
    const [, address] = /demo is at\s+(\S+)/.exec(said) ?? [];
    if (address) return address;
  }
  throw new Error('The demo did not start');
}

async function openBrowser(
  shutdownSequence: (() => Promise<unknown>)[],
): Promise<{ browser: BrowserContext; port: number }> {
  const program = findOnPath(['chromium', 'chromium-browser', 'google-chrome'], process.env);
  if (!program) throw new Error('There is no Chromium on the PATH');
  const home = await mkdtemp(join(tmpdir(), 'turntable-bench-'));
  const port = await freePort();
  const browser = await chromium.launchPersistentContext(home, {
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
    await rm(home, { recursive: true, force: true });
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

/** The pages of a listener; which playlist is the long one, the shelf says. */
async function withThePlaylist(browser: BrowserContext, at: string): Promise<Shown[]> {
  const page = await browser.newPage();
  await page.goto(`${at}/playlists`);
  const path = await page.getByRole('link', { name: 'in Everything I ever liked' }).getAttribute('href');
  await page.close();
  return pages
    .filter(({ isPublic }) => !isPublic)
    .map((one) => (one.path === '' ? { ...one, path: path ?? '' } : one));
}

async function measureFiles({ report }: Options): Promise<void> {
  report.begin('Files of the whole site, uncompressed');
  const folder = join(import.meta.dirname, '..', 'public');
  const weigh = async (end: string) => {
    const files = (await readdir(folder)).filter((file) => file.endsWith(end));
    const sizes = await Promise.all(files.map(async (file) => (await readFile(join(folder, file))).length));
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  const [css, script] = [await weigh('.css'), await weigh('.js')];
  report.fact('CSS, bytes', css);
  report.fact('scripts, bytes', script);
  report.claim(`less than ${grouped(mostCss)} bytes of CSS`, css < mostCss);
  report.claim(`less than ${grouped(mostScript)} bytes of scripts`, script < mostScript);
}

type Measured = { name: string; html: number; compressed: number; before: number; shift: number };

async function measure(browser: BrowserContext, of: readonly Shown[], at: string): Promise<Measured[]> {
  const all: Measured[] = [];
  for (const { name, path } of of) {
    const html = await (await browser.request.get(at + path)).body();
    const visits: { before: number; shift: number }[] = [];
    for (const width of widths) visits.push(await visit(browser, at + path, width));
    all.push({
      name,
      html: html.length,
      compressed: gzipSync(html).length,
      before: Math.max(...visits.map(({ before }) => before)),
      shift: Math.max(...visits.map(({ shift }) => shift)),
    });
  }
  return all;
}

/** One visit with an empty cache: how many requests began before the first cover's (0 where it has none), and how far things moved. */
async function visit(browser: BrowserContext, address: string, width: number) {
  const page = await browser.newPage();
  await page.setViewportSize({ width, height: 844 });
  const devtools = await browser.newCDPSession(page);
  await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
  const requests: string[] = [];
  page.on('request', (request) => requests.push(new URL(request.url()).origin));
  await watchShifts(page);
  await page.goto(address);
  await page.waitForTimeout(1_000);
  // What is further down comes in as it is scrolled to.
  await page.mouse.wheel(0, 3_000);
  await page.waitForTimeout(500);
  const shift = Number(await page.evaluate('globalThis.shifted'));
  // Pictures are the only thing that comes from elsewhere.
  const pictures = requests.findIndex((origin) => origin !== new URL(address).origin);
  await page.close();
  return { before: Math.max(0, pictures), shift };
}

async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(`
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.shifted += value;
    }).observe({ type: 'layout-shift', buffered: true });
  `);
}

function conclude({ report }: Options, measured: readonly Measured[]): void {
  report.begin('Each page: HTML, the same compressed, requests before the first cover, layout shift');
  for (const { name, html, compressed, before, shift } of measured) {
    report.fact(name, `${grouped(html)} B, ${grouped(compressed)} B, ${before || 'no cover'}, ${shift}`);
  }
  const most = (of: (one: Measured) => number) => Math.max(...measured.map(of));
  report.claim(
    `at most ${grouped(longestHtml)} bytes of HTML, compressed`,
    most(({ compressed }) => compressed) <= longestHtml,
  );
  report.claim(
    `at most ${mostRequests} requests before the covers`,
    most(({ before }) => before) <= mostRequests,
  );
  report.claim('nothing moves while a page loads', most(({ shift }) => shift) === 0);
}

type Result = {
  lhr: {
    /** Where a page could not be judged at all, such as one that was not painted in time. */
    runtimeError?: { code: string };
    environment: { benchmarkIndex: number };
    categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
    audits: Record<string, { title: string; score: number | null; displayValue?: string }>;
  };
};
type Lighthouse = (address: string, flags: Record<string, unknown>) => Promise<Result | undefined>;

/** From our packages, or from the folder in LIGHTHOUSE; null where there is none. */
async function findLighthouse(): Promise<Lighthouse | null> {
  const { LIGHTHOUSE } = process.env;
  const name = LIGHTHOUSE ? pathToFileURL(join(LIGHTHOUSE, 'core', 'index.js')).href : 'lighthouse';
  const found = (await import(name).catch(() => null)) as { default: Lighthouse } | null;
  return found?.default ?? null;
}

async function judgePage(
  { report }: Options,
  lighthouse: Lighthouse,
  { name, path, isPublic = false }: Shown,
  at: string,
  port: number,
): Promise<void> {
  const wanted = ['performance', 'accessibility', 'best-practices', ...(isPublic ? ['seo'] : [])];
  const lowest = new Map<string, number>();
  const lost = new Set<string>();
  const indices: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`${name}, run ${round} of ${rounds}`);
    const { categories, audits, environment } = await judgedOnce(lighthouse, at + path, port, wanted);
    indices.push(environment.benchmarkIndex);
    for (const category of wanted) {
      const score = Math.round((categories[category]?.score ?? 0) * 100);
      lowest.set(category, Math.min(score, lowest.get(category) ?? 100));
      for (const { id, weight } of categories[category]?.auditRefs ?? []) {
        const audit = audits[id];
        if (weight > 0 && audit && audit.score !== null && audit.score < 1)
          lost.add(`${category}: ${audit.title} ${audit.displayValue ?? ''}`.trim());
      }
    }
  }
  report.progress('');
  report.fact(name, [...lowest].map(([category, score]) => `${category} ${score}`).join(', '));
  for (const one of lost) report.fact('', one);
  if (lost.size > 0) {
    // A machine that is busy with something else is a slower phone than Lighthouse takes it for.
    const load = (loadavg()[0] ?? 0) / availableParallelism();
    report.fact(
      '',
      `this machine meanwhile: index ${Math.min(...indices)}, ${load.toFixed(1)} waiting for each core`,
    );
  }
  report.claim(
    `${name}: 100 throughout`,
    [...lowest.values()].every((score) => score === 100),
  );
}

/** Lighthouse now and then finds a page that was not painted in time, and judges nothing. */
async function judgedOnce(
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
  throw new Error(`Lighthouse could not judge ${address}`);
}
