import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

const quick = { apiDeadlineMs: 1_500, accountsDeadlineMs: 1_500, leaseMs: 2_000, lockWaitMs: 2_500 };
/** Deadlines are short only in tests that wait for one, because a busy machine may exceed them by itself. */
const timingFor = ({ how }: Omit<Fault, 'on'>) => (how === 'drip' || how === 'silence' ? quick : {});
const json = (status: number, error: object) => ({
  status,
  body: JSON.stringify({ error: { status, ...error } }),
});

const senseless: Record<string, Omit<Fault, 'on'>> = {
  'a page of HTML with status 200': {
    answer: { status: 200, headers: { 'Content-Type': 'application/json' }, body: '<html>busy</html>' },
  },
  'a page of HTML with status 502': { answer: { status: 502, body: '<html>bad gateway</html>' } },
  'a 404 for the listener’s own data': { answer: json(404, { message: 'Not found.' }) },
  'an empty 503': { answer: { status: 503, body: '' } },
  'a JSON 502': { answer: json(502, { message: 'Bad gateway.' }) },
  'JSON cut off in the middle': { answer: { status: 200, body: '{"is_playing": tr' } },
  'an answer cut off in the middle': { how: 'truncate' },
  'a JSON null': { answer: { status: 200, body: 'null' } },
  'a JSON array': { answer: { status: 200, body: '[]' } },
  'a JSON number': { answer: { status: 200, body: '12' } },
  'an empty JSON object': { answer: { status: 200, body: '{}' } },
  'fields of the wrong kind': {
    answer: { status: 200, body: '{"is_playing":"yes","items":{},"total":"many"}' },
  },
  'a redirect to another server': {
    answer: { status: 302, headers: { Location: 'http://127.0.0.1:1/' }, body: '' },
  },
  'a body of 60 MB': { how: 'huge' },
  'a compressed body that unpacks to 60 MB': { how: 'bomb' },
  'a body that drips for ever': { how: 'drip' },
  silence: { how: 'silence' },
  'a connection that breaks': { how: 'reset' },
};

for (const [what, fault] of Object.entries(senseless)) {
  test(`${what} is Spotify’s failure: a page says so, and the next visit works`, async (t) => {
    const { browser, simulator, logged } = await startTurntable(t, { timing: timingFor(fault) });
    const mara = browser();
    await mara.signIn();

    for (const path of ['/now-playing', '/playlists']) {
      simulator.fault({ on: 'api', ...fault });
      const page = await mara.get(path).expect(502);
      assert.match(page.text, /Spotify isn’t responding/);
      assert.match(page.text, new RegExp(`<a class="button" href="${path}">Try again</a>`));
      await mara.get(path).expect(200);
    }
    assert.match(logged.join(''), /SpotifyUnavailable/);
  });
}

// fault: accounts-cooldown-spares-pages
test('during a cooldown of the accounts service, pages and searches still work', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const [mara, noor] = [browser(), browser()];
  await mara.signIn();
  await browser().get('/search?q=one').expect(200);
  const way = await noor.agree('noor');
  simulator.fault({ on: 'token', answer: { status: 429, body: '', headers: { 'Retry-After': '7200' } } });
  await noor.failSignIn(way, 503);
  simulator.forgetCalls();

  for (const path of ['/now-playing', '/playlists', '/library', '/search?q=two'])
    await mara.get(path).expect(200);
  await browser().get('/search?q=three').expect(200);
  clock.advance({ minutes: 59, seconds: 30 });
  await mara.get('/playlists').expect(200);
  assert.equal(simulator.calls.filter(({ service }) => service !== 'api').length, 0);

  clock.advance({ minutes: 1 });
  await mara.get('/playlists').expect(503);
  // The last observation needs no token.
  assert.match((await mara.get('/now-playing').expect(200)).text, /Updates are paused until/);
  clock.advance({ hours: 1 });
  await mara.get('/playlists').expect(200);
});

test('an empty 204 means nothing is playing, but is not a valid list of playlists', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.fault({ on: 'api', times: 2, answer: { status: 204 } });

  await mara.getJson('/now-playing').expect(200);
  await mara.get('/playlists').expect(502);
});

for (const [what, fault] of Object.entries(senseless).filter(([what]) => !/wrong kind/.test(what))) {
  test(`${what} in place of tokens fails the sign-in, and leaves nothing behind`, async (t) => {
    const { browser, simulator, keys } = await startTurntable(t, { timing: timingFor(fault) });
    const mara = browser();
    const way = await mara.agree();
    simulator.fault({ on: 'token', ...fault });

    await mara.failSignIn(way, 502);

    assert.equal(mara.sessionCookie(), undefined);
    assert.deepEqual(
      (await keys()).filter((key) => !key.startsWith('used-state:')),
      [],
    );
    await mara.signIn();
  });
}

for (const token of [
  '{"access_token":"","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}',
  '{"access_token":"a","token_type":"mac","expires_in":3600,"refresh_token":"r"}',
  '{"access_token":"a","token_type":"Bearer","expires_in":"3600","refresh_token":"r"}',
  '{"access_token":"a","token_type":"Bearer","expires_in":-1,"refresh_token":"r"}',
  '{"access_token":"a","token_type":"Bearer","expires_in":3600}',
]) {
  test(`invalid tokens are rejected: ${token}`, async (t) => {
    const { browser, simulator } = await startTurntable(t);
    const mara = browser();
    const way = await mara.agree();
    simulator.fault({ on: 'token', answer: { status: 200, body: token } });

    await mara.failSignIn(way, 502);
  });
}

// fault: absurd-token-lifetime
test('a refreshed token with an absurdly long lifetime is used, and no one is signed out', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  const token = '{"access_token":"unknown","token_type":"Bearer","expires_in":1e308}';
  simulator.fault({ on: 'token', times: 1, answer: { status: 200, body: token } });

  // The simulator doesn't know this token either, so it is refreshed once more.
  await mara.get('/library/recent').expect(200);
  await mara.get('/now-playing').expect(200);
});

test('the deadline also applies to a body that trickles in', async (t) => {
  const { browser, simulator } = await startTurntable(t, { timing: quick });
  const mara = browser();
  await mara.signIn();
  simulator.fault({ on: 'api', how: 'drip' });
  const before = performance.now();

  await mara.get('/now-playing').expect(502);

  // Ten times the deadline: a machine may be slow, but this body would never have ended.
  assert.ok(performance.now() - before < 10 * quick.apiDeadlineMs);
});

for (const how of ['huge', 'bomb'] as const) {
  test(`a body of 60 MB (${how}) is refused because of its size, long before the deadline`, async (t) => {
    const { browser, simulator, logged } = await startTurntable(t);
    const mara = browser();
    await mara.signIn();
    simulator.fault({ on: 'api', how });

    await mara.get('/now-playing').expect(502);

    assert.match(logged.join(''), /response too large/);
  });
}

test('a redirect is not followed, even if it leads to a valid answer', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  const Location = `${simulator.apiUrl}/me/player`;
  simulator.fault({ on: 'api', answer: { status: 307, headers: { Location }, body: '' } });

  await mara.get('/now-playing').expect(502);

  assert.equal(simulator.calls.length, 1);
});

test('a short wait that Spotify asks for is waited out', async (t) => {
  const { browser, simulator } = await startTurntable(t, { ticking: true });
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  simulator.fault({
    on: 'api',
    answer: { ...json(429, { message: 'API rate limit exceeded' }), headers: { 'Retry-After': '1' } },
  });

  await mara.get('/now-playing').expect(200);

  assert.equal(countApiCalls(simulator, '/v1/me/player'), 2);
});

for (const [retryAfter, seconds] of [
  ['3', 3],
  ['48925', 48_925],
  [undefined, 30],
  ['-5', 30],
  ['soon', 30],
  ['99999999999', 86_400],
] as const) {
  test(`a 429 with Retry-After ${retryAfter ?? 'missing'} starts a cooldown on every server, and the page says how long it lasts`, async (t) => {
    const one = await startTurntable(t);
    const other = await startTurntable(t, { sharedWith: one });
    const { simulator, clock } = one;
    const [mara, noor] = [one.browser(), other.browser()];
    await mara.signIn('mara');
    await noor.get(await noor.agree('noor')).expect(303);
    simulator.forgetCalls();
    simulator.fault({
      on: 'api',
      answer: {
        status: 429,
        body: 'Too many requests',
        ...(retryAfter && { headers: { 'Retry-After': retryAfter } }),
      },
    });

    const page = await mara.get('/now-playing').expect(503);
    await noor.get('/playlists').expect(503);
    const answer = await noor.getJson('/playlists').expect(503);

    const until = new Date(clock.now() + seconds * 1000).toISOString();
    assert.match(page.text, new RegExp(`<h1>Taking a break until <time datetime="${until}"`));
    assert.match(page.text, /Nothing is lost, and this page comes back by itself\./);
    assert.equal(page.headers['retry-after'], String(seconds));
    const { reason, detail } = JSON.parse(answer.text);
    assert.equal(reason, 'cooldown');
    assert.equal(detail, 'Spotify limits how often this site may ask. Nothing is lost.');
    assert.equal(simulator.calls.length, 1, 'no one asked Spotify again');

    clock.advance({ seconds });
    await noor.get('/playlists').expect(200);
  });
}

test('a Retry-After with a date is understood', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const date = new Date(clock.now() + 600_000).toUTCString();
  simulator.fault({ on: 'api', answer: { status: 429, body: '', headers: { 'Retry-After': date } } });

  const until = new Date(date).toISOString();
  assert.match(
    (await mara.get('/now-playing').expect(503)).text,
    new RegExp(`until <time datetime="${until}"`),
  );
});

test('a 429 on a refresh also starts a cooldown, and the listener stays signed in', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.forgetCalls();
  simulator.fault({ on: 'token', answer: { status: 429, body: '', headers: { 'Retry-After': '60' } } });

  for (let visit = 0; visit < 4; visit += 1) await mara.get('/now-playing').expect(503);
  assert.equal(simulator.calls.length, 1, 'only the first one asked Spotify');

  clock.advance({ seconds: 60 });
  await mara.get('/now-playing').expect(200);
});

for (const [message, status, words] of [
  [
    'Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again.',
    403,
    /The owner of this site needs Spotify Premium/,
  ],
  ['User not approved for app', 403, /User Management/],
  ['The user is not registered for this application.', 403, /User Management/],
  ['Forbidden', 403, /Spotify refused this/],
] as const) {
  test(`403 "${message.slice(0, 40)}" is recognized, as JSON and as text`, async (t) => {
    const { browser, simulator, logged } = await startTurntable(t);
    const mara = browser();
    await mara.signIn();

    for (const answer of [json(403, { message }), { status: 403, body: message }]) {
      simulator.fault({ on: 'api', answer });
      const page = await mara.get('/now-playing').expect(status);
      assert.match(page.text, words);
      const number = page.headers['x-request-id'] ?? 'none';
      const cause = logged.find((line) => line.includes(number) && line.includes('Request refused'));
      assert.match(cause ?? '', /"level":30.*answered 403/, 'the log says why');
    }
    await mara.get('/now-playing').expect(200);
  });
}

// fault: no-retry-during-cooldown
test('during a cooldown of hours, pages show a countdown in place of a button to try again', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.rateLimit(6 * 3600);
  await mara.get('/playlists').expect(503);

  const { text } = await mara.get('/playlists?page=2').expect(503);
  assert.match(text, /Nothing is lost, and this page comes back by itself\./);
  assert.match(text, /class="countdown" data-countdown="/);
  assert.doesNotMatch(text, /Try again/);
  assert.doesNotMatch(text, /class="button"/);

  clock.advance({ hours: 5, minutes: 59, seconds: 30 });
  assert.match(
    (await mara.get('/playlists?page=2').expect(503)).text,
    /class="button secondary"[^>]*>Try again</,
  );
});
