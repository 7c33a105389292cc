import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../test/support/fleet.ts';
import { processEnv, root, unsetVariables } from '../test/support/process.ts';
import { clientId, clientSecret } from '../test/support/turntable.ts';

const retryMs = 2;
const giveUpMs = 60_000;

/** The process and how long it took until it answered. */
export type Started = { ms: number; child: ChildProcess };

type Options = {
  env?: Record<string, string>;
  /** Modules that the process loads first. */
  imports?: readonly string[];
};

/**
 * Starts what `npm start` runs, with everything that production has, at the address of the fleet, and waits until it is ready. Only one can run at
 * a time.
 */
export async function startProduction(
  fleet: Fleet,
  { env = {}, imports = [] }: Options = {},
): Promise<Started> {
  const variables = {
    ...processEnv,
    ...unsetVariables,
    PORT: new URL(fleet.baseUrl).port,
    NODE_ENV: 'production',
    BASE_URL: fleet.baseUrl,
    REDIS_URL: fleet.redisUrl,
    SPOTIFY_CLIENT_ID: clientId,
    SPOTIFY_CLIENT_SECRET: clientSecret,
    SPOTIFY_ACCOUNTS_URL: fleet.simulator.accountsUrl,
    SPOTIFY_API_URL: fleet.simulator.apiUrl,
    SESSION_SECRET: randomToken(),
    // So that requests and calls are measured.
    METRICS_TOKEN: randomToken(),
    ...env,
  };
  const startedAt = performance.now();
  const args = [...imports.map((module) => `--import=${module}`), ...startArguments()];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: variables,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilAnswered(child, `${fleet.baseUrl}/readyz`, startedAt);
  return { ms: performance.now() - startedAt, child };
}

export function randomToken(): string {
  return randomBytes(36).toString('base64');
}

/** The arguments of Node in the script `start` of package.json. */
function startArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [exec, node, ...args] = String(scripts.start).split(' ');
  if (exec !== 'exec' || node !== 'node') throw new Error('npm start doesn’t run Node');
  return args;
}

/** Waits until the response is a 200. */
export async function untilAnswered(child: ChildProcess, url: string, startedAt: number): Promise<void> {
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
