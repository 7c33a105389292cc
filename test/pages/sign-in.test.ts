import assert from 'node:assert/strict';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { visit } from '../support/fleet.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { countTokenRequests, startTurntable } from '../support/turntable.ts';

test('the landing page says what this is and links to the sign-in', async (t) => {
  const { browser } = await startTurntable(t);

  const page = await browser().get('/').expect(200);

  assert.match(page.text, /<h1>Your music, on your own page<\/h1>/);
  assert.match(page.text, /<a class="button" href="\/login">Sign in with Spotify<\/a>/);
});

test('sign-in goes to Spotify with everything that the authorization code flow with PKCE needs', async (t) => {
  const { browser, simulator, baseUrl } = await startTurntable(t);

  const first = await browser().get('/login').expect(303);
  const second = await browser().get('/login').expect(303);

  const url = new URL(first.headers.location ?? '');
  assert.equal(url.origin + url.pathname, `${simulator.accountsUrl}/authorize`);
  const { state, code_challenge, ...asked } = Object.fromEntries(url.searchParams);
  assert.deepEqual(asked, {
    client_id: 'c1ient00000000000000000000000000',
    response_type: 'code',
    redirect_uri: `${baseUrl}/callback`,
    scope:
      'user-read-playback-state playlist-read-private playlist-read-collaborative user-library-read user-read-recently-played user-top-read user-read-currently-playing user-follow-read user-read-playback-position',
    code_challenge_method: 'S256',
  });
  assert.match(state ?? '', /^[\w-]{32}$/);
  assert.match(code_challenge ?? '', /^[\w-]{43}$/);
  assert.notEqual(new URL(second.headers.location ?? '').searchParams.get('state'), state);
  assert.equal(first.text, '', 'the state stands in no page');
});

test('a person signs in, and arrives at now playing', async (t) => {
  const { browser, keys } = await startTurntable(t);
  const mara = browser();

  const back = await mara.signIn();
  assert.equal(back.headers.location, '/');
  const start = await mara.get('/').expect(303);
  assert.equal(start.headers.location, '/now-playing');
  const page = await mara.get('/now-playing').expect(200);
  assert.match(page.text, /Mara Lindqvist/);

  const kinds = (await keys()).map((key) => key.split(':')[0]);
  assert.deepEqual(
    kinds.filter((kind) => kind !== 'api-version'),
    ['browsers', 'grant', 'now-playing', 'session', 'used-state'],
  );
});

test('the sign-in leads back to the page that required it', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();

  const turnedAway = await mara.get('/playlists?page=2').expect(303);
  assert.equal(turnedAway.headers.location, '/login?returnTo=%2Fplaylists%3Fpage%3D2');

  const back = await mara.signIn('mara', '?returnTo=%2Fplaylists%3Fpage%3D2');
  assert.equal(back.headers.location, '/playlists?page=2');
});

// fault: return-within-site
test('the sign-in leads to our own pages only', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const places = [
    '//evil.example',
    '//evil.example/playlists',
    '/\\evil.example',
    '\\\\evil.example',
    'https:evil.example',
    'https://evil.example/',
    '/\t/evil.example',
    '/\r\n/evil.example',
    '/.//evil.example',
    '/..//evil.example',
    'javascript:alert(1)',
    '@evil.example',
    '/%0d%0aLocation:%20https://evil.example',
    '。evil.example',
    `/${'a'.repeat(10_000)}`,
    '/login',
    '/callback?code=1',
    '/LOGIN',
    '/Callback/',
    `/${'€'.repeat(990)}`,
    '/logout',
    '',
  ];
  const mara = browser();

  for (const place of places) {
    const back = await mara.signIn('mara', `?returnTo=${encodeURIComponent(place)}`);
    const there = new URL(back.headers.location ?? '', baseUrl);
    assert.equal(there.origin, baseUrl, `${JSON.stringify(place)} leads to ${there.href}`);
    assert.match(there.pathname, /^\/($|%0d)/);
  }
  const twice = await mara.signIn('mara', '?returnTo=/playlists&returnTo=//evil.example');
  assert.equal(twice.headers.location, '/');
});

test('switching accounts makes Spotify ask again', async (t) => {
  const { browser } = await startTurntable(t);

  const left = await browser().get('/login?dialog=1').expect(303);

  assert.equal(new URL(left.headers.location ?? '').searchParams.get('show_dialog'), 'true');
});

test('a visit without a sign-in writes nothing to Redis', async (t) => {
  const { browser, keys } = await startTurntable(t);
  const stranger = browser();

  await stranger.get('/').expect(200);
  await stranger.get('/login').expect(303);
  await stranger.get('/now-playing').expect(303);
  await stranger.failSignIn('/callback?code=abc&state=made-up', 400);
  await stranger.failSignIn('/callback?error=access_denied&state=made-up', 400);
  await stranger.post('/logout').expect(303);

  assert.deepEqual(await keys(), []);
});

// fault: session-id-changes
test('a sign-in gives the session a new id, and the old one is no longer valid', async (t) => {
  const { browser, keys } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const before = mara.sessionCookie();
  assert.ok(before);

  await mara.signIn();

  assert.notEqual(mara.sessionCookie(), before);
  const kinds = (await keys()).map((key) => key.split(':')[0]);
  assert.deepEqual(kinds, ['browsers', 'grant', 'session', 'used-state', 'used-state']);
});

// fault: session-id-planted
test('a session id that this server did not issue is not accepted', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const victim = browser();
  const name = `turntable-${new URL(baseUrl).port}-session`;
  victim.agent.jar.setCookie(`${name}=s%3Aattacker.c2lnbmF0dXJl; Path=/`, '127.0.0.1', '/');

  await victim.signIn();

  assert.doesNotMatch(victim.sessionCookie() ?? '', /attacker/);
});

test('session cookies are hidden from scripts and other sites', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);

  const back = await browser().signIn();

  const port = new URL(baseUrl).port;
  const cookie = [back.headers['set-cookie'] ?? []]
    .flat()
    .find((one) => one.startsWith(`turntable-${port}-session=`));
  assert.match(cookie ?? '', /; Path=\/; .*HttpOnly; SameSite=Lax/);
  assert.doesNotMatch(cookie ?? '', /Secure|Domain/);
});

test('behind https, cookies are Secure and bound to the host by their name', async (t) => {
  const { browser } = await startTurntable(t, {
    env: { BASE_URL: 'https://music.example', TRUST_PROXY: '1' },
  });
  const left = await browser().get('/login').set('X-Forwarded-Proto', 'https').expect(303);

  assert.match(
    String(left.headers['set-cookie']),
    /^__Host-turntable-signin-[^;]+;.* Path=\/;.* HttpOnly; Secure; SameSite=Lax/,
  );
  assert.match(left.headers.location ?? '', /redirect_uri=https%3A%2F%2Fmusic\.example%2Fcallback/);
});

// fault: two-tabs-sign-in
test('two tabs sign in at once, and both succeed', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();

  const first = await mara.agree('mara', '?returnTo=/now-playing');
  const second = await mara.agree('mara', '?returnTo=/playlists');

  assert.equal((await mara.get(first).expect(303)).headers.location, '/now-playing');
  assert.equal((await mara.get(second).expect(303)).headers.location, '/playlists');
});

// fault: callback-in-other-browser
test('a callback works in no other browser', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const attackers = await browser().agree('noor');
  const victim = browser();
  await victim.signIn('mara');
  simulator.forgetCalls();

  const page = await victim.failSignIn(attackers, 400);

  assert.match(page.text, /This sign-in didn’t start here/);
  assert.equal(simulator.calls.length, 0);
  assert.match((await victim.get('/now-playing').expect(200)).text, /Mara Lindqvist/);
});

// fault: pending-sign-in-expired
test('a sign-in expires after ten minutes', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree();
  clock.advance({ minutes: 10 });

  const page = await mara.failSignIn(way, 400);

  assert.match(page.text, /more than ten minutes ago/);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 0);
});

test('a code that Spotify no longer accepts leads to a page that says so', async (t) => {
  const { browser, clock } = await startTurntable(t);
  const mara = browser();
  const way = await mara.agree('mara', '?returnTo=/playlists');
  clock.advance({ minutes: 9 });

  const page = await mara.failSignIn(way, 400);

  assert.match(page.text, /Spotify no longer accepts this sign-in/);
  assert.match(page.text, /href="\/login\?returnTo=%2Fplaylists"/);
});

// fault: sign-in-canceled
test('canceling at Spotify leads to a page that says so, and changes nothing', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const left = await mara.get('/login').expect(303);
  const state = new URL(left.headers.location ?? '').searchParams.get('state');
  simulator.forgetCalls();

  const page = await mara.failSignIn(`/callback?error=access_denied&state=${state}`, 200);

  assert.match(page.text, /You canceled the sign-in on Spotify/);
  await mara.failSignIn(`/callback?error=access_denied&state=${state}`, 400);
  assert.equal(simulator.calls.length, 0);
  await mara.get('/now-playing').expect(200);
});

// fault: invalid-callback
test('a malformed callback is refused without asking Spotify', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  const fresh = async () =>
    new URL((await mara.get('/login')).headers.location ?? '').searchParams.get('state');
  await mara.signIn();
  simulator.forgetCalls();

  for (const query of [
    '',
    'code=abc',
    'state=',
    'code=abc&state=made-up',
    `code=abc&state=${await fresh()}&state=${await fresh()}`,
    `state=${await fresh()}`,
    `code=&state=${await fresh()}`,
    `code=a&code=b&state=${await fresh()}`,
    `error=%3Cscript%3Ealert(1)%3C%2Fscript%3E&state=${await fresh()}`,
    `state[]=${await fresh()}&code=abc`,
  ]) {
    const page = await mara.failSignIn(`/callback?${query}`, 400);
    assert.doesNotMatch(page.text, /<script>/);
    assert.match(page.text, /Sign in with Spotify/);
  }
  assert.equal(simulator.calls.length, 0);
  await mara.get('/now-playing').expect(200);
});

test('the code is exchanged with the verifier that belongs to its challenge', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const one = await mara.agree();
  const other = new URL(await mara.agree(), 'http://x');

  // The code of the first with the state of the second: the simulator compares verifier and challenge.
  const code = new URL(one, 'http://x').searchParams.get('code');
  await mara.failSignIn(`/callback?code=${code}&state=${other.searchParams.get('state')}`, 400);
});

test('a person who is not on the app’s list sees what the owner must do', async (t) => {
  const { browser, simulator, keys } = await startTurntable(t);
  for (const form of ['text', 'json'] as const) {
    simulator.settings.notInvited.add('noor');
    simulator.settings.notInvitedFormat = form;
    const noor = browser();

    const page = await noor.failSignIn(await noor.agree('noor'), 403);

    assert.match(page.text, /User Management/);
    assert.equal(noor.sessionCookie(), undefined);
  }
  assert.deepEqual(
    (await keys()).filter((key) => !key.startsWith('used-state:')),
    [],
  );
});

test('an owner without Premium is named as the cause', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  simulator.settings.ownerHasPremium = false;
  const mara = browser();

  const page = await mara.failSignIn(await mara.agree(), 403);

  assert.match(page.text, /The owner of this site needs Spotify Premium/);
});

test('credentials that Spotify does not know are reported as the owner’s to fix', async (t) => {
  const { browser, logged } = await startTurntable(t, { env: { SPOTIFY_CLIENT_SECRET: 'another secret' } });
  const mara = browser();

  const page = await mara.failSignIn(await mara.agree(), 502);

  assert.match(page.text, /needs to correct SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET/);
  assert.match(logged.join(''), /ClientRejected.*invalid_client/);
});

test('signing out ends session and grant, and the next sign-in is asked for', async (t) => {
  const { browser, keys } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const out = await mara.post('/logout').expect(303);

  assert.equal(out.headers.location, '/?notice=signed-out');
  assert.match((await mara.get('/?notice=signed-out').expect(200)).text, /You’re signed out/);
  assert.deepEqual(
    (await keys()).filter((key) => !key.startsWith('used-state:')),
    [],
  );
  assert.equal(mara.sessionCookie(), undefined);
  await mara.get('/now-playing').expect(303);
  const left = await mara.get('/login').expect(303);
  assert.equal(new URL(left.headers.location ?? '').searchParams.get('show_dialog'), 'true');
});

test('a person who signs in again after signing out is asked by Spotify once, and not after that', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  await mara.post('/logout').expect(303);
  await mara.signIn();

  const left = await mara.get('/login').expect(303);

  assert.equal(new URL(left.headers.location ?? '').searchParams.has('show_dialog'), false);
});

// fault: tab-reloads-during-sign-out
test('while a sign-out is in progress, another tab of the browser is not signed in again without being asked', async (t) => {
  const redis = await startRedisProxy(t);
  const one = await startTurntable(t, { redisUrl: redis.url });
  const other = await startTurntable(t, { sharedWith: { ...one, redisUrl: redis.direct } });
  const mara = one.browser();
  await mara.signIn();
  const cookies = mara.cookieHeader();
  const login = async () => {
    const { headers } = await visit(`${other.url}/login`, 'GET', cookies, one.baseUrl);
    return new URL(String(headers.location)).searchParams.get('show_dialog');
  };
  assert.equal(await login(), null);
  const held = redis.hold(command('del', 'session:'), 'before');

  const signingOut = mara.post('/logout').expect(303).then();
  await held.reached;
  assert.equal(await login(), 'true', 'while its session is still there');
  held.release();
  await signingOut;
  assert.equal(await login(), 'true', 'by a request that is late');
});

// fault: cross-site-sign-in
test('no one can be signed out, or be made to sign in, from another site', async (t) => {
  const { browser, url } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const headers of [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    {},
  ]) {
    await mara.agent.post('/logout').set(headers).expect(403);
  }
  await mara.get('/logout').expect(405);
  await mara.get('/now-playing').expect(200);
  await mara.get('/login').set('Sec-Fetch-Dest', 'image').expect(403);

  // For a browser without Sec-Fetch-Site, the Origin counts.
  await mara.agent.post('/logout').set('Origin', url).expect(303);
});

test('a program that is not signed in gets a 401 and no redirect', async (t) => {
  const { browser } = await startTurntable(t);

  const answer = await browser().getJson('/now-playing').expect(401);

  assert.equal(answer.type, 'application/problem+json');
  assert.equal(JSON.parse(answer.text).reason, 'not-signed-in');
});

test('a failed sign-in offers another one that leads back to the same page, and shows nothing of the callback', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const json = (status: number, message: string) => ({
    status,
    body: JSON.stringify({ error: { status, message } }),
  });

  for (const [fault, status] of [
    [{ on: 'token', answer: { status: 500, body: '' } }, 502],
    [{ on: 'api', answer: { status: 500, body: '' } }, 502],
    [{ on: 'api', answer: json(401, 'The access token expired') }, 502],
    [{ on: 'api', answer: json(403, 'User not approved for app') }, 403],
    [{ on: 'api', answer: json(403, 'Forbidden') }, 403],
  ] as const) {
    const mara = browser();
    const way = await mara.agree('mara', '?returnTo=/playlists?page=2');
    simulator.fault(fault);

    const page = await mara.failSignIn(way, status);

    assert.doesNotMatch(page.text, /callback|[?&;]code=|[?&;]state=/);
    if (!page.text.includes('Spotify refused this'))
      assert.match(page.text, /href="(\/login\?returnTo=%2Fplaylists%3Fpage%3D2|\/playlists\?page=2)"/);
    assert.equal(mara.sessionCookie(), undefined);
  }
});

test('a 429 at the sign-in starts a cooldown as long as Spotify says, and the page says so', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  const [first, second] = [await mara.agree(), await mara.agree()];
  simulator.fault({ on: 'token', answer: { status: 429, body: '', headers: { 'Retry-After': '200' } } });

  const page = await mara.failSignIn(first, 503);
  assert.equal(page.headers['retry-after'], '200');
  assert.doesNotMatch(page.text, /comes back by itself/, 'this address does not ask Spotify');
  assert.match(page.text, /until <time datetime="[^"]+">[^<]+ UTC<\/time>/);
  await mara.failSignIn(second, 503);
  assert.equal(
    countTokenRequests(simulator, 'authorization_code'),
    0,
    'the code of the other one is not spent',
  );
  assert.equal(simulator.calls.length, 1);

  clock.advance({ seconds: 200 });
  await mara.signIn();
});

test('behind https, a proxy that does not forward the scheme is reported instead of losing the cookies', async (t) => {
  const { browser } = await startTurntable(t, {
    env: { BASE_URL: 'https://music.example', TRUST_PROXY: '1' },
  });

  const page = await browser().get('/login').expect(500);
  assert.match(page.text, /X-Forwarded-Proto: https/);
  assert.equal(page.headers['set-cookie'], undefined);
  const answer = await browser().getJson('/callback?code=a&state=b').expect(500);
  assert.equal(JSON.parse(answer.text).reason, 'silent-proxy');
  await browser().get('/login').set('X-Forwarded-Proto', 'https').expect(303);
});

test('programs get the status and the reason for each outcome of a sign-in', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();

  const answer = await mara.getJson('/callback?code=a&state=made-up').expect(400);
  assert.equal(answer.type, 'application/problem+json');
  assert.equal(JSON.parse(answer.text).reason, 'sign-in-unknown');

  await mara.signIn();
  await mara.agent
    .post('/logout')
    .set({ Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin' })
    .expect(204);
  await mara.getJson('/now-playing').expect(401);
  simulator.forgetCalls();
  await mara.agent.get('/now-playing').set('Accept', 'image/png').expect(406);
  assert.equal(simulator.calls.length, 0);
});
