import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { signInScopes } from '../src/access/scopes.ts';
import { accessTokenOf } from '../test/support/turntable.ts';
import type { FloorOptions } from './floor/floor.ts';
import { type Measured, measureLoad, otherCore, serverCore, type Target } from './measure-load.ts';
import { ask, endProcess, pin, startProcess } from './processes.ts';
import { randomToken, startProduction } from './production.ts';
import type { CountRequest, Recording } from './recorded-spotify.ts';
import { signInMany } from './sign-ins.ts';
import { withFleet } from './with-fleet.ts';

/** A page of the plain server: C without sessions, D with, and E with a call to Spotify for each view as well. */
export type FloorPath = '/c' | '/floor' | '/playlists';

export type Sites = {
  /** Turntable with its signed-in listeners; with one visitor who isn't signed in, if there are none. */
  turntable(path: string): Target;
  floor(path: FloorPath): Target;
  measure(target: Target, load: { clients: number; seconds: number }): Promise<Measured>;
  /** How many calls Spotify has answered so far. */
  calls(): Promise<number>;
  /** Whether server and load have a core each. */
  isPinned: boolean;
};

/**
 * Measures with `npm start` and the plain server side by side, on one Redis and one Spotify that takes `latencyMs`. See without-limits.ts for
 * the one exception.
 */
export async function withSites(
  { latencyMs, listeners }: { latencyMs: number; listeners: number },
  measure: (sites: Sites) => Promise<void>,
): Promise<void> {
  const spotify = startProcess('recorded-spotify.ts');
  const plain = startProcess('floor/floor.ts');
  const [{ port: spotifyPort }] = (await once(spotify, 'message')) as [AddressInfo];
  const apiUrl = `http://127.0.0.1:${spotifyPort}/v1`;
  try {
    await withFleet({ rotation: 'none', ticking: true }, async (fleet) => {
      const token = await accessTokenOf(fleet.simulator, 'mara', signInScopes.join(' '));
      spotify.send({ apiUrl: fleet.simulator.apiUrl, latencyMs, token } satisfies Recording);
      const options: FloorOptions = { redisUrl: fleet.redisUrl, apiUrl, token };
      const { port: plainPort } = await ask<AddressInfo>(plain, options);
      const plainHost = `127.0.0.1:${plainPort}`;
      const [plainCookie = ''] = (await fetch(`http://${plainHost}/login`)).headers.getSetCookie();
      const sessionSecret = randomToken();
      const cookies = await signInMany(fleet, { listeners, sessionsEach: 1, token, sessionSecret });
      const { child } = await startProduction(fleet, {
        imports: [join(import.meta.dirname, 'without-limits.ts')],
        env: {
          SPOTIFY_API_URL: apiUrl,
          SESSION_SECRET: sessionSecret,
          // A real app has less, and would save calls under this load.
          SPOTIFY_DAILY_CALLS: '100000000',
          SPOTIFY_DAILY_SEARCHES: '100000000',
        },
      });
      try {
        const isPinned = [child.pid, plain.pid].every((pid) => pin(pid, serverCore));
        for (const pid of [process.pid, spotify.pid]) if (isPinned) pin(pid, otherCore);
        const { host, port } = new URL(fleet.baseUrl);
        const anyone = [''];
        await measure({
          isPinned,
          turntable: (path) => ({
            name: 'Turntable',
            pid: child.pid,
            load: { port: Number(port), host, cookies: listeners > 0 ? cookies : anyone, paths: [path] },
          }),
          floor: (path) => ({
            name: 'plain',
            pid: plain.pid,
            load: {
              port: plainPort,
              host: plainHost,
              cookies: path === '/c' ? anyone : [plainCookie.split(';')[0] ?? ''],
              paths: [path],
            },
          }),
          measure: (target, load) => measureLoad(target, load, isPinned),
          calls: () => ask<number>(spotify, { count: true } satisfies CountRequest),
        });
      } finally {
        await endProcess(child);
      }
    });
  } finally {
    await Promise.all([endProcess(spotify), endProcess(plain)]);
  }
}
