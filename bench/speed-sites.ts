import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { accessTokenOf } from '../test/support/turntable.ts';
import type { FloorOptions } from './floor/floor.ts';
import type { Load, LoadResult } from './load-generator.ts';
import { ask, cpuSeconds, endProcess, pin, startProcess } from './processes.ts';
import type { Recording } from './recorded-spotify.ts';
import { withFleet } from './with-fleet.ts';

/** A server that a load can be put on. */
export type Target = {
  name: string;
  pid: number | undefined;
  load: Pick<Load, 'port' | 'host' | 'cookies' | 'paths'>;
};

/** The results of a load: pages per second, and milliseconds of CPU for each page. */
export type Measured = { perSecond: number; cpuMs: number; p50Ms: number };

export type Sites = {
  /** Turntable with this many signed-in listeners, of those that it has. */
  turntable(path: string, listeners: number): Target;
  /** The plain server, at `/floor` without and `/playlists` with a call to Spotify. */
  floor(path: '/floor' | '/playlists'): Target;
  measure(target: Target, load: { clients: number; seconds: number }): Promise<Measured>;
  /** Whether server and load have a core each. */
  isPinned: boolean;
};

const deadlineMs = 5_000;
const [serverCore, otherCore] = [0, 1];

/** Measures with Turntable and the plain server side by side, each signed in, on one Redis and one Spotify that takes `latencyMs`. */
export async function withSites(
  { latencyMs, listeners }: { latencyMs: number; listeners: number },
  measure: (sites: Sites) => Promise<void>,
): Promise<void> {
  const spotify = startProcess('recorded-spotify.ts');
  const plain = startProcess('floor/floor.ts');
  const [{ port: spotifyPort }] = (await once(spotify, 'message')) as [AddressInfo];
  const apiUrl = `http://127.0.0.1:${spotifyPort}/v1`;
  const env = { LOG_LEVEL: 'info', SPOTIFY_API_URL: apiUrl };
  try {
    await withFleet({ rotation: 'none', ticking: true, extraListeners: listeners, env }, async (fleet) => {
      const token = await accessTokenOf(fleet.simulator, 'mara');
      spotify.send({ apiUrl: fleet.simulator.apiUrl, latencyMs, token } satisfies Recording);
      const options: FloorOptions = { redisUrl: fleet.redisUrl, apiUrl, token };
      const { port: plainPort } = await ask<AddressInfo>(plain, options);
      const plainHost = `127.0.0.1:${plainPort}`;
      const [plainCookie = ''] = (await fetch(`http://${plainHost}/login`)).headers.getSetCookie();
      const server = await fleet.start();
      const cookies: string[] = [];
      for (let index = 1; index <= listeners; index += 1) {
        const browser = server.browser();
        await browser.signIn(`guest${index}`);
        cookies.push(browser.cookieHeader());
      }
      const isPinned = [server.child.pid, plain.pid].every((pid) => pin(pid, serverCore));
      for (const pid of [process.pid, spotify.pid]) if (isPinned) pin(pid, otherCore);

      await measure({
        isPinned,
        turntable: (path, count) => ({
          name: 'Turntable',
          pid: server.child.pid,
          load: {
            port: Number(new URL(server.url).port),
            host: server.host,
            cookies: cookies.slice(0, count),
            paths: [path],
          },
        }),
        floor: (path) => ({
          name: 'plain',
          pid: plain.pid,
          load: {
            port: plainPort,
            host: plainHost,
            cookies: [plainCookie.split(';')[0] ?? ''],
            paths: [path],
          },
        }),
        async measure({ name, pid, load }, { clients, seconds }) {
          const generator = startProcess('load-generator.ts');
          if (isPinned) pin(generator.pid, otherCore);
          const before = cpuSeconds(pid);
          const request: Load = { ...load, clients, seconds, deadlineMs, respectsRetryAfter: true };
          const { goodMs, refusedMs, late, wrong } = await ask<LoadResult>(generator, request);
          const cpu = cpuSeconds(pid) - before;
          await endProcess(generator);
          const bad = refusedMs.length + late + Object.values(wrong).reduce((sum, one) => sum + one, 0);
          if (goodMs.length === 0 || bad > 0)
            throw new Error(`${name}: ${bad} bad responses: ${JSON.stringify(wrong)}`);
          goodMs.sort((a, b) => a - b);
          return {
            perSecond: goodMs.length / seconds,
            cpuMs: (cpu * 1_000) / goodMs.length,
            p50Ms: goodMs[Math.floor(goodMs.length / 2)] ?? Number.NaN,
          };
        },
      });
    });
  } finally {
    await Promise.all([endProcess(spotify), endProcess(plain)]);
  }
}
