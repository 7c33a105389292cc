import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Row, rows, withTable } from '../../docs/write-spotify-calls.ts';
import { apiVersions } from '../../simulator/simulator.ts';
import { knownScopes } from '../../src/access/scopes.ts';
import { recordAllCalls } from '../support/all-calls.ts';
import { root } from '../support/process.ts';

type Column = '2026-02' | 'legacy';

function endpointsIn(table: readonly Row[], column: Column): string[] {
  return table.flatMap((row) => row[column]);
}

/** The endpoints that were not called, and the calls that are not listed. */
function differences(listed: readonly string[], calls: readonly string[]): string[] {
  const fits = (endpoint: string, call: string) =>
    new RegExp(`^${endpoint.replaceAll('{id}', '[\\w.]+')}$`).test(call);
  return [
    ...listed
      .filter((endpoint) => !calls.some((call) => fits(endpoint, call)))
      .map((one) => `${one} was not called`),
    ...calls
      .filter((call) => !listed.some((endpoint) => fits(endpoint, call)))
      .map((one) => `${one} is not listed`),
  ];
}

for (const apiVersion of apiVersions) {
  test(`the pages and buttons make exactly the calls that are listed (${apiVersion})`, async (t) => {
    const calls = await recordAllCalls(t, apiVersion);
    // A call with an unknown name is how the API version is detected.
    const successful = new Set(
      calls.filter(({ status }) => status < 300).map(({ method, path }) => `${method} ${path}`),
    );

    assert.ok(calls.length > 200, `${calls.length} calls`);
    const listed = endpointsIn(rows(), apiVersion === 'legacy' ? 'legacy' : '2026-02');
    assert.deepEqual(differences(listed, [...successful]), []);
    const rejected = calls.filter(({ status }) => status >= 300 && ![403, 404].includes(status));
    assert.deepEqual(rejected, [], 'and none that Spotify rejects');
  });
}

test('docs/spotify-calls.md is up to date (if not: node docs/write-spotify-calls.ts)', () => {
  const text = readFileSync(join(root, 'docs/spotify-calls.md'), 'utf8');
  assert.equal(text, withTable(text));
});

test('every known scope is needed by a call', () => {
  const needed = new Set(rows().flatMap(({ calls }) => calls.flatMap(({ scopes }) => scopes)));
  assert.deepEqual([...needed].sort(), [...knownScopes].sort());
});

test('an endpoint that is never called, and a call that is not listed, are found', () => {
  const listed = endpointsIn(rows(), '2026-02');
  const calls = listed.map((one) => one.replaceAll('{id}', '0aZ'));

  assert.deepEqual(differences(listed, calls), []);
  assert.deepEqual(differences([...listed, 'GET /me/audiobooks'], calls), [
    'GET /me/audiobooks was not called',
  ]);
  assert.deepEqual(differences(listed, [...calls, 'GET /markets', 'GET /playlists/0aZ/images']), [
    'GET /markets is not listed',
    'GET /playlists/0aZ/images is not listed',
  ]);
});
