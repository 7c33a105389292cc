import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isReady, readyz } from '../support/recovery.ts';
import { skipWithoutProgram as skip } from '../support/redis.ts';
import { makeCertificates, startCluster, startNode } from '../support/redis-forms.ts';
import { checkRedisAt } from '../support/redis-rights.ts';
import { startTurntable } from '../support/turntable.ts';

test('Redis over TLS works with a certificate from a private authority', { skip }, async (t) => {
  const { ca, serverArgs } = makeCertificates(t);
  const node = await startNode(t, serverArgs, { tls: { ca: readFileSync(ca, 'utf8') } });
  const redisUrl = `rediss://127.0.0.1:${node.port}`;
  const { browser, url } = await startTurntable(t, { redisUrl, env: { REDIS_CA_FILE: ca } });
  const mara = browser();
  await mara.signIn();
  await mara.get('/playlists').expect(200);

  assert.deepEqual(await readyz(url), isReady);
  const checks = await checkRedisAt(redisUrl, { REDIS_CA_FILE: ca });
  assert.match(checks, /^ok Redis connection/m);
  assert.match(checks, /^ok Redis messages/m);
});

// fault: redis-certificate
test('a certificate from an unknown authority, for another host, or none at all, is named', {
  skip,
}, async (t) => {
  const { ca, serverArgs } = makeCertificates(t);
  const node = await startNode(t, serverArgs, { tls: { ca: readFileSync(ca, 'utf8') } });
  const plain = await startNode(t, []);

  const { logged, url } = await startTurntable(t, { redisUrl: `rediss://127.0.0.1:${node.port}` });
  assert.match(
    logged.join(''),
    /Redis has a certificate from an authority that isn’t trusted\. .*REDIS_CA_FILE/,
  );
  assert.equal((await readyz(url))[0], 503);
  assert.match(
    await checkRedisAt(`rediss://localhost:${node.port}`, { REDIS_CA_FILE: ca }),
    /^failed Redis connection: .* has a certificate for another host/,
  );
  assert.match(
    await checkRedisAt(`rediss://127.0.0.1:${plain.port}`, { REDIS_CA_FILE: ca }),
    /^failed Redis connection: .* doesn’t use TLS on this port/,
  );
});

test('a cluster over TLS works', { skip }, async (t) => {
  const { ca, serverArgs } = makeCertificates(t);
  const args = [...serverArgs, '--tls-cluster', 'yes'];
  const nodes = await startCluster(t, { withReplicas: false, args, tls: { ca: readFileSync(ca, 'utf8') } });
  const redisUrl = `rediss://127.0.0.1:${nodes[0]?.port}?cluster=true`;
  const { browser, url } = await startTurntable(t, { redisUrl, env: { REDIS_CA_FILE: ca } });
  const mara = browser();
  await mara.signIn();
  await mara.get('/playlists').expect(200);
  assert.deepEqual(await readyz(url), isReady);
});
