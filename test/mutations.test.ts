import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mutations } from './mutations/all.ts';
import type { Mutation } from './mutations/mutation.ts';
import { breakSafeguard, findMarkers } from './mutations/safeguards.ts';
import { root } from './support/process.ts';

/*
 * `npm run test:mutations` takes a while. These tests check quickly that each mutation still finds its safeguard.
 */
const markers = findMarkers(root);

test('every mutation finds its safeguard in one file, and its tests exist', () => {
  const lost = mutations.filter((mutation) => {
    const [file = '', ...others] = markers.get(mutation.safeguard) ?? [];
    if (!file || others.length > 0 || !existsSync(join(root, `${mutation.test}.test.ts`))) return true;
    return breakSafeguard(mutation, readFileSync(join(root, file), 'utf8')) === null;
  });

  assert.ok(mutations.length > 300);
  assert.deepEqual(
    lost.map(({ safeguard }) => safeguard),
    [],
  );
});

test('the tests that a mutation names are in its file', () => {
  const lost = mutations.filter(({ test, named = '' }) => {
    const source = readFileSync(join(root, `${test}.test.ts`), 'utf8');
    // A title may be put together from texts in different places.
    const texts = source.match(/'[^'\n]*'|`[^`]*`/g) ?? [];
    return named.split('.*').some((part) => !texts.some((text) => new RegExp(part).test(text)));
  });

  assert.deepEqual(
    lost.map(({ safeguard, named }) => `${safeguard}: ${named}`),
    [],
  );
});

test('every marker belongs to a mutation', () => {
  const ids = new Set(mutations.map(({ safeguard }) => safeguard));
  assert.equal(ids.size, mutations.length);
  assert.deepEqual(
    [...markers.keys()].filter((id) => !ids.has(id)),
    [],
  );
});

test('a mutation still matches after a rename, but not if the code has another shape', () => {
  const mutation: Mutation = {
    what: 'the expiry',
    safeguard: 'expiry',
    from: 'if (grant.expiresAt > now()) return grant;',
    to: 'return grant;',
    test: '',
  };
  const source = (code: string) => `other(code);\n// safeguard: expiry\n${code}\nlast(code);\n`;

  assert.equal(
    breakSafeguard(mutation, source('if (stored.endsAt > clock()) return stored;')),
    source('return stored;'),
  );
  for (const code of [
    'if (stored.endsAt >= clock()) return stored;',
    'if (stored.endsAt > clock()) return null;',
    'if (stored.endsAt > clock()) return other;',
  ])
    assert.equal(breakSafeguard(mutation, source(code)), null, code);
  assert.equal(breakSafeguard({ ...mutation, to: 'return nothingOfThisName;' }, source(mutation.from)), null);
});
