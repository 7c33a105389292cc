import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { signInScopes } from '../src/access/scopes.ts';
import { accessTokenOf } from '../test/support/turntable.ts';
import type { FloorOptions } from './floor/floor.ts';
import { type Measured, measureLoad, otherCore, serverCore, type Target } from './measure-load.ts';
import { ask, endProcess, pin, startProcess } from './processes.ts';
import type { Recording } from './recorded-spotify.ts';
import { withFleet } from './with-fleet.ts';

export type Sites = {
  /** Turntable with this many signed-in listeners, of those that it has. */
  turntable(path: string, listeners: number): Target;
  /** The plain server, at `/floor` without and `/playlists` with a call to Spotify. */
  floor(path: '/floor' | '/playlists'): Target;
  measure(target: Target, load: { clients: number; seconds: number }): Promise<Measured>;
  /** Whether server and load have a core each. */
  isPinned: boolean;
};

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
      const token = await accessTokenOf(fleet.simulator, 'mara', signInScopes.join(' '));
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
        measure: (target, load) => measureLoad(target, load, isPinned),
      });
    });
  } finally {
    await Promise.all([endProcess(spotify), endProcess(plain)]);
  }
}
