import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { findRedis } from './local-server.ts';

/** As much of Node's `process` as finding a Redis takes. */
type Process = {
  env: NodeJS.ProcessEnv;
  platform: string;
  getuid?: () => number;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
};

/**
 * What `findRedis` needs, from the process it runs in: questions are asked only of a person at a terminal. `signal` ends an
 * installation that is under way.
 */
export function localServerDeps(
  { env, platform, getuid, stdin, stdout }: Process,
  signal?: AbortSignal,
): Parameters<typeof findRedis>[0] {
  const atTerminal = stdin.isTTY && stdout.isTTY;
  return {
    env,
    platform,
    isRoot: getuid?.() === 0,
    say: (sentence) => stdout.write(`${sentence}\n`),
    confirm: atTerminal ? confirm : null,
    ...(signal && { signal }),
  };

  async function confirm(question: string): Promise<boolean> {
    const terminal = createInterface({ input: stdin, output: stdout });
    const closed = once(terminal, 'close').then(() => '');
    // Ctrl-C and Ctrl-D close the terminal's side without an answer.
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]).catch(() => '');
    terminal.close();
    return /^y(es)?$/i.test(String(answer).trim());
  }
}
