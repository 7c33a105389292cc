import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Fleet, Server } from '../test/support/fleet.ts';
import { accessTokenOf, type Browser } from '../test/support/turntable.ts';
import { figureOf } from './figures.ts';
import { addLongPlaylist, download, rowsPerCall } from './long-playlists.ts';
import { type Bench, isIncluded, isShort, type Options } from './options.ts';
import { endProcess, residentMb, startProcess } from './processes.ts';
import type { Recording } from './recorded-spotify.ts';
import { grouped } from './report.ts';
import { median, spread } from './statistics.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Measures the export of a long playlist, in its own server process, beside the fastest way to make the same calls: eight at once, in a loop
 * that does nothing with the responses.
 */
const rows = 10_000;
const latencyMs = 80;
const atOnce = 8;
const maxRatio = 1.1;
const maxGrowthMb = 35;
const fullRuns = 5;
const sampleEveryMs = 20;
/** If the fastest way varies by more than this, the machine is too busy to decide. */
const maxNoise = 0.25;

const id = 'x'.repeat(22);

export const bench: Bench = async (options) => {
  const spotify = startProcess('recorded-spotify.ts');
  const [{ port }] = (await once(spotify, 'message')) as [AddressInfo];
  const apiUrl = `http://127.0.0.1:${port}/v1`;
  const env = { LOG_LEVEL: 'info', SPOTIFY_API_URL: apiUrl, SPOTIFY_DAILY_CALLS: '100000' };
  await withFleet({ rotation: 'none', env }, async (fleet) => {
    addLongPlaylist(fleet.simulator, id, rows);
    const token = await accessTokenOf(fleet.simulator, 'mara');
    spotify.send({ apiUrl: fleet.simulator.apiUrl, latencyMs, token } satisfies Recording);
    const server = await fleet.start();
    const mara = server.browser();
    await mara.signIn();
    for (const format of ['csv', 'json', 'zip']) {
      if (isIncluded(options, format)) await measure(options, { fleet, server, mara, apiUrl, token }, format);
    }
  }).finally(() => endProcess(spotify));
};

type Site = { fleet: Fleet; server: Server; mara: Browser; apiUrl: string; token: string };

async function measure(options: Options, site: Site, format: string): Promise<void> {
  const { report } = options;
  const { fleet, server, mara } = site;
  const runs = isShort(options) ? 1 : fullRuns;
  report.begin(`${grouped(rows)} rows as ${format}, ${latencyMs} ms a call`);
  // The first run records the responses, and compiles the code.
  await Promise.all([
    download(server, mara.cookieHeader(), `/playlists/${id}/export.${format}`),
    makeCalls(site),
  ]);
  const results: { ideal: number; ours: number; growth: number }[] = [];
  for (let run = 0; run < runs; run += 1) {
    await fleet.advance({ minutes: 6 }); // until nothing is cached
    const ideal = await timed(() => makeCalls(site));
    const before = residentMb(server.child.pid);
    let highest = before;
    const sampler = setInterval(() => {
      highest = Math.max(highest, residentMb(server.child.pid));
    }, sampleEveryMs);
    const ours = await timed(() =>
      download(server, mara.cookieHeader(), `/playlists/${id}/export.${format}`),
    );
    clearInterval(sampler);
    results.push({ ideal, ours, growth: highest - before });
    report.fact(
      `run ${run + 1}: fastest, ours, memory growth`,
      `${grouped(Math.round(ideal))} ms, ${grouped(Math.round(ours))} ms, ${(highest - before).toFixed(1)} MB`,
    );
  }
  const ratios = results.map(({ ideal, ours }) => ours / ideal);
  const ratio = median(ratios);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  report.fact('ratio', `${ratio.toFixed(3)}, from ${least.toFixed(3)} to ${most.toFixed(3)}`);
  const grown = results.map(({ growth }) => growth);
  report.record(`${format}: time`, figureOf(ratios, 'x', { atMost: maxRatio }));
  // The most counts: a process that may use less has to be able to use that.
  const memory = figureOf(grown, 'MB', { atMost: maxGrowthMb });
  report.record(`${format}: memory`, { ...memory, value: memory.most });
  const words = `at most ${maxRatio} times the fastest`;
  const noise = spread(results.map(({ ideal }) => ideal));
  if (noise > maxNoise) report.unclear(words, `the fastest varied by ${Math.round(100 * noise)} %`);
  else report.claim(words, ratio <= maxRatio);
  report.claim(`memory grows by at most ${maxGrowthMb} MB`, Math.max(...grown) <= maxGrowthMb);
}

/** Makes the calls of an export, and ignores the responses: the playlist, its pages, and the playlist again. */
async function makeCalls({ apiUrl, token }: Site): Promise<void> {
  const call = async (path: string) => {
    const response = await fetch(`${apiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
  };
  const offsets = Array.from({ length: rows / rowsPerCall }, (_, page) => page * rowsPerCall).values();
  await call(`/playlists/${id}`);
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const offset of offsets) await call(`/playlists/${id}/items?offset=${offset}`);
    }),
  );
  await call(`/playlists/${id}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
