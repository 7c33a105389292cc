import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../test/support/fleet.ts';
import { figureOf } from './figures.ts';
import { addLongPlaylist, download } from './long-playlists.ts';
import { measureLoad } from './measure-load.ts';
import { withStreams } from './open-streams.ts';
import { type Bench, benchOf, isShort, type Options, type Part } from './options.ts';
import { residentMb } from './processes.ts';
import { type RecordedSite, withRecordedSite } from './recorded-site.ts';
import { grouped } from './report.ts';

/*
 * The resident memory of one server, in its own process: with many idle streams, while it serves pages, and during exports.
 */
const listeners = 100;
/** Each session may have ten streams. */
const streamsEach = 10;
const maxStreamKb = 25;
/** How long the memory has to settle after streams were opened. */
const settleMs = 10_000;
const clients = 64;
const batches = 5;
const maxPagesGrowthMb = 10;
const sampleEveryMs = 20;
const maxExportGrowthMb = 35;

const parts: readonly Part[] = [
  ['streams', idleStreams],
  ['pages', manyPages],
  ['exports', exportsOfAnyLength],
];

export const bench: Bench = benchOf(parts);

async function idleStreams(options: Options): Promise<void> {
  const { report } = options;
  const steps = isShort(options) ? [20, 100] : [1_000, 5_000, 10_000];
  const maxStreams = steps.at(-1) ?? 0;
  report.begin(`Up to ${grouped(maxStreams)} idle streams at one process`);
  const sessionsEach = Math.ceil(maxStreams / listeners / streamsEach);
  await withRecordedSite({ listeners, sessionsEach, prepare: playNothing }, (site) =>
    withStreams(site, async (openUntil) => {
      const [server] = site.servers as [Server];
      // Compiles the code of streams and pages.
      await measureLoad(site.target(server, '/now-playing'), {
        clients: 10,
        seconds: isShort(options) ? 2 : 5,
      });
      await openUntil(10);
      await sleep(isShort(options) ? 1_000 : settleMs);
      const before = residentMb(server.child.pid);
      const rows = [];
      let eachKb = Number.NaN;
      for (const streams of steps) {
        report.progress(`${streams} streams`);
        await openUntil(streams);
        await sleep(isShort(options) ? 1_000 : settleMs);
        const now = residentMb(server.child.pid);
        eachKb = ((now - before) * 1_024) / (streams - 10);
        rows.push([grouped(streams), `${now.toFixed(1)} MB`, `${eachKb.toFixed(1)} kB`]);
      }
      report.progress('');
      report.table(['streams', 'memory', 'each'], [['10', `${before.toFixed(1)} MB`, ''], ...rows]);
      report.record('streams: each', figureOf([eachKb], 'kB', { atMost: maxStreamKb }));
      report.claim(
        `at most ${maxStreamKb} kB for each of ${grouped(maxStreams)} idle streams`,
        eachKb <= maxStreamKb,
      );
    }),
  );
}

async function manyPages(options: Options): Promise<void> {
  const { report } = options;
  report.begin(`Memory after pages, ${clients} clients, ${listeners} listeners`);
  await withRecordedSite({ listeners }, async (site) => {
    const [server] = site.servers as [Server];
    for (const path of ['/playlists?notice=playlist-saved', '/now-playing']) {
      const memory: number[] = [];
      const rows = [];
      let pages = 0;
      for (let batch = 1; batch <= batches; batch += 1) {
        report.progress(`${path}: ${batch} of ${batches}`);
        const measured = await measureLoad(site.target(server, path), {
          clients: isShort(options) ? 4 : clients,
          seconds: isShort(options) ? 2 : 8,
        });
        pages += measured.pages;
        memory.push(residentMb(server.child.pid));
        rows.push([grouped(pages), `${memory.at(-1)?.toFixed(1)} MB`]);
      }
      report.progress('');
      report.table([`pages ${path}`, 'memory'], rows);
      // The heap takes two batches to find its size.
      const growth = (memory.at(-1) ?? 0) - (memory[1] ?? 0);
      const [page = ''] = path.split('?');
      report.record(`pages: growth ${page}`, figureOf([growth], 'MB', { atMost: maxPagesGrowthMb }));
      report.claim(`${path} adds at most ${maxPagesGrowthMb} MB afterward`, growth <= maxPagesGrowthMb);
    }
  });
}

async function exportsOfAnyLength({ report }: Options): Promise<void> {
  report.begin('Memory during exports');
  const lengths = [50, 1_200, 10_000];
  const idOf = (rows: number) => String(rows).padStart(22, 'x');
  const prepare = ({ simulator }: RecordedSite['fleet']) => {
    for (const rows of lengths) addLongPlaylist(simulator, idOf(rows), rows);
  };
  await withRecordedSite({ listeners: 2, prepare }, async (site) => {
    const [server] = site.servers as [Server];
    const [first = '', second = ''] = site.cookies;
    // Compiles the code, and records the responses.
    for (const rows of lengths) await download(server, first, `/playlists/${idOf(rows)}/export.csv`);
    const rows = [];
    let highest = 0;
    for (const length of lengths) {
      const before = residentMb(server.child.pid);
      let peak = before;
      const sampler = setInterval(() => {
        peak = Math.max(peak, residentMb(server.child.pid));
      }, sampleEveryMs);
      const bytes = await download(server, second, `/playlists/${idOf(length)}/export.csv`);
      clearInterval(sampler);
      highest = Math.max(highest, peak - before);
      rows.push([grouped(length), grouped(bytes), `${(peak - before).toFixed(1)} MB`]);
    }
    report.table(['rows', 'bytes', 'memory growth'], rows);
    report.record('exports: growth', figureOf([highest], 'MB', { atMost: maxExportGrowthMb }));
    report.claim(
      `an export adds at most ${maxExportGrowthMb} MB, however long it is`,
      highest <= maxExportGrowthMb,
    );
  });
}

function playNothing({ simulator }: RecordedSite['fleet']): void {
  simulator.plays('mara', { kind: 'nothing' });
}
