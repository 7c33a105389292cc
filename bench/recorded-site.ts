import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { signInScopes } from '../src/access/scopes.ts';
import type { Fleet, Server } from '../test/support/fleet.ts';
import { accessTokenOf } from '../test/support/turntable.ts';
import { otherCore, serverCore, type Target } from './measure-load.ts';
import { ask, endProcess, pin, startProcess } from './processes.ts';
import type { CountRequest, Recording } from './recorded-spotify.ts';
import { signInMany } from './sign-ins.ts';
import { withFleet } from './with-fleet.ts';

type SiteOptions = {
  listeners: number;
  sessionsEach?: number;
  processes?: number;
  /** Modules that each server process loads first. */
  imports?: readonly string[];
  /** Changes what the simulator answers, before it is recorded. */
  prepare?: (fleet: Fleet) => void;
};

export type RecordedSite = {
  fleet: Fleet;
  servers: readonly Server[];
  /** One for each session. */
  cookies: readonly string[];
  /** One of the servers, with the first `count` sessions and a page. */
  target(server: Server, path: string, count?: number): Target;
  /** How many calls Spotify has answered so far. */
  calls(): Promise<number>;
  /** How many commands Redis has carried out so far, and how often it has read from a connection. */
  redisWork(): Promise<{ commands: number; reads: number }>;
  /** Whether servers and load have a core each. */
  isPinned: boolean;
};

/** Measures with servers on their own Redis, with many signed-in listeners and a Spotify that answers at once. */
export async function withRecordedSite(
  { listeners, sessionsEach = 1, processes = 1, imports = [], prepare }: SiteOptions,
  measure: (site: RecordedSite) => Promise<void>,
): Promise<void> {
  const spotify = startProcess('recorded-spotify.ts');
  const [{ port }] = (await once(spotify, 'message')) as [AddressInfo];
  const apiUrl = `http://127.0.0.1:${port}/v1`;
  const env = { LOG_LEVEL: 'info', SPOTIFY_API_URL: apiUrl, SPOTIFY_DAILY_CALLS: '1000000' };
  await withFleet({ rotation: 'none', ticking: true, env, imports }, async (fleet) => {
    prepare?.(fleet);
    const token = await accessTokenOf(fleet.simulator, 'mara', signInScopes.join(' '));
    spotify.send({ apiUrl: fleet.simulator.apiUrl, latencyMs: 0, token } satisfies Recording);
    const cookies = await signInMany(fleet, { listeners, sessionsEach, token });
    const servers = await fleet.startMany(processes);
    // The first page takes long, because its code is compiled.
    for (const server of servers) await server.visit({ cookieHeader: () => cookies[0] ?? '' });
    // With several servers, there is no core for each.
    const isPinned = processes === 1 && servers.every(({ child }) => pin(child.pid, serverCore));
    for (const pid of [process.pid, spotify.pid]) if (isPinned) pin(pid, otherCore);
    await measure({
      fleet,
      servers,
      cookies,
      isPinned,
      target: ({ child, url, host }, path, count = cookies.length) => ({
        name: 'Turntable',
        pid: child.pid,
        load: { port: Number(new URL(url).port), host, cookies: cookies.slice(0, count), paths: [path] },
      }),
      calls: () => ask<number>(spotify, { count: true } satisfies CountRequest),
      async redisWork() {
        const stats = await fleet.redis.info('stats');
        const stat = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1]);
        return { commands: stat('total_commands_processed'), reads: stat('total_reads_processed') };
      },
    });
  }).finally(() => endProcess(spotify));
}
