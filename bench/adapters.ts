import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startSimulator } from '../simulator/simulator.ts';
import { signInScopes } from '../src/access/scopes.ts';
import { accessTokenOf, clientId, clientSecret } from '../test/support/turntable.ts';
import { type Bound, figureOf } from './figures.ts';
import type { CallsReply, CallsRequest } from './http-calls.ts';
import { type Bench, isShort } from './options.ts';
import { ask, cpuSeconds, endProcess, startProcess } from './processes.ts';
import type { Recording } from './recorded-spotify.ts';
import { grouped } from './report.ts';
import { median } from './statistics.ts';
import { withScope } from './with-scope.ts';

/*
 * Measures what a call to Spotify costs with each adapter of axios, through the product's own client: a list of 50 playlists, 64 calls at once. The
 * adapters take turns, because absolute figures depend on the machine.
 */
const adapters = ['http', 'fetch', 'undici'] as const;
const atOnce = 64;
/** Beside the usual adapter. With more, another one isn't worth its code. */
const maxCpuOfAnother = 0.7;
const full = { rounds: 7, calls: 4_000 };
const short = { rounds: 1, calls: 256 };

type Cost = { cpuUs: number; perSecond: number };

export const bench: Bench = async (options) => {
  const { report } = options;
  const { rounds, calls } = isShort(options) ? short : full;
  await withScope(async (scope) => {
    const simulator = await startSimulator({ clientId, clientSecret, now: Date.now });
    scope.after(() => simulator.close());
    const spotify = startProcess('recorded-spotify.ts');
    scope.after(() => endProcess(spotify));
    const [{ port }] = (await once(spotify, 'message')) as [AddressInfo];
    const token = await accessTokenOf(simulator, 'mara', signInScopes.join(' '));
    spotify.send({ apiUrl: simulator.apiUrl, latencyMs: 0, token } satisfies Recording);
    const request: CallsRequest = { apiUrl: `http://127.0.0.1:${port}/v1`, token, calls, atOnce };
    const clients = adapters.map((adapter) => ({
      adapter,
      child: startClient(adapter),
      costs: [] as Cost[],
    }));
    for (const { child } of clients) scope.after(() => endProcess(child));
    let bytes = 0;
    // The first round compiles the code, and isn't measured.
    for (let round = 0; round <= rounds; round += 1)
      for (const { adapter, child, costs } of round % 2 === 0 ? clients : clients.toReversed()) {
        report.progress(`round ${round} of ${rounds}, ${adapter}`);
        const before = cpuSeconds(child.pid);
        const reply = await ask<CallsReply>(child, request);
        const cpuUs = ((cpuSeconds(child.pid) - before) * 1_000_000) / calls;
        bytes = reply.bytes;
        if (round > 0) costs.push({ cpuUs, perSecond: (1_000 * calls) / reply.ms });
      }
    report.progress('');
    report.begin(`Calls with each adapter of axios, ${grouped(bytes)} bytes, ${atOnce} at once`);
    const usual = clients[0]?.costs ?? [];
    report.table(
      ['adapter', 'CPU of a call', 'beside http', 'calls a second', 'beside http'],
      clients.map(({ adapter, costs }) => {
        const ratio = (of: (cost: Cost) => number, mustReach?: Bound) =>
          figureOf(
            costs.map((cost, round) => of(cost) / of(usual[round] as Cost)),
            'x',
            mustReach,
          );
        const worthIt = adapter === 'http' ? undefined : { atMost: maxCpuOfAnother };
        const [cpu, speed] = [ratio(({ cpuUs }) => cpuUs, worthIt), ratio(({ perSecond }) => perSecond)];
        report.record(`${adapter}: CPU`, cpu);
        report.record(`${adapter}: calls a second`, speed);
        return [
          adapter,
          `${median(costs.map(({ cpuUs }) => cpuUs)).toFixed(0)} us`,
          `${cpu.value} (${cpu.least} to ${cpu.most})`,
          grouped(Math.round(median(costs.map(({ perSecond }) => perSecond)))),
          `${speed.value} (${speed.least} to ${speed.most})`,
        ];
      }),
    );
  });
};

function startClient(adapter: string): ChildProcess {
  return fork(join(import.meta.dirname, 'http-calls.ts'), {
    env: { ...process.env, HTTP_ADAPTER: adapter },
    // As the server is started: see "Memory" in docs/decisions/2026-11-28-exports.md.
    execArgv: ['--max-semi-space-size=4', `--import=${join(import.meta.dirname, 'http-adapter.ts')}`],
  });
}
