import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { accessTokenOf } from '../test/support/turntable.ts';
import type { Load, LoadResult } from './load-generator.ts';
import { ask, cpuSeconds, endProcess, residentMb, startProcess } from './processes.ts';
import type { Recording } from './recorded-spotify.ts';
import { withFleet } from './with-fleet.ts';

/** One visit: when it began, its duration, and its status, which is 0 without a response. */
export type Visit = { at: number; ms: number; status: number };

export type Site = {
  /** Puts a load on the server, from another process. */
  run(load: Pick<Load, 'clients' | 'seconds' | 'respectsRetryAfter' | 'deadlineMs'>): Promise<LoadResult>;
  /** Visits this path with a signed-in browser. */
  visit(path: string): Promise<Visit>;
  /** Returns the server's resident memory in MB, from /proc. */
  memory(): number;
  /** Returns the CPU seconds that the server has used, from /proc. */
  cpu(): number;
};

const people = 60;

/**
 * Measures with one server, its own Redis and a Spotify that takes `latencyMs` for each call. The signed-in listeners all have the same
 * playlists.
 */
export async function withSite(latencyMs: number, measure: (site: Site) => Promise<void>): Promise<void> {
  const spotify = startProcess('recorded-spotify.ts');
  const [{ port: spotifyPort }] = (await once(spotify, 'message')) as [AddressInfo];
  const env = { LOG_LEVEL: 'info', SPOTIFY_API_URL: `http://127.0.0.1:${spotifyPort}/v1` };
  await withFleet({ rotation: 'none', ticking: true, extraListeners: people, env }, async (fleet) => {
    const token = await accessTokenOf(fleet.simulator, 'mara');
    spotify.send({ apiUrl: fleet.simulator.apiUrl, latencyMs, token } satisfies Recording);
    const server = await fleet.start();
    const browsers = Array.from({ length: people }, () => server.browser());
    for (const [index, browser] of browsers.entries()) await browser.signIn(`guest${index + 1}`);
    const cookies = browsers.map((browser) => browser.cookieHeader());
    const listener = { cookieHeader: () => cookies[0] ?? '' };
    const paths = playlistPages((await server.visit(listener, '/playlists')).text);

    await measure({
      async run(load) {
        const generator = startProcess('load-generator.ts');
        const { host } = new URL(fleet.baseUrl);
        const port = Number(new URL(server.url).port);
        const result = await ask<LoadResult>(generator, {
          ...load,
          port,
          host,
          cookies,
          paths,
        } satisfies Load);
        await endProcess(generator);
        return result;
      },
      async visit(path) {
        const at = performance.now();
        const { status } = await server.visit(listener, path).catch(() => ({ status: 0 }));
        return { at, ms: performance.now() - at, status };
      },
      memory: () => residentMb(server.child.pid),
      cpu: () => cpuSeconds(server.child.pid),
    });
  }).finally(() => endProcess(spotify));
}

/** Returns pages that take one call to Spotify each. */
function playlistPages(html: string): string[] {
  const links = [...html.matchAll(/href="(\/playlists\/\w{22})"/g)].map(([, path]) => path ?? '');
  if (links.length === 0) throw new Error('There are no playlists');
  return [...new Set(links.slice(0, 20)), '/playlists', '/playlists?page=2'];
}
