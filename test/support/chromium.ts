import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';
import { findOnPath } from '../../src/redis/local-server.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
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

/** Opens a real browser with an empty profile, until the test ends. */
export async function openBrowser(
  t: TestContext,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  if (!program) throw new Error('There is no Chromium on the PATH');
  const profile = await mkdtemp(join(tmpdir(), 'turntable-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    args: flags,
    ...options,
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  context.setDefaultTimeout(15_000);
  return context;
}
