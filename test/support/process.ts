import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanupScope } from './cleanup.ts';

export const root = join(import.meta.dirname, '..', '..');

/** Every setting as an empty value, so that the developer's own .env doesn't affect the tests. */
export const unsetVariables = Object.fromEntries(
  [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => [
    name,
    '',
  ]),
);

/** The environment of every process that a test starts: the folders of programs, and of compiled code (global-setup.ts). */
export const processEnv: Record<string, string> = {
  PATH: process.env.PATH ?? '',
  ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
};

/** A working directory and a user; `detached` for a command whose children have to end with it, such as npm. */
type RunAs = { cwd?: string; uid?: number; gid?: number; detached?: boolean };

/** Runs one of the project's entries, until the test ends at the latest. */
export function run(t: CleanupScope, entry: string, env: Record<string, string>, as: RunAs = {}) {
  return runCommand(
    t,
    [process.execPath, ...entry.split(' ')],
    { ...(as.cwd ? {} : unsetVariables), ...env },
    as,
  );
}

/** Runs a command, until the test ends at the latest. */
export function runCommand(
  t: CleanupScope,
  [program = '', ...args]: readonly string[],
  env: Record<string, string>,
  as: RunAs = {},
) {
  const child = spawn(program, args, {
    cwd: root,
    ...as,
    env: { ...processEnv, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = once(child, 'close').then(() => child.exitCode);
  t.after(async () => {
    if (isRunning(child)) process.kill(as.detached ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL');
    await ended;
  });

  return {
    child,
    /** Resolves with the exit code when all output has arrived. */
    ended,
    /** Returns everything written to stdout and stderr so far. */
    output: () => output,
    /** Waits until the output matches. Throws if the process ends before. */
    async waitForOutput(pattern: RegExp): Promise<void> {
      while (!pattern.test(output)) {
        if (!isRunning(child))
          throw new Error(`The process ended without output that matches ${pattern}:\n${output}`);
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended]);
      }
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
