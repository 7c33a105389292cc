import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Browser } from './turntable.ts';

/** Connects to Redis directly, not through the tested server. */
export function connectDirectly(t: TestContext, url: string): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  t.after(() => redis.disconnect());
  return redis;
}

/**
 * Visits a page until it is served, and returns how many milliseconds that took. Fails after two minutes, or if a response before that isn't
 * a 503.
 */
export async function waitUntilServed(person: Browser, path = '/playlists'): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const { status, text } = await person.get(path);
    const waitedMs = Math.round(performance.now() - startedAt);
    if (status === 200) return waitedMs;
    assert.equal(status, 503);
    assert.ok(waitedMs < 120_000, `Still not served after two minutes: ${text}`);
    await sleep(20);
  }
}

export async function readyz(url: string): Promise<[number, string]> {
  const response = await fetch(`${url}/readyz`);
  return [response.status, await response.text()];
}

export const isReady: [number, string] = [200, 'ready\n'];
export const isNotReady = (why: string): [number, string] => [503, `not ready: ${why}\n`];
