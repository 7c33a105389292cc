import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { Simulator } from '../simulator.ts';
import { startTestSimulator } from './start-test-simulator.ts';

test('the README lists every endpoint of the Web API, with its scopes, versions and family', async (t) => {
  const { simulator } = await startTestSimulator(t);
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const rows = readme.split('\n').filter((line) => /^\| `[A-Z]+ \//.test(line));

  assert.deepEqual(rows, simulator.endpoints.map(rowOf));
});

function rowOf({
  endpoint,
  scopes,
  versions,
  acceptsAppToken,
  family,
}: Simulator['endpoints'][number]): string {
  const scopeCell = scopes.map((scope) => `\`${scope}\``).join(', ') || '–';
  return `| \`${endpoint}\` | ${scopeCell} | ${versions} | ${acceptsAppToken ? 'yes' : 'no'} | ${family} |`;
}
