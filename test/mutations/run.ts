import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutations as data } from './data.ts';
import type { Mutation } from './mutation.ts';
import { mutations as overload } from './overload.ts';
import { mutations as product } from './product.ts';
import { mutations as records } from './records.ts';
import { mutations as setup } from './setup.ts';
import { mutations as stability } from './stability.ts';
import { mutations as stopping } from './stopping.ts';
import { mutations as visitors } from './visitors.ts';

/*
 * Mutation testing: removes one safeguard at a time, in a copy, and expects the tests to fail. A safeguard that no test misses is
 * either not needed or not tested.
 */
const mutations: Mutation[] = [
  ...product,
  ...records,
  ...stability,
  ...stopping,
  ...overload,
  ...visitors,
  ...data,
  ...setup,
];

// npm run test:mutations -- banner: only those whose description or file contains this.
const [words = ''] = process.argv.slice(2);
const wanted = mutations.filter(({ what, file }) => `${what} ${file}`.includes(words));

const root = join(import.meta.dirname, '..', '..');
const copy = mkdtempSync(join(tmpdir(), 'turntable-mutation-'));
for (const folder of [
  'docs',
  'src',
  'views',
  'public',
  'bench',
  'test',
  'package.json',
  'tsconfig.json',
  '.env.example',
]) {
  cpSync(join(root, folder), join(copy, folder), { recursive: true });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

let missed = 0;
// A test that fails with every safeguard in place would notice anything.
const failing = new Set<string>();
for (const [key, mutation] of new Map(wanted.map((one) => [keyOf(one), one]))) {
  if (outcome(mutation) === 0) continue;
  failing.add(key);
  missed += 1;
  console.log(`FAILS    with nothing taken away: ${key}`);
}
for (const mutation of wanted) {
  const { what, file, from, to, test } = mutation;
  if (failing.has(keyOf(mutation))) continue;
  const path = join(copy, file);
  const whole = readFileSync(path, 'utf8');
  const broken = whole.replaceAll(from, () => to);
  writeFileSync(path, broken);
  // One that took too long altogether has noticed nothing.
  const seen = whole !== broken && ![0, null].includes(outcome(mutation));
  writeFileSync(path, whole);
  if (!seen) missed += 1;
  console.log(`${seen ? 'noticed' : whole === broken ? 'NOT FOUND' : 'MISSED '}  without ${what} (${test})`);
}
rmSync(copy, { recursive: true });
console.log(missed === 0 ? `all ${wanted.length} noticed` : `${missed} to look at`);
process.exitCode = missed > 0 ? 1 : 0;

function keyOf({ test, named }: Mutation): string {
  return named ? `${test}, ${named}` : test;
}

/** The exit code of the tests that are to notice it, with the copy as it is; null where they did not come to an end. */
function outcome({ test, named }: Mutation): number | null {
  return spawnSync(
    process.execPath,
    [
      '--test',
      '--test-timeout=30000',
      '--test-global-setup=test/support/global-setup.ts',
      ...(named ? [`--test-name-pattern=${named}`] : []),
      `test/${test}.test.ts`,
    ],
    { cwd: copy, timeout: 120_000, stdio: 'ignore' },
  ).status;
}
