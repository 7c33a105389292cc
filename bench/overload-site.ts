import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, redisOnPath, startRedis } from '../src/redis/local-server.ts';
import { startSimulator } from '../src/simulator/simulator.ts';
import type { Ends } from '../test/support/ends.ts';
import { clientId, clientSecret, createBrowser, tokenOf } from '../test/support/turntable.ts';
import type { Load, LoadResult } from './load-generator.ts';
import type { Recording } from './recorded-spotify.ts';

export type Site = Awaited<ReturnType<typeof startSite>>;

/** One visit: when it began, how long it took in milliseconds, and its status; 0 if there was no answer. */
export type Visit = { at: number; ms: number; status: number };

const people = 60;

/**
 * The server as `npm start` starts it, with a Redis of its own and a Spotify that takes `latencyMs` for each call. People are signed in, and every
 * one of them has the same playlists.
 */
export async function startSite(ends: Ends, latencyMs: number) {
  const program = redisOnPath(process.env);
  if (program === null) throw new Error('There is no redis-server on the PATH');
  const redis = await startRedis({ program });
  ends.after(redis.stop);
  const simulator = await startSimulator({ clientId, clientSecret, extraListeners: people });
  ends.after(simulator.close);
  const spotify = start(ends, 'recorded-spotify.ts');
  const token = await tokenOf(simulator, 'mara');
  spotify.send({ apiUrl: simulator.apiUrl, latencyMs, token } satisfies Recording);
  const [{ port: spotifyPort }] = (await once(spotify, 'message')) as [AddressInfo];

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  simulator.registerRedirectUri(`${url}/callback`);
  const server = spawn(process.execPath, ['src/main.ts'], {
    cwd: join(import.meta.dirname, '..'),
    env: {
      PATH: process.env.PATH ?? '',
      PORT: String(port),
      REDIS_URL: redis.url,
      SPOTIFY_CLIENT_ID: clientId,
      SPOTIFY_CLIENT_SECRET: clientSecret,
      SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
      SPOTIFY_API_URL: `http://127.0.0.1:${spotifyPort}/v1`,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  ends.after(() => end(server));
  while ((await visit(`${url}/readyz`)).status !== 200) await sleep(50);

  const cookies: string[] = [];
  for (let person = 1; person <= people; person += 1) {
    const browser = createBrowser(url, simulator);
    await browser.signIn(`guest${person}`);
    cookies.push(browser.cookieHeader());
  }
  const paths = await pagesOf(url, cookies[0] ?? '');

  return {
    /** Runs a load on the server, from a process of its own. */
    async run(load: Pick<Load, 'clients' | 'seconds' | 'waitsAsTold' | 'deadlineMs'>): Promise<LoadResult> {
      const generator = start(ends, 'load-generator.ts');
      generator.send({ ...load, port, cookies, paths } satisfies Load);
      const [result] = (await once(generator, 'message')) as [LoadResult];
      await end(generator);
      return result;
    },
    /** Visits this path as somebody who is signed in. */
    visit: (path: string) => visit(url + path, cookies[0]),
    /** Resident memory of the server in MB, as Linux tells it. */
    memory: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1_024,
  };
}

/** Pages that take a call of Spotify's each, for everyone who is signed in. */
async function pagesOf(url: string, Cookie: string): Promise<string[]> {
  const page = await fetch(`${url}/playlists`, { headers: { Cookie, Accept: 'text/html' } });
  const links = [...(await page.text()).matchAll(/href="(\/playlists\/\w{22})"/g)].map(
    ([, path]) => path ?? '',
  );
  if (links.length === 0) throw new Error(`There are no playlists, but status ${page.status}`);
  return [...new Set(links.slice(0, 20)), '/playlists', '/playlists?page=2'];
}

function visit(url: string, Cookie = ''): Promise<Visit> {
  const at = performance.now();
  return new Promise((resolve) => {
    const over = (status: number) => resolve({ at, ms: performance.now() - at, status });
    get(url, { headers: { Cookie, Accept: 'text/html' }, agent: false }, (answer) => {
      answer.resume().once('close', () => over(answer.complete ? (answer.statusCode ?? 0) : 0));
    }).once('error', () => over(0));
  });
}

function start(ends: Ends, file: string): ChildProcess {
  const child = fork(join(import.meta.dirname, file));
  ends.after(() => end(child));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
