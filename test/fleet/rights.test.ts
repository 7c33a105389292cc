import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../src/redis/local-server.ts';
import { minimalRights } from '../../src/redis/rights.ts';
import { defaultRedisPrefix } from '../../src/settings/redis-url.ts';
import { visitEverything } from '../support/all-calls.ts';
import { root, run } from '../support/process.ts';
import { skipWithoutProgram as skip } from '../support/redis.ts';
import { startNode } from '../support/redis-forms.ts';
import { allowLine, checkRedisAt, documentedLine } from '../support/redis-rights.ts';
import { clientId, clientSecret, startTurntable } from '../support/turntable.ts';

test('the documentation has the rights of a Redis user as they are, and every command in the source is among them', () => {
  const line = documentedLine();
  assert.equal(line, minimalRights(defaultRedisPrefix));
  const allowed = new Set(line.toUpperCase().match(/(?<= \+)\S+/g));

  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) =>
    readFileSync(join(root, file), 'utf8'),
  );
  const inScripts = sources.flatMap((text) => [...text.matchAll(/redis\.p?call\('(\w+)'/g)]);
  const inCode = sources.flatMap((text) => [
    ...text.matchAll(
      /\bredis\.(get|set|del|unlink|exists|p?expire|p?ttl|h\w+|z\w+|publish|time|eval|incr\w*|rename)\(/g,
    ),
  ]);
  const used = [...inScripts, ...inCode].map(([, name = '']) => name.toUpperCase());
  // The connection of a test replaces this one.
  const others = new Set(['CONFIG', 'SENDCOMMAND']);
  for (const name of used) assert.ok(allowed.has(name) || others.has(name), `${name} is documented`);
  assert.ok(used.length > 50, `${used.length} uses were found`);
});

test('a Redis user with the documented rights only is enough for everything', { skip }, async (t) => {
  const { port, direct } = await startNode(t, ['--appendonly', 'yes']);
  await direct.call(...allowLine());
  const redisUrl = `redis://turntable:PASSWORD@127.0.0.1:${port}`;
  const turntable = await startTurntable(t, { redisUrl, timing: { afterCommandMs: 0 } });
  await turntable.browser().get('/search?q=a').expect(200);
  for (const { id } of turntable.simulator.listeners) await visitEverything(turntable, id);

  // Keys of the time before prefixes are refused, which is no harm.
  assert.doesNotMatch(JSON.stringify(await direct.call('ACL', 'LOG')), /"reason"\W+(command|channel)/);
  assert.doesNotMatch(turntable.logged.join(''), /"level":[45]0/);
  assert.doesNotMatch(await checkRedisAt(redisUrl), /^(failed|note)/m);
});

// fault: redis-rights-missing
test('rights that are missing, eviction and missing persistence are named at startup and by the doctor', {
  skip,
}, async (t) => {
  const { port, direct } = await startNode(t, ['--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-lru']);
  await direct.call(...allowLine());
  await direct.call('ACL', 'SETUSER', 'turntable', '-hset', '-zremrangebyscore');
  const redisUrl = `redis://turntable:PASSWORD@127.0.0.1:${port}`;

  assert.match(
    await checkRedisAt(redisUrl),
    /^failed Redis permissions: this user may not run hset, zremrangebyscore -> .* \+hset \+zremrangebyscore$/m,
  );

  const started = run(t, 'src/main.ts', {
    PORT: String(await freePort()),
    REDIS_URL: redisUrl,
    SPOTIFY_CLIENT_ID: clientId,
    SPOTIFY_CLIENT_SECRET: clientSecret,
  });
  for (const warning of [
    /"level":40.*Redis permissions: this user may not run hset, zremrangebyscore/,
    /"level":40.*Redis persistence: Redis doesn’t save to disk/,
    /"level":40.*Redis eviction: the policy is allkeys-lru: when memory is full, people are signed out/,
  ])
    await started.waitForOutput(warning);
  assert.doesNotMatch(started.output(), /PASSWORD/);
});
