import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export const root = join(import.meta.dirname, '..', '..');

/** Every setting, as one that is not set: what the developer's own .env says is no matter of the tests. */
const unset = Object.fromEntries(
  [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => [
    name,
    '',
  ]),
);

/** Another folder to run in, another user to run as; `detached` for a command whose own children have to end with it, such as npm. */
type As = { cwd?: string; uid?: number; gid?: number; detached?: boolean };

/** A real process of ours, ended with the test at the latest; in another tree or as another user where that is given. */
export function run(t: TestContext, entry: string, env: Record<string, string>, as: As = {}) {
  return runCommand(t, [process.execPath, ...entry.split(' ')], { ...(as.cwd ? {} : unset), ...env }, as);
}

/** Any command, ended with the test at the latest. */
export function runCommand(
  t: TestContext,
  [program = '', ...args]: readonly string[],
  env: Record<string, string>,
  as: As = {},
) {
  const child = spawn(program, args, {
    cwd: root,
    ...as,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const ended = once(child, 'close').then(() => child.exitCode);
  t.after(async () => {
    if (isRunning(child)) process.kill(as.detached ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL');
    await ended;
  });

  return {
    child,
    /** The exit code, once it has ended and all it said is here. */
    ended,
    /** All it wrote so far, to both streams. */
    said: () => said,
    /** Waits until it has said something that matches. */
    async says(what: RegExp): Promise<void> {
      while (!what.test(said)) {
        if (!isRunning(child)) throw new Error(`It ended without saying ${what}:\n${said}`);
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended]);
      }
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
