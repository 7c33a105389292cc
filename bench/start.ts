import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../test/support/fleet.ts';
import { figureOf, rounded } from './figures.ts';
import type { FloorOptions } from './floor/floor.ts';
import { type Bench, isShort } from './options.ts';
import { ask, endProcess, residentMb, startProcess } from './processes.ts';
import { type Started, startProduction, untilAnswered } from './production.ts';
import { median, spread } from './statistics.ts';
import { withFleet } from './with-fleet.ts';

/*
 * How long `npm start` takes until pages can be served, beside the plainest server on the same packages (D in bench/floor/), and how much
 * memory it then has without any visitor. npm itself isn't measured.
 */
const maxRatio = 1.5;
const maxMemoryMb = 120;
const maxStartMs = 1_000;
const maxNoise = 0.25;
const restMs = 5_000;

export const bench: Bench = (options) =>
  withFleet({}, async (fleet) => {
    const { report } = options;
    const times = isShort(options) ? 1 : 9;
    report.begin('From the start of the process until it serves pages');
    const ours: number[] = [];
    const plain: number[] = [];
    const memory: number[] = [];
    // The first start of each reads the files from the disk, and isn't measured.
    for (let round = 0; round <= times; round += 1) {
      report.progress(`round ${round} of ${times}`);
      const kinds = round % 2 === 0 ? (['ours', 'plain'] as const) : (['plain', 'ours'] as const);
      for (const kind of kinds) {
        const { ms, child } = await (kind === 'ours' ? startProduction(fleet) : startPlain(fleet));
        if (round > 0) (kind === 'ours' ? ours : plain).push(ms);
        // It takes a while, and varies little.
        if (kind === 'ours' && round === times) {
          await sleep(restMs);
          memory.push(residentMb(child.pid));
        }
        await endProcess(child);
      }
    }
    report.progress('');
    const ratio = median(ours) / median(plain);
    report.table(
      ['', 'median', 'fastest', 'slowest'],
      [
        ['Turntable', ...inMs(ours)],
        ['plain', ...inMs(plain)],
      ],
    );
    report.fact('ratio', ratio.toFixed(2));
    const ratios = ours.map((ms, round) => ms / (plain[round] ?? Number.NaN));
    report.record('start: time', { ...figureOf(ratios, 'x', { atMost: maxRatio }), value: rounded(ratio) });
    report.record('start: memory', figureOf(memory, 'MB', { atMost: maxMemoryMb }));
    report.fact('memory at rest', `${median(memory).toFixed(0)} MB`);
    const words = `at most ${maxRatio} times the plain server`;
    const noise = spread(plain);
    if (noise > maxNoise) report.unclear(words, `the plain server varied by ${Math.round(100 * noise)} %`);
    else report.claim(words, ratio <= maxRatio);
    const inTime = `serves pages within ${maxStartMs / 1_000} s`;
    if (noise > maxNoise) report.unclear(inTime, 'the machine is busy');
    else report.claim(inTime, median(ours) <= maxStartMs);
    report.claim(`at most ${maxMemoryMb} MB of memory at rest`, median(memory) <= maxMemoryMb);
  });

/** Starts the plain server, and waits until it has saved a session. */
async function startPlain(fleet: Fleet): Promise<Started> {
  const startedAt = performance.now();
  const child = startProcess('floor/floor.ts');
  const options: FloorOptions = { redisUrl: fleet.redisUrl, apiUrl: fleet.simulator.apiUrl, token: 'none' };
  const { port } = await ask<AddressInfo>(child, options);
  await untilAnswered(child, `http://127.0.0.1:${port}/login`, startedAt);
  return { ms: performance.now() - startedAt, child };
}

function inMs(values: readonly number[]): string[] {
  return [median(values), Math.min(...values), Math.max(...values)].map((value) => `${Math.round(value)} ms`);
}
