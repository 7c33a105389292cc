import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiVersions } from '../simulator/simulator.ts';
import { scopes } from '../src/spotify/web-api.ts';
import { recordAllCalls } from './support/all-calls.ts';
import { root } from './support/process.ts';

type Row = { '2026-02': string[]; legacy: string[]; scopes: string[] };

/** The rows of the table in docs/spotify-calls.md. */
function rowsIn(text: string): Row[] {
  const coded = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => String(code));
  return text
    .split('\n')
    .filter((line) => /^\| `(GET|PUT|POST|DELETE) /.test(line))
    .map((line) => {
      const [, current, legacy, permission] = line.split('|');
      const names = coded(current);
      return {
        '2026-02': names,
        legacy: legacy?.trim() === 'the same' ? names : coded(legacy),
        scopes: coded(permission),
      };
    });
}

/** What of the table was not asked, and what was asked and is not in the table. */
function differences(listed: readonly string[], seen: readonly string[]): string[] {
  const fits = (entry: string, call: string) =>
    new RegExp(`^${entry.replaceAll('{id}', '[\\w.]+')}$`).test(call);
  return [
    ...listed.filter((entry) => !seen.some((call) => fits(entry, call))).map((one) => `${one} was not asked`),
    ...seen.filter((call) => !listed.some((entry) => fits(entry, call))).map((one) => `${one} is not listed`),
  ];
}

const docs = readFileSync(join(root, 'docs/spotify-calls.md'), 'utf8');
const table = rowsIn(docs);

for (const apiVersion of apiVersions) {
  test(`docs/spotify-calls.md lists what every page and action asks, and nothing else (${apiVersion})`, async (t) => {
    const column = apiVersion === 'legacy' ? 'legacy' : '2026-02';
    const calls = await recordAllCalls(t, apiVersion);
    // An unknown name is how the API version is detected.
    const seen = new Set(
      calls.filter(({ status }) => status < 300).map(({ method, path }) => `${method} ${path}`),
    );

    assert.ok(calls.length > 200, `${calls.length} calls`);
    assert.deepEqual(
      differences(
        table.flatMap((row) => row[column]),
        [...seen],
      ),
      [],
    );
    const odd = calls.filter(({ status }) => status >= 300 && ![403, 404].includes(status));
    assert.deepEqual(odd, [], 'nor is anything asked that Spotify cannot make sense of');
  });
}

test('the table names every permission that is ever asked for, and no other', () => {
  const named = new Set(table.flatMap((row) => row.scopes));
  assert.deepEqual([...named].sort(), [...new Set(Object.values(scopes).flat())].sort());
});

test('a row that nothing asks, and a call that no row has, are found', () => {
  const planted = rowsIn(`${docs}\n| \`GET /me/following\` | the same | \`user-follow-read\` | Nobody |\n`);
  const seen = table.flatMap((row) => row['2026-02']).map((one) => one.replaceAll('{id}', '0aZ'));

  assert.equal(planted.length, table.length + 1);
  const rows = (all: Row[]) => all.flatMap((row) => row['2026-02']);
  assert.deepEqual(differences(rows(table), seen), []);
  assert.deepEqual(differences(rows(planted), seen), ['GET /me/following was not asked']);
  assert.deepEqual(differences(rows(table), [...seen, 'GET /markets', 'GET /playlists/0aZ/images']), [
    'GET /markets is not listed',
    'GET /playlists/0aZ/images is not listed',
  ]);
});
