import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/*
 * Runs a test script again and again, and prints one line per run: how long it took and what failed.
 *
 *   npm run test:repeat -- 10                    ten times npm test
 *   npm run test:repeat -- 10 --load 8           the same with eight busy processes
 *   npm run test:repeat -- 3 --script test:fleet
 *
 * The busy processes share one session, as those of another terminal would: Linux divides the CPU between sessions first ("autogroup", sched(7)).
 */
const runLimitMs = 40 * 60_000;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { load: { type: 'string', default: '0' }, script: { type: 'string', default: 'test' } },
});
const runs = wholeNumber(positionals[0] ?? '10', 'the number of runs');
const load = wholeNumber(values.load, '--load');
const folder = mkdtempSync(join(tmpdir(), 'turntable-repeat-'));
const children = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of children) end(child);
    process.exit(1);
  });
}

let failed = 0;
for (let run = 1; run <= runs; run += 1) {
  const busy = load > 0 ? startBusyProcesses() : null;
  const { passed, seconds, failures, output } = await runOnce(join(folder, `run-${run}.txt`));
  if (busy) end(busy);
  if (!passed) failed += 1;
  const outcome = passed
    ? 'passed'
    : `FAILED ${failures.map((name) => `\n    ${name}`).join('')}\n    ${output}`;
  console.log(`${run} of ${runs}: ${seconds} s, ${outcome}`);
}
console.log(`${runs - failed} of ${runs} runs passed${load > 0 ? ` beside a load of ${load}` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;

/** One run of the script, with its output in a file. `failures` are the titles of the tests that failed. */
async function runOnce(output: string) {
  const startedAt = performance.now();
  const child = start('npm', ['run', values.script]);
  const file = createWriteStream(output);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk;
      file.write(chunk);
    });
  }
  const limit = setTimeout(() => {
    text += `\n✖ not finished in ${runLimitMs / 60_000} minutes\n`;
    end(child);
  }, runLimitMs);
  const [code] = await once(child, 'close');
  clearTimeout(limit);
  children.delete(child);
  file.end();
  const failures = new Set(
    [...text.matchAll(/^\s*✖ (.+?)(?: \([\d.]+ms\))?$/gm)].map(([, name = '']) => name),
  );
  failures.delete('failing tests:');
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return { passed: code === 0, seconds, failures: [...failures], output };
}

/** Starts processes that use a whole core each, until they are ended or have run for longer than a run may take. */
function startBusyProcesses(): ChildProcess {
  const loop = `const end = Date.now() + ${runLimitMs}; while (Date.now() < end);`;
  return start('sh', ['-c', `${`"$0" -e "$1" & `.repeat(load)} wait`, process.execPath, loop]);
}

/** A process in its own group, so that it can be ended together with everything it starts. */
function start(command: string, words: string[]): ChildProcess {
  const child = spawn(command, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  return child;
}

function end(child: ChildProcess): void {
  children.delete(child);
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, 'SIGKILL');
}

function wholeNumber(text: string, what: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  console.error(`${what} must be a whole number, not ${text}`);
  process.exit(1);
}
