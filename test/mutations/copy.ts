import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutation } from './mutation.ts';
import { breakSafeguard, findMarkers } from './safeguards.ts';

/** The result of a test run: `hung` if a test timed out before another one failed. */
export type Outcome = { result: 'passed' | 'failed' | 'hung'; slowestMs: number };

export type Copy = ReturnType<typeof createCopy>;

const root = join(import.meta.dirname, '..', '..');
/** How long a test process may take before its first test, and after its last. */
const startMs = 60_000;
const excluded = new Set(['node_modules', '.git', 'data']);

/** Copies the project, so that safeguards can be removed in the copy. */
export function createCopy() {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-mutation-'));
  for (const name of readdirSync(root)) {
    if (!excluded.has(name)) cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const markers = findMarkers(folder);
  const running = new Set<number>();

  return {
    /** Runs the tests of one file until one fails. Each test may take up to `limitMs`. */
    async runTests({ test, named }: Pick<Mutation, 'test' | 'named'>, limitMs: number): Promise<Outcome> {
      const args = [
        '--test',
        `--test-timeout=${limitMs}`,
        '--test-reporter=./test/mutations/reporter.ts',
        '--test-global-setup=test/support/global-setup.ts',
        '--import=./test/support/loopback-only.ts',
        ...(named ? [`--test-name-pattern=${named}`] : []),
        `${test}.test.ts`,
      ];
      // In its own process group, so that everything it starts can be ended with it.
      const child = spawn(process.execPath, args, {
        cwd: folder,
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const { pid } = child;
      if (pid === undefined) throw new Error('The tests couldn’t be started');
      running.add(pid);
      let text = '';
      // A test in an endless loop can't time out by itself, and may use up the memory of the machine.
      const silence = setTimeout(() => {
        text += '\nhung 0\n';
        endGroup(pid);
      }, limitMs + startMs);
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        silence.refresh();
        if (/^(failed|hung) /m.test(text)) endGroup(pid);
      });
      const [code] = await once(child, 'close');
      clearTimeout(silence);
      running.delete(pid);
      const slowestMs = Math.max(0, ...[...text.matchAll(/^passed (\d+)/gm)].map(([, ms]) => Number(ms)));
      const [, result] = /^(failed|hung) /m.exec(text) ?? [];
      if (result === 'failed' || result === 'hung') return { result, slowestMs };
      return { result: code === 0 ? 'passed' : 'failed', slowestMs };
    },

    /** Does the work with a safeguard removed, and restores it. Returns null if the safeguard isn't found. */
    async without<T>(mutation: Mutation, work: () => Promise<T>): Promise<T | null> {
      const [file = '', ...others] = markers.get(mutation.safeguard) ?? [];
      const path = join(folder, file);
      const original = file && others.length === 0 ? readFileSync(path, 'utf8') : '';
      const broken = breakSafeguard(mutation, original);
      if (broken === null) return null;
      writeFileSync(path, broken);
      try {
        return await work();
      } finally {
        writeFileSync(path, original);
      }
    },

    /** Ends the processes in the copy, and deletes it. */
    remove(): void {
      for (const pid of running) endGroup(pid);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has already ended.
  }
}
