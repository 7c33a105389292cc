import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { mutations } from './all.ts';
import { type Copy, createCopy } from './copy.ts';
import type { Mutation } from './mutation.ts';

/*
 * Mutation testing: removes one safeguard at a time, in a copy, and expects the tests to fail. A safeguard that no test misses is
 * either not needed or not tested.
 *
 *   npm run test:mutations                       all of them, in as many copies as there are cores
 *   npm run test:mutations -- banner             those whose description or id contains these words
 *   npm run test:mutations -- --jobs 1 banner
 *
 * Without some safeguards a test waits in vain and fails only when its time is up. On a busy machine a test may run out of time by
 * itself, so this counts only if the same tests pass, with the safeguard back in place, directly afterwards.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: String(availableParallelism()) } },
});
const words = positionals.join(' ');
const wanted = mutations.filter(({ what, safeguard }) => `${what} ${safeguard}`.includes(words));

/** Mutations that the same tests are to notice. */
const groups = Map.groupBy(wanted, ({ test, named }) => (named ? `${test}, ${named}` : test));
/** Those with most to do first, so that all copies have work to the end. */
const queue = [...groups].sort(([, one], [, other]) => other.length - one.length);
const toLookAt: string[] = [];
const startedAt = performance.now();

const copies = Array.from({ length: Math.min(queue.length, Number(values.jobs)) }, createCopy);
process.once('exit', () => {
  for (const copy of copies) copy.remove();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await Promise.all(copies.map(work));

const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
for (const line of toLookAt) console.log(line);
console.log(
  toLookAt.length === 0
    ? `all ${wanted.length} noticed, in ${minutes} minutes`
    : `${toLookAt.length} to look at, of ${wanted.length}, in ${minutes} minutes`,
);
process.exitCode = toLookAt.length > 0 ? 1 : 0;

/** Goes through the queue, in one copy. */
async function work(copy: Copy): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [name, group] = next;
    const [{ test, named }] = group as [Mutation];
    const whole = await copy.runTests({ test, named }, 300_000);
    // A test that fails with every safeguard in place would notice anything.
    if (whole.result !== 'passed') {
      report(false, `FAILS      with nothing taken away: ${name}`);
      continue;
    }
    const limitMs = Math.max(20_000, 5 * whole.slowestMs);
    for (const mutation of group) await tryWithout(copy, mutation, limitMs);
  }
}

async function tryWithout(copy: Copy, mutation: Mutation, limitMs: number): Promise<void> {
  const without = `without ${mutation.what} (${mutation.test})`;
  const outcome = await copy.without(mutation, () => copy.runTests(mutation, limitMs));
  if (outcome === null) return report(false, `NOT FOUND  ${without}`);
  if (outcome.result === 'passed') return report(false, `MISSED     ${without}`);
  if (outcome.result === 'failed') return report(true, `noticed    ${without}`);
  const again = await copy.runTests(mutation, limitMs);
  if (again.result === 'passed') report(true, `noticed    ${without}, by waiting in vain`);
  else report(false, `TOO SLOW   ${without}: the tests do not end in time with it either`);
}

function report(noticed: boolean, line: string): void {
  console.log(line);
  if (!noticed) toLookAt.push(line);
}
