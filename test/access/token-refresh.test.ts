import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { visit } from '../support/fleet.ts';
import { countApiCalls, countTokenRequests, startTurntable } from '../support/turntable.ts';

test('a token is refreshed a minute before it expires, and not sooner', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  clock.advance({ minutes: 58, seconds: 59 });
  await mara.get('/now-playing').expect(200);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 0);

  clock.advance({ seconds: 2 });
  await mara.get('/now-playing').expect(200);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);
});

test('fifty requests at once with an expired token show the page fifty times, after one refresh', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  simulator.settings.rotation = 'family';
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.forgetCalls();

  const pages = await Promise.all(Array.from({ length: 50 }, () => mara.get('/now-playing')));

  for (const page of pages) {
    assert.equal(page.status, 200);
    assert.match(page.text, /Playing on <bdi>/);
  }
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);
  assert.equal(simulator.calls.filter(({ status }) => status >= 400 && status !== 404).length, 0);
});

// fault: two-servers-one-refresh
test('two servers that find the same expired token refresh it once between them', async (t) => {
  const one = await startTurntable(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { simulator, clock } = one;
  simulator.settings.rotation = 'family';
  const mara = one.browser();
  await mara.signIn();
  const Cookie = mara.cookieHeader();

  for (let round = 0; round < 5; round += 1) {
    clock.advance({ hours: 2 });
    simulator.forgetCalls();
    const visits = [one, other].flatMap(({ url }) =>
      Array.from({ length: 10 }, () => visit(`${url}/now-playing`, 'GET', Cookie, one.baseUrl)),
    );

    for (const page of await Promise.all(visits)) assert.equal(page.status, 200);
    assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);
  }
});

// fault: token-expires-early
test('a token that Spotify rejects early is refreshed once, and the call is repeated', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.expireAccessTokens();
  simulator.forgetCalls();

  const pages = await Promise.all(Array.from({ length: 10 }, () => mara.get('/now-playing')));

  assert.deepEqual(new Set(pages.map(({ status }) => status)), new Set([200]));
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);
});

// fault: fresh-token-refused
test('a fresh token that is rejected is Spotify’s fault and causes no loop', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  const body = JSON.stringify({ error: { status: 401, message: 'The access token expired' } });
  simulator.fault({ on: /^\/v1\/me\/player/, times: 2, answer: { status: 401, body } });

  await mara.get('/now-playing').expect(502);

  assert.equal(countApiCalls(simulator, '/v1/me/player'), 2);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);
  await mara.get('/now-playing').expect(200);
});

for (const rotation of ['none', 'strict', 'family', 'grace'] as const) {
  // fault: signed-in-for-a-day
  test(`a listener stays signed in for a day of refreshes (rotation: ${rotation})`, async (t) => {
    const { browser, simulator, clock } = await startTurntable(t);
    simulator.settings.rotation = rotation;
    const mara = browser();
    await mara.signIn();

    for (let hour = 0; hour < 24; hour += 1) {
      clock.advance({ hours: 1 });
      await mara.get('/now-playing').expect(200);
    }

    assert.equal(countTokenRequests(simulator, 'refresh_token'), 24);
  });
}

for (const [end, how] of [
  ['revoked', (s: { revokeGrants(): void }) => s.revokeGrants()],
  ['expired after six months', (s: { expireConsents(): void }) => s.expireConsents()],
] as const) {
  // fault: sign-in-revoked-or-expired
  test(`a sign-in that is ${end} says so once, and returns to where the person was`, async (t) => {
    const { browser, simulator, clock, keys, redisUrl } = await startTurntable(t);
    const redis = new Redis(redisUrl);
    t.after(() => redis.disconnect());
    const mara = browser();
    await mara.signIn();
    clock.advance({ hours: 2 });
    how(simulator);
    simulator.forgetCalls();

    const page = await mara.get('/playlists?page=2').expect(401);

    assert.match(page.text, /Your Spotify sign-in has expired/);
    assert.match(page.text, /href="\/login\?returnTo=%2Fplaylists%3Fpage%3D2"/);
    assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);
    for (const key of (await keys()).filter((one) => one.startsWith('grant:'))) {
      assert.match((await redis.get(key)) ?? '', /^\d+:ended$/, 'its tokens are gone');
      assert.ok((await redis.ttl(key)) <= 300);
    }

    const next = await mara.get('/playlists').expect(303);
    assert.match(next.headers.location ?? '', /^\/login/);
    const start = await mara.get('/').expect(200);
    for (const { text } of [page, start]) assert.doesNotMatch(text, /Sign out/, 'no one looks signed in');
    assert.equal(countTokenRequests(simulator, 'refresh_token'), 1);

    await mara.signIn();
    await mara.get('/now-playing').expect(200);
  });
}

test('programs get a 401 with the reason when the sign-in has ended', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.revokeGrants();

  const answer = await mara.getJson('/now-playing').expect(401);

  assert.equal(JSON.parse(answer.text).reason, 'sign-in-ended');
});

// fault: accounts-service-down
test('while the accounts service is down, a token that has not expired stays in use', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  clock.advance({ minutes: 59, seconds: 30 });
  simulator.fault({ on: 'token', times: 2, answer: { status: 503, body: '' } });

  await mara.get('/now-playing').expect(200);
  clock.advance({ minutes: 1 });
  await mara.get('/now-playing').expect(502);
  await mara.get('/now-playing').expect(200);
});

// fault: client-credentials-refused
test('if Spotify rejects our client credentials, no one is signed out', async (t) => {
  const { browser, simulator, clock, logged } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  const body = JSON.stringify({ error: 'invalid_client', error_description: 'Invalid client secret' });
  for (const status of [400, 401]) {
    simulator.fault({ on: 'token', answer: { status, body } });

    const page = await mara.get('/now-playing').expect(502);

    assert.match(page.text, /No one has been signed out/);
  }
  assert.match(logged.join(''), /"level":50.*invalid_client: Invalid client secret/);
  await mara.get('/now-playing').expect(200);
});

test('a permission that was not granted is asked for, and no refresh is tried', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  simulator.settings.grantedScope = 'user-read-playback-state';
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();

  const page = await mara.get('/playlists?page=2').expect(403);

  assert.match(page.text, /This needs more permission/);
  assert.match(
    page.text,
    /href="\/login\?returnTo=%2Fplaylists%3Fpage%3D2&amp;dialog=1&amp;allow=playlist-read-private\+playlist-read-collaborative"/,
  );
  assert.equal(simulator.calls.length, 0);
  await mara.get('/now-playing').expect(200);
});

for (const [status, message] of [
  [401, 'Permissions missing'],
  [403, 'Insufficient client scope'],
] as const) {
  // fault: permission-missing
  test(`"${message}" from Spotify leads to consent, not to a refresh`, async (t) => {
    const { browser, simulator } = await startTurntable(t);
    const mara = browser();
    await mara.signIn();
    simulator.fault({
      on: /player/,
      answer: { status, body: JSON.stringify({ error: { status, message } }) },
    });

    const page = await mara.get('/now-playing').expect(403);

    assert.match(page.text, /Grant permission on Spotify/);
    assert.equal(countTokenRequests(simulator, 'refresh_token'), 0);
  });
}

// fault: listener-not-invited
test('a person who is removed from the app’s list sees a message, and stays signed in', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.settings.notInvited.add('mara');
  simulator.forgetCalls();

  const page = await mara.get('/now-playing').expect(403);

  assert.match(page.text, /User Management/);
  assert.equal(simulator.calls.length, 1, 'and Spotify is asked once');
  simulator.settings.notInvited.clear();
  await mara.get('/now-playing').expect(200);
});

// fault: sign-in-lifetime
test('a sign-in ends 30 days after the last visit, or 180 days after it was made, whichever comes first', async (t) => {
  const { browser, clock, keys, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();
  const day = 24 * 60 * 60;
  const days = async () =>
    Promise.all(
      (await keys())
        .filter((key) => /^(session|grant):/.test(key))
        .map(async (key) => Math.round((await redis.ttl(key)) / day)),
    );
  assert.deepEqual(await days(), [30, 30]);

  clock.advance({ days: 170 });
  await mara.get('/now-playing').expect(200);
  // The page doesn't wait for the extension, but Redis answers in order.
  await mara.get('/now-playing').expect(200);
  assert.deepEqual(await days(), [10, 10]);

  clock.advance({ days: 11 });
  await mara.get('/now-playing').expect(303);
});
