import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/process.ts';

/*
 * docs/faults.md links the tests that prove its rows, as [id](../file). In the test file, `// fault: id` stands above the test, so a test
 * can be renamed without changing the table.
 */
const table = readFileSync(join(root, 'docs/faults.md'), 'utf8');
const files = globSync(['test/**/*.test.ts', 'simulator/test/*.test.ts'], { cwd: root });
const marked = new Set(files.flatMap((file) => markersIn(file)));

test('every test that docs/faults.md links exists, and every marked test is linked', (t) => {
  const linked = linksIn(table);
  t.diagnostic(`${linked.length} links`);

  assert.ok(linked.length > 200);
  assert.deepEqual(
    linked.filter((link) => !marked.has(link)),
    [],
  );
  assert.deepEqual([...marked].filter((marker) => !linked.includes(marker)).sort(), []);
});

test('every row of docs/faults.md links a test', () => {
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (---|What goes wrong)/.test(line));

  assert.ok(rows.length > 100);
  assert.deepEqual(
    rows.filter((row) => linksIn(row).length === 0),
    [],
  );
});

test('a marker stands directly above a test, and no file has two with the same id', () => {
  for (const file of files) {
    const source = readFileSync(join(root, file), 'utf8');
    const all = [...source.matchAll(/^\s*\/\/ fault: .+$/gm)].map(([line]) => line.trim());
    assert.equal(new Set(all).size, all.length, `${file}: an id occurs twice`);
    assert.equal(markersIn(file).length, all.length, `${file}: a marker isn't followed by a test`);
  }
});

test('a link to an id that no test has is found', () => {
  for (const link of [
    '[no-such-id](../test/access/token-refresh.test.ts)',
    '[no-such-id](../test/no-such-file.test.ts)',
  ])
    assert.equal(linksIn(link).filter((one) => !marked.has(one)).length, 1, link);
});

/** Returns `file#id` for each link to a test. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\[([\w-]+)\]\(\.\.\/([\w./-]+\.test\.ts)\)/g)].map(
    ([, id, file]) => `${file}#${id}`,
  );
}

/** Returns `file#id` for each marker in a file that is followed by a test. */
function markersIn(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8');
  return [...source.matchAll(/^\s*\/\/ fault: ([\w-]+)\n\s*test\w*\(/gm)].map(([, id]) => `${file}#${id}`);
}
