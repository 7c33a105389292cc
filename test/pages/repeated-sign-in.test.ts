import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { visit } from '../support/fleet.ts';
import { countTokenRequests, keyNames, startTurntable } from '../support/turntable.ts';

/** The headers of a page that a browser loads before the person asks for it. */
const speculative: Record<string, string>[] = [
  { 'Sec-Purpose': 'prefetch' },
  { 'Sec-Purpose': 'prefetch;prerender' },
  { 'Sec-Purpose': 'prefetch;anonymous-client-ip' },
  { Purpose: 'prefetch' },
  { 'X-Purpose': 'preview' },
  { 'X-Moz': 'prefetch' },
];

// fault: speculative-sign-in
test('a page that is loaded ahead, or requested with HEAD, starts and finishes no sign-in and uses up nothing', async (t) => {
  const { browser, simulator, redisUrl } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree('mara', '?returnTo=/playlists');
  const before = mara.cookieHeader();
  const keys = await keyNames(redisUrl);

  for (const headers of speculative)
    for (const path of ['/login', way]) {
      const answer = await mara.get(path).set(headers).expect(503);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.equal(answer.headers.location, undefined);
    }
  for (const path of ['/login', way]) {
    const answer = await mara.agent.head(path).redirects(0).expect(204);
    assert.equal(answer.headers['set-cookie'], undefined);
  }
  assert.equal(mara.cookieHeader(), before);
  assert.deepEqual(await keyNames(redisUrl), keys, 'not even a request is counted');
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 0);

  assert.equal((await mara.get(way).expect(303)).headers.location, '/playlists');
});

// fault: link-preview
test('a link preview, which has no cookies, uses up nothing', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree();

  await browser().failSignIn(way, 400);

  assert.equal(countTokenRequests(simulator, 'authorization_code'), 0);
  await mara.get(way).expect(303);
});

// fault: callback-reloaded
test('loading the callback again leads the same person to the same page, and makes no call to Spotify', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree('mara', '?returnTo=/playlists?page=2');
  await mara.get(way).expect(303);
  const session = mara.sessionCookie();

  for (let time = 0; time < 3; time += 1) {
    clock.advance({ minutes: 3 });
    assert.equal((await mara.get(way).expect(303)).headers.location, '/playlists?page=2');
  }

  assert.equal(mara.sessionCookie(), session);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 1);
  await mara.get('/playlists?page=2').expect(200);
});

// fault: double-click
test('a double click ends signed in, although the browser drops the first answer, even at two servers', async (t) => {
  const one = await startTurntable(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { simulator, baseUrl } = one;
  for (let round = 0; round < 5; round += 1) {
    const mara = one.browser();
    const way = await mara.agree('mara', '?returnTo=/playlists');
    const Cookie = mara.cookieHeader();
    simulator.forgetCalls();
    simulator.fault({ on: 'token', delayMs: 150 });

    const answers = await Promise.all(
      [one, other, one].map(({ url }) => visit(url + way, 'GET', Cookie, baseUrl)),
    );

    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.location]),
      answers.map(() => [303, '/playlists']),
    );
    assert.equal(countTokenRequests(simulator, 'authorization_code'), 1);
    const sessions = answers.map(({ headers }) => sessionIn(headers));
    assert.equal(new Set(sessions).size, 1, 'one sign-in');
    for (const { headers } of answers)
      assert.match(String(headers['set-cookie']), /-session=.*Path=\/; Expires=.* HttpOnly; SameSite=Lax/);
    const page = await visit(`${other.url}/playlists`, 'GET', sessions[2] ?? '', baseUrl);
    assert.equal(page.status, 200);
    assert.match(page.text, /Mara Lindqvist/);
  }
});

function sessionIn(headers: Record<string, unknown>): string | undefined {
  const cookies = [headers['set-cookie'] ?? []].flat().map(String);
  return cookies.find((cookie) => /^turntable-\d+-session=/.test(cookie))?.split(';')[0];
}

// fault: callback-bound-to-browser
test('only the browser that started a sign-in is led on by it, and only while that sign-in exists', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const [mara, noor, stranger] = [browser(), browser(), browser()];
  await noor.signIn('noor');
  const way = await mara.agree();
  const started = mara.cookieHeader();
  await mara.get(way).expect(303);
  simulator.forgetCalls();

  assert.match((await noor.failSignIn(way, 400)).text, /This sign-in was already used/);
  assert.match((await noor.get('/account').expect(200)).text, /Noor Haddad/);
  await stranger.failSignIn(way, 400);
  assert.equal(stranger.sessionCookie(), undefined);

  await mara.post('/logout').expect(303);
  await mara.failSignIn(way, 400);
  await mara.get('/now-playing').expect(303);
  const late = await mara.get(way).set('Cookie', started).expect(303);
  assert.equal(late.headers.location, '/sign-in/problem', 'signing out is final');
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 0);
});

test('a person who has signed in again since is not led back into the previous sign-in', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree();
  await mara.get(way).expect(303);
  await mara.signIn();

  const page = await mara.failSignIn(way, 400);

  assert.match(page.text, /href="\/now-playing">Stay signed in</);
  await mara.get('/now-playing').expect(200);
});

test('a sign-in that failed is reported the second time as well, and at once', async (t) => {
  const { browser, simulator, url } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree();
  const Cookie = mara.cookieHeader();
  simulator.fault({ on: 'token', delayMs: 200, answer: { status: 500, body: '' } });

  const before = performance.now();
  const answers = await Promise.all([1, 2].map(() => visit(url + way, 'GET', Cookie)));

  for (const { status, headers } of answers)
    assert.deepEqual([status, headers.location], [303, '/sign-in/problem']);
  assert.ok(performance.now() - before < 10_000, 'no one waits for a sign-in that is over');
});

test('which sign-in a state led to is stored for ten minutes, in a form that is of no use to others', async (t) => {
  const { browser, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  const way = await mara.agree();
  await mara.get(way).expect(303);

  const [key = ''] = (await keyNames(redisUrl)).filter((one) => one.startsWith('used-state:'));
  const { code, state } = Object.fromEntries(new URL(way, 'http://x').searchParams);
  assert.ok(state && code);
  const record = (await redis.get(key)) ?? '';
  assert.ok(!(key + record).includes(state) && !(key + record).includes(code));
  const left = await redis.pttl(key);
  assert.ok(left > 0 && left <= 600_000, `${left} ms`);
  assert.match(record, /"returnTo":"\/"/);
});

test('a damaged record of where a sign-in led never leads to another site', async (t) => {
  const { browser, redisUrl, baseUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());

  for (const returnTo of [
    '//evil.example/',
    '/\\\\evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/\r\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
  ]) {
    const mara = browser();
    const before = await keyNames(redisUrl);
    const way = await mara.agree();
    await mara.get(way).expect(303);
    const [key = ''] = (await keyNames(redisUrl)).filter(
      (one) => one.startsWith('used-state:') && !before.includes(one),
    );
    const record = JSON.parse((await redis.get(key)) ?? '');
    await redis.set(key, JSON.stringify({ ...record, outcome: { ...record.outcome, returnTo } }), 'EX', 60);

    const { headers } = await mara.get(way).expect(303);
    assert.equal(new URL(headers.location ?? '', baseUrl).origin, baseUrl, returnTo);
    assert.doesNotMatch(headers.location ?? '', /evil|alert/, returnTo);
  }
});

// fault: failed-sign-in-address
test('every failure of a sign-in leads to an address without a code, and the page there can be loaded again', async (t) => {
  const { browser, simulator, baseUrl } = await startTurntable(t);
  const mara = browser();
  const fails: [string, number, () => unknown][] = [
    [
      'Spotify isn’t responding',
      502,
      () => simulator.fault({ on: 'token', answer: { status: 500, body: '' } }),
    ],
    ['User Management', 403, () => simulator.settings.notInvited.add('mara')],
    ['was already used', 400, () => undefined],
  ];
  let way = '';
  for (const [words, status, arrange] of fails) {
    if (words !== 'was already used') way = await mara.agree();
    arrange();
    const back = await mara.get(way).expect(303);
    assert.equal(back.headers.location, '/sign-in/problem');
    assert.doesNotMatch(back.text, /code=|state=/);
    assert.equal(back.headers['cache-control'], 'no-store');
    for (let time = 0; time < 2; time += 1) {
      const page = await mara.get('/sign-in/problem').set('Referer', baseUrl).expect(status);
      assert.match(page.text, new RegExp(words));
      assert.equal(page.headers['cache-control'], 'no-store');
      assert.match(
        page.text,
        new RegExp(`<code>${back.headers['x-request-id']}</code>`),
        'the number in the log',
      );
    }
  }
});

// fault: failed-sign-in-page
test('the page about a failed sign-in says only what this server wrote', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const mara = browser();
  const name = `turntable-${new URL(baseUrl).port}-problem`;

  for (const value of ['', 'x.y', encodeURIComponent('{"page":{"title":"Evil"}}')]) {
    const page = await mara.get('/sign-in/problem').set('Cookie', `${name}=${value}`).expect(400);
    assert.match(page.text, /<h1>The sign-in didn’t finish<\/h1>/);
    assert.match(page.text, /href="\/login">Sign in with Spotify/);
  }
});
