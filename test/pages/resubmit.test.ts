import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/fleet.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { connectAsServer, skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { holdResponse, startTurntable, type Turntable } from '../support/turntable.ts';

const odd = '"><script>alert(1)</script>';

async function signedIn({ browser }: Turntable, query = '') {
  const mara = browser();
  await mara.signIn('mara', query);
  return mara;
}

test('if Spotify fails, a form comes back with everything that was sent, as text and nothing else', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable, allowAll);
  turntable.simulator.fault({ on: 'api', answer: { status: 502, body: '' }, times: 9 });

  const path = `/playlists/${'x'.repeat(22)}`;
  const { text } = await mara
    .post(path)
    .type('form')
    .send({ idempotencyKey: 'a', returnTo: '/now-playing', name: odd })
    .expect(502);

  assert.ok(text.includes(`<form method="post" action="${path}">`));
  assert.match(text, /name="idempotencyKey" value="a"/);
  assert.match(text, /name="name" value="&#34;&gt;&lt;script&gt;/);
  assert.match(text, /href="\/now-playing">Go back</);
  assert.ok(!text.includes(odd));
});

test('forms that were refused permanently, come from elsewhere or are sent by programs are not offered again', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const refused = await mara.post('/player/pause').type('form').send({ idempotencyKey: 'a' }).expect(403);
  assert.doesNotMatch(refused.text, /Send it again/);

  turntable.simulator.fault({ on: 'api', answer: { status: 502, body: '' }, times: 9 });
  const foreign = await mara
    .post('/player/pause')
    .set('Sec-Fetch-Site', 'cross-site')
    .type('form')
    .send({ more: 'theirs' })
    .expect(403);
  assert.doesNotMatch(foreign.text, /theirs/);
  const program = await mara.post('/player/pause').set('Accept', 'application/json').send({ more: 'mine' });
  assert.doesNotMatch(program.text, /mine/);
  assert.doesNotMatch(
    (await mara.get('/playlists').expect(502)).text,
    /Send it again/,
    'a page is loaded again',
  );
});

test('a form that is sent while Redis is down is shown again as it was sent, and works once Redis is back', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const turntable = await startTurntable(t, { redisUrl: redis.url });
  const mara = await signedIn(turntable, allowAll);
  const { text: page } = await mara.get('/playlists/new').expect(200);
  const filled = {
    ...formFields(page, '/playlists'),
    name: `For the bus ${odd}`,
    description: 'Long way round',
  };
  await redis.stop();

  const away = await mara.post('/playlists').type('form').send(filled).expect(503);
  assert.match(away.text, /This site’s database isn’t responding/);
  assert.ok(!away.text.includes(odd));
  assert.match(away.text, />Send it again</);
  const given = formFields(away.text, '/playlists');
  assert.deepEqual(given, filled);
  const still = await mara.post('/playlists').type('form').send(given).expect(503);
  assert.deepEqual(formFields(still.text, '/playlists'), filled, 'as often as it takes');

  await redis.start();
  while ((await mara.get('/account')).status === 503) await sleep(50);
  turntable.simulator.forgetCalls();
  const left = await mara.post('/playlists').type('form').send(given).expect(303);
  await mara.post('/playlists').type('form').send(given).expect(303);
  assert.match(left.headers.location ?? '', /^\/playlists\/\w+\?notice=playlist-created$/);
  assert.ok((await mara.get(left.headers.location ?? '')).text.includes('Long way round'));
  assert.equal(apiRequests(turntable.simulator).filter((call) => call === 'POST /me/playlists').length, 1);
});

test('while Redis is down, no form is shown again that is foreign, too long, or would lead elsewhere', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const { browser, url } = await startTurntable(t, { redisUrl: redis.url });
  const mara = browser();
  await mara.signIn();
  await redis.stop();

  const foreign = await mara
    .post('/playlists')
    .set('Sec-Fetch-Site', 'cross-site')
    .type('form')
    .send({ name: 'theirs' });
  const long = await mara
    .post('/playlists')
    .type('form')
    .send({ name: 'n'.repeat(20_000) });
  const program = await mara.post('/playlists').send({ name: 'a program' });
  for (const { status, text } of [foreign, long, program]) {
    assert.ok([403, 503].includes(status), String(status));
    assert.doesNotMatch(text, /theirs|nnnn|a program|Send it again/);
  }
  const elsewhere = await fetch(`${url}//evil.example/playlists`, {
    method: 'POST',
    headers: { 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html' },
    body: new URLSearchParams({ name: 'mine' }),
  });
  assert.equal(elsewhere.status, 503);
  assert.doesNotMatch(await elsewhere.text(), /Send it again|<form[^>]*evil/);

  const out = await mara.post('/logout').type('form').send('').expect(503);
  assert.match(out.text, /<form method="post" action="\/logout">[\s\S]*Send it again/);
});

test('a form of a page that version 0.2.0 rendered still works, once', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable, allowAll);
  turntable.simulator.forgetCalls();
  const press = () => mara.post('/player/pause').type('form').send({ once: 'a', returnTo: '/now-playing' });

  await press().expect(303);
  await press().expect(303);

  assert.deepEqual(
    apiRequests(turntable.simulator).filter((call) => call === 'PUT /me/player/pause'),
    ['PUT /me/player/pause'],
  );
});

// fault: form-outlasts-lease
test('work that takes longer than the lease of its form is still done once', async (t) => {
  const turntable = await startTurntable(t, { timing: { formLeaseMs: 4_000 } });
  const { simulator, redisUrl, keys } = turntable;
  const mara = await signedIn(turntable, allowAll);
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  simulator.forgetCalls();
  const held = holdResponse(simulator, /\/pause$/);
  const press = () =>
    mara
      .post('/player/pause')
      .type('form')
      .send({ idempotencyKey: 'a' })
      .then(({ status }) => status);
  const first = press();
  await held.reached;
  const key = (await keys()).find((one) => one.startsWith('idempotency:')) ?? '';

  // Redis counts the lease by its own clock.
  let leftMs = await redis.pttl(key);
  await until(async () => {
    const before = leftMs;
    leftMs = await redis.pttl(key);
    return leftMs > before;
  });
  const second = press();
  held.release();

  assert.deepEqual(await Promise.all([first, second]), [303, 303]);
  assert.deepEqual(
    apiRequests(simulator).filter((call) => call === 'PUT /me/player/pause'),
    ['PUT /me/player/pause'],
  );
});
