import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { createSeal } from '../../src/access/seal.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { startTurntable } from '../support/turntable.ts';

const secret = 'of-these-tests-and-long-enough-for-it';
const kinds = ['session', 'grant', 'browsers'];

/** Mara in two browsers and Noor in one, with all their records as version 0.1.0 wrote them, and a server of this version. */
async function upgraded(t: TestContext) {
  const { url: redisUrl } = await startOwnRedis(t);
  const env = { SESSION_SECRET: secret };
  const first = await startTurntable(t, { redisUrl, env });
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const [laptop, phone, noor] = [first.browser(), first.browser(), first.browser()];
  await laptop.signIn('mara');
  await phone.signIn('mara');
  await noor.signIn('noor');

  const former: string[] = [];
  for (const key of await redis.keys('*')) {
    const [, kind = '', id = ''] = /^turntable:([\w-]+):\{(.+)\}$/.exec(key) ?? [];
    if (!kinds.includes(kind)) {
      await redis.del(key);
      continue;
    }
    await redis.rename(key, `${kind}:${id}`);
    former.push(`${kind}:${id}`);
  }
  // Other processes of this version, which have cached nothing of this yet.
  const second = await startTurntable(t, { redisUrl, env, sharedWith: first });
  const third = await startTurntable(t, { redisUrl, env, sharedWith: first });
  const at = (server: typeof first, person: typeof laptop) => {
    const moved = server.browser();
    moved.agent.set('Cookie', person.cookieHeader());
    return moved;
  };
  return { ...first, redis, former, second, third, at, laptop, phone, noor };
}

const present = (former: string) => former.replace(/^([\w-]+):(.+)$/, 'turntable:$1:{$2}');

// fault: upgrade-signs-no-one-out
test('sign-ins that version 0.1.0 wrote are moved to their new keys when they are used, and no one is signed out', {
  skip,
}, async (t) => {
  const { redis, former, second, third, at, laptop, phone, noor, clock } = await upgraded(t);
  const grants = former.filter((key) => key.startsWith('grant:'));
  assert.deepEqual(former.map((key) => key.split(':')[0]).sort(), [
    ...['browsers', 'browsers', 'grant', 'grant', 'grant', 'session', 'session', 'session'],
  ]);
  for (const key of grants) {
    const [, sealed = ''] = ((await redis.get(key)) ?? '').split(':');
    assert.ok(createSeal([secret]).open(sealed, key).text, 'sealed and bound to the key it had');
  }
  const ttls = await Promise.all(former.map((key) => redis.pttl(key)));

  const { body } = await at(second, laptop).getJson('/account').expect(200);
  assert.equal(body.browsers.length, 2, 'the phone is listed although it has not come back yet');

  const pages = [second, third, second, third].map((server) => at(server, phone).get('/now-playing'));
  for (const { status } of await Promise.all(pages)) assert.equal(status, 200);
  await at(third, noor).get('/now-playing').expect(200);
  assert.equal(await redis.exists(...former), 0);
  for (const [index, key] of former.entries()) {
    const ttl = await redis.pttl(present(key));
    assert.ok(ttl > (ttls[index] ?? 0) - 60_000, `${key} lives as long as before`);
  }

  clock.advance({ hours: 2 });
  for (const person of [laptop, phone, noor]) await at(second, person).get('/now-playing').expect(200);
});

// fault: upgrade-signs-out-everywhere
test('signing out everywhere ends sign-ins that version 0.1.0 wrote and that have not been used since', {
  skip,
}, async (t) => {
  const { redis, second, third, at, laptop, phone, noor } = await upgraded(t);

  await at(second, laptop).post('/account/sign-out-everywhere').expect(303);

  for (const person of [laptop, phone]) await at(third, person).get('/now-playing').expect(303);
  await at(third, noor).get('/now-playing').expect(200);
  const left = (await redis.keys('*')).filter((key) => kinds.some((kind) => key.includes(`${kind}:`)));
  assert.deepEqual(left.map((key) => key.split(':')[1]).sort(), kinds.toSorted(), 'all of it is Noor’s');
});

test('a Redis user whose rights are limited to the prefix is enough', { skip }, async (t) => {
  const { redis, redisUrl, laptop, second, at } = await upgraded(t);
  await redis.call(
    'ACL',
    'SETUSER',
    'limited',
    'on',
    '>word',
    '~turntable:*',
    '&turntable:*',
    '+@all',
    '-@dangerous',
  );
  const { host } = new URL(redisUrl);
  const limited = await startTurntable(t, {
    env: { SESSION_SECRET: secret },
    sharedWith: { ...second, redisUrl: `redis://limited:word@${host}` },
  });

  await at(limited, laptop).get('/now-playing').expect(303);
  const mara = limited.browser();
  await mara.signIn('mara');
  await mara.get('/now-playing').expect(200);
  await mara.post('/logout').expect(303);
});
