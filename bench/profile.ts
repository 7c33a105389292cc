import type { Profiler } from 'node:inspector/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Server } from '../test/support/fleet.ts';
import { root } from '../test/support/process.ts';
import { measureLoad } from './measure-load.ts';
import { type Bench, isIncluded, type Options } from './options.ts';
import { ask } from './processes.ts';
import type { FunctionCalls, ProfilerReply, ProfilerRequest } from './profiler.ts';
import { type RecordedSite, withRecordedSite } from './recorded-site.ts';

/*
 * The CPU of the hot pages by owner: the ten packages, or files of ours, that take most. The times depend on the machine; how often
 * functions are called, and what Redis and Spotify are asked, doesn't.
 */
const listeners = 100;
const clients = 64;
const shown = 10;
/** The process waited, or worked for the profiler. */
const others: ReadonlySet<string> = new Set(['(idle)', 'node:inspector', 'bench/profiler.ts']);

const parts: readonly { name: string; title: string; path: string }[] = [
  { name: 'playlists', title: 'Playlists, answers fresh within a second', path: '/playlists' },
  { name: 'calls', title: 'Playlists, a call for each view', path: '/playlists?notice=playlist-saved' },
  { name: 'now-playing', title: 'Now playing', path: '/now-playing' },
];

export const bench: Bench = async (options) => {
  const imports = [join(import.meta.dirname, 'profiler.ts')];
  await withRecordedSite({ listeners, imports }, async (site) => {
    for (const part of parts) if (isIncluded(options, part.name)) await profile(options, site, part);
  });
};

async function profile(
  { report, rounds }: Options,
  site: RecordedSite,
  { title, path }: (typeof parts)[number],
): Promise<void> {
  const isShort = rounds < 1000;
  report.begin(title);
  const [server] = site.servers as [Server];
  const target = site.target(server, path);
  const load = { clients: isShort ? 4 : clients, seconds: isShort ? 3 : 8 };
  const send = (profiler: ProfilerRequest['profiler']) =>
    ask<ProfilerReply>(server.child, { profiler } satisfies ProfilerRequest);
  // Warms up the just-in-time compiler.
  await measureLoad(target, load, site.isPinned);

  await send('cpu');
  const { pages } = await measureLoad(target, load, site.isPinned);
  const { cpu } = await send('stop');
  if (!cpu) throw new Error('There is no profile');
  const owners = [...ownersOf(cpu)].sort(([, a], [, b]) => b - a);
  const total = owners.reduce((sum, [, us]) => sum + us, 0);
  report.table(
    ['CPU', 'a page', 'owner'],
    owners
      .slice(0, shown)
      .map(([owner, us]) => [`${((100 * us) / total).toFixed(1)} %`, `${(us / pages).toFixed(1)} us`, owner]),
  );
  report.fact('all owners together', `${Math.round(total / pages)} us a page, with the profiler`);

  // One client and one listener, so that pages share no round trips, and answers are as fresh as the part says.
  const one = site.target(server, path, 1);
  await measureLoad(one, { clients: 1, seconds: load.seconds }, site.isPinned);
  const [calls, redis] = [await site.calls(), await site.redisWork()];
  const alone = await measureLoad(one, { clients: 1, seconds: load.seconds }, site.isPinned);
  const [callsAfter, redisAfter] = [await site.calls(), await site.redisWork()];
  const each = (count: number) => (count / alone.pages).toFixed(2);
  report.fact('calls to Spotify a page, one client', each(callsAfter - calls));
  report.fact('commands of Redis a page', each(redisAfter.commands - redis.commands));
  report.fact('round trips to Redis a page', each(redisAfter.reads - redis.reads));

  await send('calls');
  const counted = await measureLoad(one, { clients: 1, seconds: load.seconds }, site.isPinned);
  const { calls: functions = [] } = await send('stop');
  reportCalls({ report }, functions, counted.pages);
}

/** Prints how often functions are called for a page: all, and those that are called most. */
function reportCalls({ report }: Pick<Options, 'report'>, functions: FunctionCalls, pages: number): void {
  const counts = new Map<string, number>();
  for (const { url, name, count } of functions) {
    const owner = `${name || '(anonymous)'} in ${ownerOf(url)}`;
    counts.set(owner, (counts.get(owner) ?? 0) + count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  report.fact('calls of functions a page', Math.round(total / pages));
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, shown);
  report.table(
    ['calls a page', 'function'],
    most.map(([owner, count]) => [(count / pages).toFixed(1), owner]),
  );
}

/** Returns the microseconds that each owner took itself. Time without a file, such as that of JSON.parse, belongs to its caller. */
function ownersOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const owners = new Map<number, string>();
  const totals = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const owner = owners.get(id) ?? ownerOfNode(id);
    owners.set(id, owner);
    if (others.has(owner)) continue;
    totals.set(owner, (totals.get(owner) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return totals;

  function ownerOfNode(id: number | undefined): string {
    const frame = id === undefined ? undefined : byId.get(id)?.callFrame;
    if (!frame || frame.functionName === '(root)') return '(root)';
    if (frame.url || frame.functionName.startsWith('(')) return ownerOf(frame.url) || frame.functionName;
    return ownerOfNode(parents.get(id ?? 0));
  }
}

/** The package of a file, its path if it is ours, or the module of Node. */
function ownerOf(url: string): string {
  if (url.startsWith('node:')) return /^node:(internal\/\w+|_?[a-z]+)/.exec(url)?.[0] ?? url;
  // The path of a view is quoted.
  const path = url.startsWith('file:') ? fileURLToPath(url) : url.replaceAll('"', '');
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
  if (name) return name;
  return path.startsWith(root) ? relative(root, path) : path;
}
