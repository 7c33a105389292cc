import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mutations } from './mutations/all.ts';
import { root } from './support/process.ts';

/*
 * `npm run test:mutations` takes a while. That each safeguard in its list is still where the list says can be seen at once.
 */
test('every safeguard in the list of mutations is in its file, and its tests exist', () => {
  const missing = mutations.filter(
    ({ file, from, test: its }) =>
      !existsSync(join(root, `${its}.test.ts`)) || !readFileSync(join(root, file), 'utf8').includes(from),
  );

  assert.ok(mutations.length > 100);
  assert.deepEqual(
    missing.map(({ what, file }) => `${what} (${file})`),
    [],
  );
});
