import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/process.ts';

/*
 * docs/faults.md names the tests that show what it says, as *name* (file). A name that no test has is worse than none.
 */
type Named = { name: string; file: string };

test('every test that docs/faults.md names is there', (t) => {
  const named = namesIn(readFileSync(join(root, 'docs/faults.md'), 'utf8'));
  t.diagnostic(`${named.length} tests named`);

  assert.ok(named.length > 40);
  assert.deepEqual(named.filter(isMissing), []);
});

test('every line of a table in docs/faults.md names a test', () => {
  const lines = readFileSync(join(root, 'docs/faults.md'), 'utf8').split('\n');
  const rows = lines.filter((line) => line.startsWith('| ') && !/^\| (---|What goes wrong)/.test(line));

  assert.ok(rows.length > 30);
  assert.deepEqual(
    rows.filter((row) => namesIn(row).length === 0),
    [],
  );
});

test('the check finds a name that no test has, and one that stands in another file', () => {
  for (const planted of [
    '*a test that nobody wrote* (test/fleet/several-processes)',
    '*two tabs sign in at once, and both arrive* (test/access/token-refresh)',
    '*two tabs sign in at once, and both arrive* (no-such-file)',
    '*a process killed before it asks Spotify for a new token costs a wait* (test/fleet/several-processes)',
  ])
    assert.equal(namesIn(planted).filter(isMissing).length, 1, planted);
  assert.deepEqual(
    namesIn('*two tabs sign in at once, and both arrive* (test/pages/sign-in)').filter(isMissing),
    [],
  );
});

function namesIn(text: string): Named[] {
  return [...text.matchAll(/\*([^*]+)\* \(([\w/-]+)\)/g)].map(([, name = '', file = '']) => ({ name, file }));
}

function isMissing({ name, file }: Named): boolean {
  return !testsIn(file).some((pattern) => pattern.test(name));
}

/** What the names of the tests in a file look like: whatever is put into one when it runs may be anything. */
function testsIn(file: string): RegExp[] {
  let source: string;
  try {
    source = readFileSync(join(root, `${file}.test.ts`), 'utf8');
  } catch {
    return [];
  }
  return [...source.matchAll(/\btest(?:InEachDialect)?\(\s*(?=['"`])/g)].map(({ index, 0: call }) =>
    patternOf(source, index + call.length),
  );
}

/** A pattern for the string or template that begins here. */
function patternOf(source: string, from: number): RegExp {
  const quote = source[from];
  let pattern = '';
  for (let at = from + 1; source[at] !== quote; at += 1) {
    if (quote === '`' && source.startsWith('${', at)) {
      at = endOfInsert(source, at);
      pattern += '.+';
    } else {
      if (source[at] === '\\') at += 1;
      pattern += RegExp.escape(source[at] ?? '');
    }
  }
  return new RegExp(`^${pattern}$`);
}

/** The place of the brace that closes what is put in here. */
function endOfInsert(source: string, from: number): number {
  let open = 0;
  for (let at = from; at < source.length; at += 1) {
    if (source[at] === '{') open += 1;
    if (source[at] === '}') open -= 1;
    if (source[at] === '}' && open === 0) return at;
  }
  throw new Error('A template that does not end');
}
