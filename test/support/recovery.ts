import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Browser } from './turntable.ts';

/** A connection past the server that is tested. */
export function directTo(t: TestContext, url: string): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  t.after(() => redis.disconnect());
  return redis;
}

/** Visits until the page is there; returns how many milliseconds that took. Each answer before is an honest 503. */
export async function untilServed(person: Browser, path = '/playlists'): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const { status } = await person.get(path);
    if (status === 200) return Math.round(performance.now() - startedAt);
    assert.equal(status, 503);
    await sleep(20);
  }
}

/** Status and text of `/readyz`. */
export async function readyz(url: string): Promise<[number, string]> {
  const answer = await fetch(`${url}/readyz`);
  return [answer.status, await answer.text()];
}

export const isReady: [number, string] = [200, 'ready\n'];
export const isNotReady = (why: string): [number, string] => [503, `not ready: ${why}\n`];
