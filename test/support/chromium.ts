import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { findOnPath } from '../../src/redis/local-server.ts';
import { until } from './fleet.ts';

// The headless shell is the same browser without visible windows, and needs half the processor time.
const names = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
];
const program = findOnPath(names, process.env);

/** The reason to skip without a browser. In CI a browser is required, so tests fail instead. */
export const skipWithoutBrowser = program || process.env.CI ? false : 'no Chromium on the PATH';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const timeoutMs = 30_000;

let shared: Promise<Browser> | undefined;

after(async () => (await shared)?.close());

/**
 * Opens a window with its own cookies, storage and cache, until the test ends. The browser itself is one for all tests of a file: starting
 * one takes longer than most tests.
 */
export async function openBrowser(
  t: TestContext,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const browser = await sharedBrowser();
  // A service worker would make requests that tests don't see.
  const context = await browser.newContext({ serviceWorkers: 'block', ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(timeoutMs);
  // On a busy machine Chromium gives up a transition from page to page, and reports that as an error of the page.
  await context.addInitScript(`addEventListener('unhandledrejection', (event) => {
    if (String(event.reason?.message).startsWith('Transition was aborted because of invalid state')) event.preventDefault();
  })`);
  return context;
}

/** Opens a browser with an empty profile, until the test ends: for what browsers don't do in private windows, such as prefetching. */
export async function openProfile(t: TestContext): Promise<BrowserContext> {
  const profile = await mkdtemp(join(tmpdir(), 'turntable-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: requireProgram(),
    args: flags,
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  context.setDefaultTimeout(timeoutMs);
  return context;
}

/**
 * Loads a page of someone who is signed in, or loads it again, and waits until it follows what is playing and its scripts handle every press.
 * Before that, a press of a button leads to another page, as without scripts.
 */
export async function loadWithScripts(page: Page, url = page.url()): Promise<void> {
  const stream = page.waitForResponse(/\/now-playing\/events/);
  await page.goto(url);
  await stream;
  await becomesTrue(
    page,
    `(async () => {
    const { held, pending } = await navigator.locks.query();
    const follows = [...held, ...pending].some(({ name }) => name.startsWith('turntable now playing'));
    return follows && !document.getElementById('open-shortcuts').classList.contains('invisible');
  })()`,
  );
}

/**
 * Waits until an expression is true on the page. Not waitForFunction: it evaluates the expression in the page each time but the first, which the
 * content security policy doesn't allow.
 */
export async function becomesTrue(page: Page, expression: string): Promise<void> {
  await until(() => page.evaluate<boolean>(expression));
}

async function sharedBrowser(): Promise<Browser> {
  const browser = await shared;
  if (browser?.isConnected()) return browser;
  shared = chromium.launch({ executablePath: requireProgram(), args: flags });
  return shared;
}

function requireProgram(): string {
  if (!program) throw new Error('There is no Chromium on the PATH');
  return program;
}

/** Signs out by the menu behind the avatar. */
export async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByText('You’re signed out.').waitFor();
}
