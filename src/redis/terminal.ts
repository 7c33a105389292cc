import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { findRedis } from './local-server.ts';

/** The parts of Node's `process` that finding a Redis needs. */
type Process = {
  env: NodeJS.ProcessEnv;
  platform: string;
  getuid?: () => number;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
};

/** Returns the dependencies of `findRedis` for this process. Questions are only asked at a terminal. `signal` aborts an installation. */
export function localServerDeps(
  { env, platform, getuid, stdin, stdout }: Process,
  signal?: AbortSignal,
): Parameters<typeof findRedis>[0] {
  const atTerminal = stdin.isTTY && stdout.isTTY;
  return {
    env,
    platform,
    isRoot: getuid?.() === 0,
    print: (sentence) => stdout.write(`${sentence}\n`),
    confirm: atTerminal ? confirm : null,
    ...(signal && { signal }),
  };

  async function confirm(question: string): Promise<boolean> {
    const terminal = createInterface({ input: stdin, output: stdout });
    const closed = once(terminal, 'close').then(() => '');
    // Ctrl-C and Ctrl-D close the terminal without an answer.
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]).catch(() => '');
    terminal.close();
    return /^y(es)?$/i.test(String(answer).trim());
  }
}
