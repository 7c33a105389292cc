import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../src/redis/local-server.ts';
import type { Fleet } from '../test/support/fleet.ts';
import { processEnv, root, unsetVariables } from '../test/support/process.ts';
import { clientId, clientSecret } from '../test/support/turntable.ts';
import type { FloorOptions } from './floor/floor.ts';
import type { Bench } from './options.ts';
import { ask, endProcess, residentMb, startProcess } from './processes.ts';
import { median, spread } from './report.ts';
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
const retryMs = 2;
const giveUpMs = 60_000;

type Started = { ms: number; child: ChildProcess };

export const bench: Bench = ({ report, rounds }) =>
  withFleet({}, async (fleet) => {
    const times = rounds < 1000 ? 1 : 9;
    report.begin('From the start of the process until it serves pages');
    const ours: number[] = [];
    const plain: number[] = [];
    const memory: number[] = [];
    // The first start of each reads the files from the disk, and isn't measured.
    for (let round = 0; round <= times; round += 1) {
      report.progress(`round ${round} of ${times}`);
      const kinds = round % 2 === 0 ? (['ours', 'plain'] as const) : (['plain', 'ours'] as const);
      for (const kind of kinds) {
        const { ms, child } = await (kind === 'ours' ? startOurs(fleet) : startPlain(fleet));
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

/** Starts what `npm start` runs, and waits until it is ready. */
async function startOurs(fleet: Fleet): Promise<Started> {
  const port = await freePort();
  const env = {
    ...processEnv,
    ...unsetVariables,
    PORT: String(port),
    NODE_ENV: 'production',
    BASE_URL: `http://127.0.0.1:${port}`,
    REDIS_URL: fleet.redisUrl,
    SPOTIFY_CLIENT_ID: clientId,
    SPOTIFY_CLIENT_SECRET: clientSecret,
    SPOTIFY_ACCOUNTS_URL: fleet.simulator.accountsUrl,
    SPOTIFY_API_URL: fleet.simulator.apiUrl,
    SESSION_SECRET: randomBytes(36).toString('base64'),
  };
  const startedAt = performance.now();
  const child = spawn(process.execPath, startArguments(), {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilAnswered(child, `http://127.0.0.1:${port}/readyz`, startedAt);
  return { ms: performance.now() - startedAt, child };
}

/** The arguments of Node in the script `start` of package.json. */
function startArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [exec, node, ...args] = String(scripts.start).split(' ');
  if (exec !== 'exec' || node !== 'node') throw new Error('npm start doesn’t run Node');
  return args;
}

/** Starts the plain server, and waits until it has saved a session. */
async function startPlain(fleet: Fleet): Promise<Started> {
  const startedAt = performance.now();
  const child = startProcess('floor/floor.ts');
  const options: FloorOptions = { redisUrl: fleet.redisUrl, apiUrl: fleet.simulator.apiUrl, token: 'none' };
  const { port } = await ask<AddressInfo>(child, options);
  await untilAnswered(child, `http://127.0.0.1:${port}/login`, startedAt);
  return { ms: performance.now() - startedAt, child };
}

/** Waits until the response is a 200. */
async function untilAnswered(child: ChildProcess, url: string, startedAt: number): Promise<void> {
  while ((await statusOf(url)) !== 200) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}`);
    if (performance.now() - startedAt > giveUpMs) throw new Error(`${url} isn’t served`);
    await sleep(retryMs);
  }
}

/** The status of a response; null without one. */
function statusOf(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    }).once('error', () => resolve(null));
  });
}

function inMs(values: readonly number[]): string[] {
  return [median(values), Math.min(...values), Math.max(...values)].map((value) => `${Math.round(value)} ms`);
}
