import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { awaitReply, measureWaits } from '../../src/waiting.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { type Browser, clientSecret, startTurntable, type Turntable } from '../support/turntable.ts';

/** The lines of requests in the log, which is empty afterward. */
async function requestsIn({ logged, browser }: Turntable) {
  // A line is written when its response has been sent, which may be after its client has read it. Lines are in that order.
  await browser().get('/privacy').expect(200);
  const lines = logged.splice(0).map((line) => JSON.parse(line));
  return lines.filter(({ message, path }) => message === 'Request' && path !== '/privacy');
}

test('the line of a request has the pattern of its route', async (t) => {
  const turntable = await startTurntable(t);
  const mara = turntable.browser();
  await mara.signIn();
  const { body } = await mara.getJson('/playlists').expect(200);
  await requestsIn(turntable);

  await mara.get(`/playlists/${body.playlists[0].id}?page=1`).expect(200);
  await mara.get('/app.css').expect(200);
  await mara.get('/nothing/here').expect(404);
  await mara.post('/player/pause').send({}).expect(403);

  const lines = await requestsIn(turntable);
  assert.deepEqual(
    lines.map(({ method, route, status }) => [method, route, status]),
    [
      ['GET', '/playlists/:id', 200],
      ['GET', 'other', 200],
      ['GET', 'other', 404],
      ['POST', '/player/:command', 403],
    ],
  );
});

// fault: accounts-in-log
test('the line of a request says whose it is only to those who have the secret', async (t) => {
  const one = await startTurntable(t, { env: { SESSION_SECRET: 'first-0123456789-abcdefghij-klmno' } });
  const { clock, simulator, redisUrl, baseUrl } = one;
  const sharedWith = { clock, simulator, redisUrl, baseUrl };
  const two = await startTurntable(t, {
    sharedWith,
    env: { SESSION_SECRET: 'second-0123456789-abcdefghij-klmn' },
  });
  const listenerOf = async (turntable: Turntable, browser: Browser) => {
    await browser.get('/account');
    return (await requestsIn(turntable)).at(-1).listener;
  };
  const signedIn = async (turntable: Turntable, listener: string) => {
    const browser = turntable.browser();
    await browser.signIn(listener);
    return browser;
  };
  const mara = await signedIn(one, 'mara');
  const text = one.logged.join('');
  const hash = await listenerOf(one, mara);

  assert.match(hash, /^[\w-]{16}$/);
  assert.equal(await listenerOf(one, await signedIn(one, 'mara')), hash, 'the same in each browser');
  assert.notEqual(await listenerOf(one, await signedIn(one, 'noor')), hash);
  assert.notEqual(await listenerOf(two, await signedIn(two, 'mara')), hash, 'another with another secret');
  assert.equal(await listenerOf(one, one.browser()), undefined);
  const { accountId } = simulator.listeners.find(({ id }) => id === 'mara') ?? {};
  for (const secret of [String(accountId), 'Mara Lindqvist', clientSecret])
    assert.ok(!`${text}${one.logged.join('')}`.includes(secret), secret);
});

test('the line of a request has the time that it waited for Spotify and for Redis', async (t) => {
  const proxy = await startRedisProxy(t);
  const turntable = await startTurntable(t, { redisUrl: proxy.url });
  const { simulator } = turntable;
  const mara = turntable.browser();
  await mara.signIn();
  await requestsIn(turntable);

  simulator.fault({ on: /\/me\/playlists$/, delayMs: 150 });
  await mara.get('/playlists').expect(200);
  const [playlists] = await requestsIn(turntable);
  assert.ok(playlists.spotifyMs >= 145 && playlists.spotifyMs <= playlists.ms, JSON.stringify(playlists));

  const held = proxy.hold(command('get', 'grant:'), 'after');
  const account = mara.get('/account').expect(200).then(String);
  await held.reached;
  await sleep(150);
  held.release();
  await account;
  const [shown] = await requestsIn(turntable);
  assert.ok(shown.redisMs >= 145 && shown.redisMs <= shown.ms, JSON.stringify(shown));

  await mara.get('/app.css').expect(200);
  const [{ redisMs, spotifyMs }] = await requestsIn(turntable);
  assert.deepEqual([redisMs, spotifyMs], [0, 0]);
});

test('replies that are awaited together count once, and those of other requests not at all', async () => {
  const [one, other] = [measureWaits(), measureWaits()];
  const begun: Promise<unknown>[] = [];
  const startedAt = performance.now();
  one.run(() => {
    begun.push(awaitReply('spotify', sleep(100)));
    begun.push(sleep(50).then(() => awaitReply('spotify', sleep(100))));
  });
  other.run(() => {
    begun.push(assert.rejects(awaitReply('redis', Promise.reject(new Error('lost'))), /lost/));
  });
  await Promise.all(begun);
  const elapsedMs = performance.now() - startedAt;
  await sleep(50);

  assert.ok(one.ms('spotify') >= 145 && one.ms('spotify') <= elapsedMs + 1, `${one.ms('spotify')}`);
  assert.deepEqual([one.ms('redis'), other.ms('spotify')], [0, 0]);
  assert.equal(await awaitReply('redis', Promise.resolve('outside of a request')), 'outside of a request');
});

test('if requests aren’t logged, their waits aren’t measured', async (t) => {
  const { browser, logged } = await startTurntable(t, { env: { LOG_LEVEL: 'warn' } });
  const mara = browser();
  await mara.signIn();
  const { headers } = await mara.get('/playlists').expect(200);

  assert.match(headers['x-request-id'] ?? '', /^\w{10}$/);
  assert.deepEqual(logged, []);
});
