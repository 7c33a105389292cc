import type { Server } from '../test/support/fleet.ts';
import {
  kindOf,
  readAllRecords,
  readStoredRecords,
  recordedVersions,
  writeRecord,
} from '../test/support/stored-records.ts';
import { withStreams } from './open-streams.ts';
import { type Bench, benchOf, type Options, type Part } from './options.ts';
import { type RecordedSite, withRecordedSite } from './recorded-site.ts';
import { grouped } from './report.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Counts what listeners, pages, and streams use in Redis: bytes, commands, and round trips. They are counts, so they don't depend on how busy the
 * machine is. docs/scale.md computes from them.
 */
const pages = 40;

const parts: readonly Part[] = [
  ['bytes', bytesOfRecords],
  ['sign-ins', bytesOfSignIns],
  ['pages', roundTripsOfPages],
  ['streams', commandsOfStreams],
];

export const bench: Bench = benchOf(parts);

/** The bytes of each kind of record, as Redis counts them, from the fixtures of this code. */
async function bytesOfRecords({ report }: Options): Promise<void> {
  const [version = ''] = recordedVersions.filter((name) => name === 'unreleased');
  report.begin('Bytes of each kind of record in Redis (MEMORY USAGE)');
  await withFleet({}, async ({ redis, redisUrl }) => {
    for (const record of readStoredRecords(version).records) await writeRecord(redis, record);
    const kinds = new Map<string, number[]>();
    for (const { key } of await readAllRecords(redis, redisUrl)) {
      const bytes = Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
      kinds.set(kindOf(key), [...(kinds.get(kindOf(key)) ?? []), bytes]);
    }
    report.table(
      ['kind', 'records', 'smallest', 'largest'],
      [...kinds].map(([kind, sizes]) => [kind, sizes.length, Math.min(...sizes), Math.max(...sizes)]),
    );
  });
}

/** The growth of Redis's memory by each sign-in, with what MEMORY USAGE leaves out, such as the tables of keys and TTLs. */
async function bytesOfSignIns({ report, rounds }: Options): Promise<void> {
  const listeners = rounds < 1000 ? 1_000 : 10_000;
  report.begin(
    `Memory of Redis for ${grouped(listeners)} listeners with one sign-in each: session, grant, and list of browsers`,
  );
  let emptyBytes = 0;
  const prepare = ({ redis }: RecordedSite['fleet']) => {
    void redis.info('memory').then((text) => {
      emptyBytes = usedMemory(text);
    });
  };
  await withRecordedSite({ listeners, prepare }, async ({ fleet }) => {
    const bytes = usedMemory(await fleet.redis.info('memory')) - emptyBytes;
    report.fact('bytes for each', Math.round(bytes / listeners));
    report.fact('keys for each', ((await fleet.redis.dbsize()) / listeners).toFixed(2));
  });
}

const usedMemory = (info: string): number => Number(/^used_memory:(\d+)/m.exec(info)?.[1]);

const measuredPages: readonly (readonly [what: string, path: string])[] = [
  ['playlists, from the cache', '/playlists'],
  ['playlists, with a call to Spotify', '/playlists?notice=playlist-saved'],
  ['now playing, from the cache', '/now-playing'],
  ['saved tracks, from the cache', '/library'],
  ['account', '/account'],
  ['privacy, without a session', '/privacy'],
];

async function roundTripsOfPages({ report }: Options): Promise<void> {
  report.begin(`Redis and Spotify for one page, one client, ${pages} pages each`);
  await withRecordedSite({ listeners: 1 }, async (site) => {
    const [server] = site.servers as [Server];
    const person = { cookieHeader: () => site.cookies[0] ?? '' };
    const rows = [];
    for (const [what, path] of measuredPages) {
      const browser = path === '/privacy' ? { cookieHeader: () => '' } : person;
      const visit = async () => {
        const { status } = await server.visit(browser, path);
        if (status !== 200) throw new Error(`${path}: ${status}`);
      };
      await visit();
      const [calls, redis] = [await site.calls(), await site.redisWork()];
      for (let page = 0; page < pages; page += 1) await visit();
      const [callsAfter, redisAfter] = [await site.calls(), await site.redisWork()];
      const each = (count: number) => (count / pages).toFixed(2);
      rows.push([
        what,
        each(redisAfter.reads - redis.reads),
        each(redisAfter.commands - redis.commands),
        each(callsAfter - calls),
      ]);
    }
    report.table(['page', 'round trips', 'commands, with those in scripts', 'calls to Spotify'], rows);
  });
}

async function commandsOfStreams({ report, rounds }: Options): Promise<void> {
  const seconds = rounds < 1000 ? 10 : 60;
  const listeners = 50;
  report.begin(
    `Redis for ${listeners} listeners with one stream each at one process, nothing playing, for ${seconds} s`,
  );
  const prepare = ({ simulator }: RecordedSite['fleet']) => simulator.plays('mara', { kind: 'nothing' });
  await withRecordedSite({ listeners, prepare }, (site) =>
    withStreams(site, async (openUntil) => {
      const countFor = async () => {
        const [before, calls] = [await site.redisWork(), await site.calls()];
        await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
        const [after, callsAfter] = [await site.redisWork(), await site.calls()];
        return {
          commands: (after.commands - before.commands) / seconds,
          reads: (after.reads - before.reads) / seconds,
          calls: callsAfter - calls,
        };
      };
      const idle = await countFor();
      await openUntil(listeners);
      // The first poll of each.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const busy = await countFor();
      const each = (value: number) => (value / listeners).toFixed(2);
      report.fact('commands a second without streams', idle.commands.toFixed(1));
      report.fact('commands a second for each listener', each(busy.commands - idle.commands));
      report.fact(`round trips a second for all ${listeners} together`, (busy.reads - idle.reads).toFixed(1));
      report.fact('calls to Spotify for each listener in that time', each(busy.calls));
    }),
  );
}
