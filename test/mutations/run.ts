import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { mutations } from './all.ts';
import { type Copy, createCopy } from './copy.ts';
import type { Mutation } from './mutation.ts';

/*
 * Mutation testing: removes one safeguard at a time, in a copy of the project, and expects tests to fail. If none fails, the safeguard is
 * either not needed or not tested.
 *
 *   npm run test:mutations                       all of them, in as many copies as there are cores
 *   npm run test:mutations -- cooldown           those whose name or id contains these words
 *   npm run test:mutations -- --jobs 1 cooldown
 *
 * Without some safeguards a test only times out. On a busy machine any test can time out, so a timeout counts as noticed only if the
 * same tests pass directly afterward with the safeguard back in place.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: String(availableParallelism()) } },
});
const words = positionals.join(' ');
const selected = mutations.filter(({ what, safeguard }) => `${what} ${safeguard}`.includes(words));

/** Mutations that the same tests should notice. */
const groups = Map.groupBy(selected, ({ test, named }) => (named ? `${test}, ${named}` : test));
/** The largest groups first, so that all copies finish at about the same time. */
const queue = [...groups].sort(([, one], [, other]) => other.length - one.length);
const problems: string[] = [];
const startedAt = performance.now();

const copies = Array.from({ length: Math.min(queue.length, Number(values.jobs)) }, createCopy);
process.once('exit', () => {
  for (const copy of copies) copy.remove();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await Promise.all(copies.map(work));

const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
for (const line of problems) console.log(line);
console.log(
  problems.length === 0
    ? `all ${selected.length} noticed, in ${minutes} minutes`
    : `${problems.length} of ${selected.length} need attention, in ${minutes} minutes`,
);
process.exitCode = problems.length > 0 ? 1 : 0;

/** Works through the queue in one copy. */
async function work(copy: Copy): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [name, group] = next;
    const [{ test, named }] = group as [Mutation];
    const baseline = await copy.runTests({ test, named }, 300_000);
    // A test that fails with every safeguard in place proves nothing.
    if (baseline.result !== 'passed') {
      report(false, `FAILS      with every safeguard in place: ${name}`);
      continue;
    }
    const limitMs = Math.max(20_000, 5 * baseline.slowestMs);
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
  if (again.result === 'passed') report(true, `noticed    ${without}, by a timeout`);
  else report(false, `TOO SLOW   ${without}: the tests also time out with the safeguard in place`);
}

function report(noticed: boolean, line: string): void {
  console.log(line);
  if (!noticed) problems.push(line);
}
