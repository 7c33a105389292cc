import { once } from 'node:events';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fleet, Server } from '../test/support/fleet.ts';
import { accessTokenOf, type Browser } from '../test/support/turntable.ts';
import type { Bench, Options } from './options.ts';
import { endProcess, residentMb, startProcess } from './processes.ts';
import type { Recording } from './recorded-spotify.ts';
import { grouped } from './report.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Measures the export of a long playlist, in a server process of its own, beside the fastest way to make the same calls: eight at once, in a loop
 * that does nothing with the responses.
 */
const rows = 10_000;
const perPage = 50;
const latencyMs = 80;
const atOnce = 8;
const maxRatio = 1.1;
const maxGrowthMb = 35;
const runs = 3;
const sampleEveryMs = 20;

const id = 'x'.repeat(22);

export const bench: Bench = async (options) => {
  const spotify = startProcess('recorded-spotify.ts');
  const [{ port }] = (await once(spotify, 'message')) as [AddressInfo];
  const apiUrl = `http://127.0.0.1:${port}/v1`;
  const env = { LOG_LEVEL: 'info', SPOTIFY_API_URL: apiUrl, SPOTIFY_DAILY_CALLS: '100000' };
  await withFleet({ rotation: 'none', env }, async (fleet) => {
    addLongPlaylist(fleet);
    const token = await accessTokenOf(fleet.simulator, 'mara');
    spotify.send({ apiUrl: fleet.simulator.apiUrl, latencyMs, token } satisfies Recording);
    const server = await fleet.start();
    const mara = server.browser();
    await mara.signIn();
    for (const format of ['csv', 'json', 'zip']) {
      if (options.only !== undefined && options.only !== format) continue;
      await measure(options, { fleet, server, mara, apiUrl, token }, format);
    }
  }).finally(() => endProcess(spotify));
};

type Site = { fleet: Fleet; server: Server; mara: Browser; apiUrl: string; token: string };

async function measure({ report }: Options, site: Site, format: string): Promise<void> {
  const { fleet, server, mara } = site;
  report.begin(`${grouped(rows)} rows as ${format}, ${latencyMs} ms a call`);
  // The first run records the responses, and compiles the code.
  await Promise.all([download(server, mara, format), makeCalls(site)]);
  const results: { ideal: number; ours: number; growth: number }[] = [];
  for (let run = 0; run < runs; run += 1) {
    await fleet.advance({ minutes: 6 }); // until nothing is cached
    const ideal = await timed(() => makeCalls(site));
    const before = residentMb(server.child.pid);
    let highest = before;
    const sampler = setInterval(() => {
      highest = Math.max(highest, residentMb(server.child.pid));
    }, sampleEveryMs);
    const ours = await timed(() => download(server, mara, format));
    clearInterval(sampler);
    results.push({ ideal, ours, growth: highest - before });
    report.fact(
      `run ${run + 1}: fastest, ours, memory growth`,
      `${grouped(Math.round(ideal))} ms, ${grouped(Math.round(ours))} ms, ${(highest - before).toFixed(1)} MB`,
    );
  }
  const ratio = Math.min(...results.map(({ ideal, ours }) => ours / ideal));
  report.fact('lowest ratio', ratio.toFixed(3));
  report.claim(`at most ${maxRatio} times the fastest`, ratio <= maxRatio);
  report.claim(
    `memory grows by at most ${maxGrowthMb} MB`,
    Math.max(...results.map(({ growth }) => growth)) <= maxGrowthMb,
  );
}

function addLongPlaylist({ simulator }: Fleet): void {
  const answer = (body: object) => ({ status: 200, body: JSON.stringify(body) });
  const card = { id, name: 'Ten thousand', snapshot_id: 'a', owner: { id: 'mara' }, items: { total: rows } };
  simulator.fault({ on: new RegExp(`/playlists/${id}$`), times: 1_000, answer: answer(card) });
  const items = Array.from({ length: perPage }, (_, index) => ({
    added_at: '2024-05-06T07:08:09Z',
    added_by: { id: 'mara' },
    item: trackOf(index),
  }));
  simulator.fault({ on: /\/items$/, times: 10_000, answer: answer({ total: rows, items }) });
}

/** A track with all the fields that files ask for, of the usual length. */
function trackOf(index: number): object {
  const named = (kind: string, name: string) => ({
    name,
    uri: `spotify:${kind}:${String(index).padStart(22, 'a')}`,
    external_urls: { spotify: `https://open.spotify.com/${kind}/${String(index).padStart(22, 'a')}` },
  });
  const images = [640, 300, 64].map((size) => ({
    url: `https://i.scdn.co/image/ab67616d${String(size).padStart(32, '0')}`,
    width: size,
    height: size,
  }));
  return {
    ...named('track', `A track of the usual length, number ${index}`),
    type: 'track',
    duration_ms: 200_000 + index,
    artists: [named('artist', 'One of two artists'), named('artist', 'The other one')],
    album: {
      ...named('album', 'An album'),
      images,
      release_date: '2020-01-02',
      artists: [named('artist', 'One of two artists')],
    },
    external_ids: { isrc: `XXSIM26${String(index).padStart(5, '0')}` },
    disc_number: 1,
    track_number: index + 1,
  };
}

/** Makes the calls of an export, and ignores the responses: the playlist, its pages, and the playlist again. */
async function makeCalls({ apiUrl, token }: Site): Promise<void> {
  const call = async (path: string) => {
    const response = await fetch(`${apiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
  };
  const offsets = Array.from({ length: rows / perPage }, (_, page) => page * perPage).values();
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

/** Downloads the file and counts its bytes. Throws if it isn't whole. */
function download(server: Server, mara: Browser, format: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { Cookie: mara.cookieHeader(), Host: server.host };
    get(`${server.url}/playlists/${id}/export.${format}`, { headers }, (response) => {
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      response.once('end', () => resolve(bytes));
      response.once('error', reject);
      if (response.statusCode !== 200) reject(new Error(`Status ${response.statusCode}`));
    }).once('error', reject);
  });
}
