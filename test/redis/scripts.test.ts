import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { startTurntable } from '../support/turntable.ts';

test('a connection gets the text of a script once, and again when Redis has forgotten its scripts', {
  skip,
}, async (t) => {
  const { url } = await startOwnRedis(t);
  const line = await startRedisProxy(t, url);
  const { browser, clock } = await startTurntable(t, { redisUrl: line.url });
  const redis = new Redis(url);
  t.after(() => redis.disconnect());
  const sent: string[] = [];
  line.onCommand((command) => sent.push(...(/\r\n(evalsha|eval)\r\n/i.exec(command)?.slice(1) ?? [])));
  const scriptsOf = async (page: string) => {
    clock.advance({ minutes: 2 });
    sent.length = 0;
    await mara.get(page).expect(200);
    return new Set(sent.map((name) => name.toLowerCase()));
  };
  const mara = browser();
  await mara.signIn();
  await scriptsOf('/playlists');

  assert.deepEqual(await scriptsOf('/playlists'), new Set(['evalsha']));
  await redis.script('FLUSH');
  assert.deepEqual(await scriptsOf('/playlists'), new Set(['evalsha', 'eval']));
  assert.deepEqual(await scriptsOf('/playlists'), new Set(['evalsha']));
});
