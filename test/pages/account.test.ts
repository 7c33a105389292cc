import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { knownScopes } from '../../src/access/scopes.ts';
import { testInEachApiVersion } from '../support/api-versions.ts';
import { visit } from '../support/fleet.ts';
import { root } from '../support/process.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import {
  type Browser,
  countApiCalls,
  openGrants,
  startTurntable,
  type Turntable,
} from '../support/turntable.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1';

async function signedInWith(turntable: Turntable, userAgent: string, listener = 'mara'): Promise<Browser> {
  const person = turntable.browser();
  await person
    .get(await person.agree(listener))
    .set('User-Agent', userAgent)
    .expect(303);
  return person;
}

async function accountOf(person: Browser) {
  return JSON.parse((await person.getJson('/account').expect(200)).text);
}

/** The keys in Redis about listeners: everything except the used states of finished sign-ins. */
async function storedKeys({ keys }: Turntable): Promise<string[]> {
  return (await keys()).filter((key) => !key.startsWith('used-state:'));
}

function isoOf(moment: number): string {
  return new Date(moment).toISOString();
}

testInEachApiVersion(
  'the account page shows who is signed in, the permissions, and the browsers',
  async (t) => {
    const turntable = await startTurntable(t);
    const { clock, simulator } = turntable;
    const agreedAt = clock.now();
    const mara = await signedInWith(turntable, firefox);
    clock.advance({ minutes: 10 });
    await signedInWith(turntable, safari);
    clock.advance({ hours: 2 });
    await mara.get('/now-playing').expect(200);
    const refreshedAt = clock.now();
    clock.advance({ minutes: 5 });

    const { text } = await mara.get('/account').expect(200);

    assert.match(text, /Signed in with Spotify as/);
    assert.match(text, /<bdi>Mara Lindqvist<\/bdi>/);
    assert.match(text, new RegExp(`<img class="cover" src="${simulator.origin}/`));
    for (const [words, moment] of [
      ['Connected', agreedAt],
      ['Expires', agreedAt + 180 * 24 * 60 * 60 * 1000],
      ['Last refreshed', refreshedAt],
    ] as const)
      assert.match(
        text,
        new RegExp(`<dt>${words}</dt><dd><time datetime="${isoOf(moment)}" data-day="named">`),
      );
    for (const [scope, purpose] of [
      ['user-read-playback-state', 'See what’s playing'],
      ['playlist-read-private', 'See your private playlists'],
      ['playlist-read-collaborative', 'See your collaborative playlists'],
    ] as const)
      assert.match(text, new RegExp(`<li>${purpose}[^<]*</li>[\\s\\S]*<code>${scope}</code>, used by [A-Z]`));
    const browsers = text.slice(text.indexOf('Where you’re signed in'));
    assert.match(browsers, /<strong>Firefox on Linux<\/strong> <span class="badge">this browser<\/span>/);
    assert.match(browsers, /<strong>Safari on iOS<\/strong><br>/);
    for (const [form, words] of [
      ['/logout', 'Sign out'],
      ['/account/sign-out-everywhere', 'Sign out everywhere'],
      ['/account/disconnect', 'Disconnect and delete everything'],
    ] as const)
      assert.match(
        text,
        new RegExp(`<form method="post" action="${form}"><button[^>]* type="submit">${words}</button>`),
      );
    assert.match(text, /href="\/login\?returnTo=%2Faccount&amp;dialog=1">Renew for six months/);
    assert.match(text, /href="https:\/\/www\.spotify\.com\/account\/apps"/);
  },
);

test('programs get the account as JSON', async (t) => {
  const turntable = await startTurntable(t);
  const { clock } = turntable;
  const agreedAt = clock.now();
  const mara = await signedInWith(turntable, firefox);
  clock.advance({ minutes: 3 });
  await signedInWith(turntable, safari);
  await mara.get('/now-playing').expect(200);

  const { listener, permissions, consentAt, endsAt, renewedAt, browsers, ...rest } = await accountOf(mara);

  assert.deepEqual(rest, {});
  assert.equal(listener.id, 'mara');
  assert.equal(listener.name, 'Mara Lindqvist');
  assert.ok(listener.pictures.length > 0);
  assert.deepEqual(
    permissions.map(({ scope }: Record<string, string>) => scope),
    [
      'user-read-playback-state',
      'playlist-read-private',
      'playlist-read-collaborative',
      'user-library-read',
      'user-read-recently-played',
      'user-top-read',
      'user-read-currently-playing',
      'user-follow-read',
      'user-read-playback-position',
    ],
  );
  assert.deepEqual(
    { consentAt, endsAt, renewedAt },
    { consentAt: agreedAt, endsAt: agreedAt + 180 * 24 * 60 * 60 * 1000, renewedAt: agreedAt },
  );
  const seenAt = agreedAt + 3 * 60_000;
  const names = browsers.map(({ name, thisOne }: { name: string; thisOne: boolean }) => [name, thisOne]);
  assert.deepEqual(names.sort(), [
    ['Firefox on Linux', true],
    ['Safari on iOS', false],
  ]);
  for (const browser of browsers) {
    assert.deepEqual(Object.keys(browser).sort(), ['name', 'seenAt', 'startedAt', 'thisOne']);
    assert.equal(browser.seenAt, seenAt);
  }
});

test('every permission that this site asks for has its own description', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', `?${new URLSearchParams({ allow: knownScopes.join(' ') })}`);

  const { permissions } = (await mara.getJson('/account').expect(200)).body;

  assert.equal(permissions.length, knownScopes.length);
  for (const { scope, purpose, usedBy } of permissions) {
    assert.doesNotMatch(purpose, /this site doesn’t use it/, scope);
    assert.ok(usedBy.length > 0, scope);
  }
});

test('an unused permission is described as unused', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  simulator.settings.grantedScope = 'user-read-playback-state user-read-email';
  const mara = browser();
  await mara.signIn();

  const { text } = await mara.get('/account').expect(200);

  assert.match(text, /Granted, but this site doesn’t use it <code class="small">user-read-email<\/code>/);
  assert.doesNotMatch(text, /playlist-read-private/, 'what was not given is not listed');
});

test('the account page loads without Spotify', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const away = { status: 503, body: '' };

  for (const [what, fault] of [
    ['the Web API is away', () => simulator.fault({ on: 'api', answer: away })],
    ['the Web API is silent', () => simulator.fault({ on: 'api', how: 'reset' })],
    ['the accounts service is away', () => simulator.fault({ on: 'token', answer: away })],
    ['the person was taken off the list', () => void simulator.settings.notInvited.add('mara')],
  ] as const) {
    clock.advance({ hours: 2 });
    fault();
    const { text } = await mara.get('/account').expect(200);
    assert.match(text, /Mara Lindqvist/, what);
    assert.match(text, /Sign out everywhere/, what);
    simulator.clearFaults();
    simulator.settings.notInvited.clear();
  }

  const wait = { status: 429, body: '', headers: { 'Retry-After': '3600' } };
  simulator.fault({ on: 'api', answer: wait });
  await mara.get('/now-playing').expect(503);
  simulator.forgetCalls();
  assert.equal((await accountOf(mara)).listener.name, 'Mara Lindqvist');
  assert.equal(simulator.calls.length, 0, 'and Spotify is left alone');
  await mara.post('/account/disconnect').expect(303);
});

test('the account page of a sign-in that has ended at Spotify says so', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.revokeGrants();

  const page = await mara.get('/account').expect(401);

  assert.match(page.text, /href="\/login\?returnTo=%2Faccount"/);
});

test('a visitor who is not signed in is sent to sign in and then back to the account, and can end nothing', async (t) => {
  const { browser, keys } = await startTurntable(t);
  const stranger = browser();

  const away = await stranger.get('/account').expect(303);
  assert.equal(away.headers.location, '/login?returnTo=%2Faccount');
  await stranger.getJson('/account').expect(401);
  for (const path of ['/account/sign-out-everywhere', '/account/disconnect']) {
    await stranger.post(path).expect(303);
    await stranger.get(path).expect(405);
  }
  assert.deepEqual(await keys(), []);
});

test('no other site can sign a person out everywhere, or disconnect them', async (t) => {
  const { browser, url } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const path of ['/account/sign-out-everywhere', '/account/disconnect']) {
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example' },
      {},
    ])
      await mara.agent.post(path).set(headers).expect(403);
  }
  await mara.get('/now-playing').expect(200);
  await mara.agent.post('/account/disconnect').set('Origin', url).redirects(0).expect(303);
});

// fault: expiry-warning
test('thirty days before its end, and not sooner, a banner says when the sign-in ends and offers to renew it', async (t) => {
  const { browser, clock } = await startTurntable(t);
  const mara = browser();
  const agreedAt = clock.now();
  await mara.signIn();

  clock.advance({ days: 150 });
  for (const path of ['/now-playing', '/account', '/playlists'])
    assert.doesNotMatch((await mara.get(path).expect(200)).text, /Your Spotify sign-in is about to expire/);

  clock.advance({ seconds: 1 });
  const { text } = await mara.get('/playlists?page=2').expect(200);

  const end = isoOf(agreedAt + 180 * 24 * 60 * 60 * 1000);
  assert.match(
    text,
    new RegExp(
      `<p class="notice">Your Spotify sign-in is about to expire: <time datetime="${end}">\\d+ \\w+ \\d{4}, \\d\\d:\\d\\d UTC</time>`,
    ),
  );
  assert.match(text, /href="\/login\?returnTo=%2Fplaylists%3Fpage%3D2&amp;dialog=1">Renew it now/);
});

// fault: refresh-extends-nothing
test('refreshing doesn’t extend a sign-in, but consenting again does', async (t) => {
  const turntable = await startTurntable(t);
  const { browser, clock, simulator } = turntable;
  simulator.settings.rotation = 'strict';
  const mara = browser();
  await mara.signIn();
  const { endsAt } = await accountOf(mara);

  for (let days = 0; days < 160; days += 20) {
    clock.advance({ days: 20 });
    assert.equal((await accountOf(mara)).endsAt, endsAt);
  }
  const before = mara.sessionCookie();
  const { text } = await mara.get('/playlists?page=2').expect(200);
  const [, link = ''] = /href="(\/login[^"]+)">Renew it now/.exec(text) ?? [];

  // One click: Spotify asks, the listener agrees.
  const left = await mara.get(link.replaceAll('&amp;', '&')).expect(303);
  assert.equal(new URL(left.headers.location ?? '').searchParams.get('show_dialog'), 'true');
  const way = new URL(await simulator.agree(left.headers.location ?? '', 'mara'));
  const back = await mara.get(way.pathname + way.search).expect(303);

  assert.equal(back.headers.location, '/playlists?page=2', 'back where they were');
  assert.notEqual(mara.sessionCookie(), before);
  const account = await accountOf(mara);
  assert.equal(account.listener.id, 'mara');
  assert.equal(account.endsAt, clock.now() + 180 * 24 * 60 * 60 * 1000);
  assert.equal(account.browsers.length, 1, 'the browser is listed once');
  assert.doesNotMatch(
    (await mara.get('/playlists').expect(200)).text,
    /Your Spotify sign-in is about to expire/,
  );
  assert.deepEqual(
    (await storedKeys(turntable)).map((key) => key.split(':')[0]),
    ['browsers', 'grant', 'session'],
    'nothing is left of the sign-in before',
  );
});

test('signing out everywhere ends every browser of the listener, and no one else’s', async (t) => {
  const turntable = await startTurntable(t);
  const [first, second, third] = [
    await signedInWith(turntable, firefox),
    await signedInWith(turntable, safari),
    await signedInWith(turntable, 'curl/8.14.1'),
  ];
  const noor = await signedInWith(turntable, firefox, 'noor');

  const out = await second.post('/account/sign-out-everywhere').expect(303);

  assert.equal(out.headers.location, '/?notice=signed-out-everywhere');
  assert.match(
    (await second.get('/?notice=signed-out-everywhere').expect(200)).text,
    /You’re signed out everywhere\./,
  );
  for (const each of [first, second, third]) await each.get('/now-playing').expect(303);
  await noor.get('/now-playing').expect(200);
  assert.equal((await storedKeys(turntable)).length, 4, 'what is left is Noor’s');
  const left = await second.get('/login').expect(303);
  assert.match(left.headers.location ?? '', /show_dialog=true/, 'the next sign-in is asked for');
});

// fault: races-global-sign-out
test('a person who signs in at the moment of signing out everywhere is signed out as well, or signs in after it', async (t) => {
  const redis = await startRedisProxy(t);
  const turntable = await startTurntable(t, { redisUrl: redis.url });
  const other = await startTurntable(t, { sharedWith: { ...turntable, redisUrl: redis.direct } });

  // Each exchange of the sign-in with Redis is held once while everyone is signed out.
  for (let nth = 1; ; nth += 1) {
    const leaving = other.browser();
    await leaving.signIn();
    const coming = turntable.browser();
    const way = await coming.agree();
    const held = redis.hold(/^/, 'before', nth);
    const arrival = coming.get(way).then((answer) => answer);
    const isHeld = await Promise.race([held.reached.then(() => true), arrival.then(() => false)]);
    await leaving.post('/account/sign-out-everywhere').expect(303);
    held.release();
    const { status, headers } = await arrival;
    if (!isHeld) break;
    if (status === 503) {
      // The machine was so busy that the Redis deadline passed: try once more.
      await clear(redis.direct);
      nth -= 1;
      continue;
    }

    assert.ok(['/', '/?notice=signed-out'].includes(headers.location ?? ''), `exchange ${nth}`);
    const page = await coming.get('/now-playing');
    if (page.status !== 200) assert.deepEqual(await storedKeys(other), [], `exchange ${nth}`);
    await coming.post('/account/sign-out-everywhere').expect(303);
    assert.deepEqual(await storedKeys(other), [], `exchange ${nth}`);
    assert.ok(nth < 30);
  }
});

async function clear(place: string): Promise<void> {
  const redis = new Redis(place);
  const { keyPrefix = '' } = redis.options;
  const all = await redis.keys(`${keyPrefix}*`);
  if (all.length > 0) await redis.del(...all.map((key) => key.slice(keyPrefix.length)));
  redis.disconnect();
}

test('disconnecting deletes everything stored about the listener, and says where to remove access at Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const [mara, elsewhere] = [await signedInWith(turntable, firefox), await signedInWith(turntable, safari)];

  const out = await mara.post('/account/disconnect').expect(303);

  assert.deepEqual(await storedKeys(turntable), []);
  assert.equal(out.headers.location, '/account/disconnected');
  const page = await mara.get('/account/disconnected').expect(200);
  assert.match(page.text, /You’re disconnected/);
  assert.match(page.text, /href="https:\/\/www\.spotify\.com\/account\/apps"/);
  for (const each of [mara, elsewhere]) await each.get('/account').expect(303);
});

test('for programs, signing out everywhere and disconnecting are a 204', async (t) => {
  const turntable = await startTurntable(t);
  for (const path of ['/account/sign-out-everywhere', '/account/disconnect']) {
    const mara = turntable.browser();
    await mara.signIn();
    await mara.agent
      .post(path)
      .set({ Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin' })
      .expect(204);
    assert.deepEqual(await storedKeys(turntable), []);
  }
});

test('no session id and no token is in any answer about the account', async (t) => {
  const sessionSecret = 'of-these-tests-and-long-enough-for-it';
  const turntable = await startTurntable(t, { env: { SESSION_SECRET: sessionSecret } });
  const [mara] = [await signedInWith(turntable, firefox), await signedInWith(turntable, safari)];
  const grants = openGrants(t, turntable, sessionSecret);
  const secrets: string[] = [];
  for (const key of await turntable.keys()) {
    const [, kind, id = ''] = /^([^:]+):\{(.*)\}$/.exec(key) ?? [];
    if (kind === 'session') secrets.push(id);
    const grant = kind === 'grant' ? await grants.read(id) : null;
    if (grant) secrets.push(grant.accessToken, grant.refreshToken);
  }
  assert.equal(secrets.length, 6);

  const answers = [
    await mara.get('/account'),
    await mara.getJson('/account'),
    await mara.post('/account/disconnect'),
    await mara.get('/account/disconnected'),
  ];
  // The session's own cookie is for its browser only, and scripts cannot read it.
  const said = answers.map(({ text, headers: { 'set-cookie': _own, ...headers } }) => [text, headers]);
  for (const secret of secrets) assert.ok(!JSON.stringify(said).includes(secret), secret.slice(0, 6));
});

test('a name with HTML in it is shown as text', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const name = `</bdi><script>alert(1)</script>"'&amp;`;
  const me = { id: 'mara', display_name: name, images: [], external_urls: {}, uri: 'spotify:user:mara' };
  simulator.fault({ on: /^\/v1\/me$/, times: 2, answer: { status: 200, body: JSON.stringify(me) } });
  const mara = browser();
  await mara.signIn();

  const { text } = await mara.get('/account').expect(200);

  assert.doesNotMatch(text, /<script>/);
  assert.ok(text.includes('&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;amp;'));
});

test('browsers have the names that people know', async (t) => {
  const turntable = await startTurntable(t);
  const chrome = (system: string, rest = '') =>
    `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36${rest}`;

  for (const [userAgent, name] of [
    [firefox, 'Firefox on Linux'],
    [safari, 'Safari on iOS'],
    [chrome('Windows NT 10.0; Win64; x64'), 'Chrome on Windows'],
    [chrome('Windows NT 10.0; Win64; x64', ' Edg/142.0.0.0'), 'Microsoft Edge on Windows'],
    [chrome('Macintosh; Intel Mac OS X 10_15_7'), 'Chrome on macOS'],
    [chrome('Linux; Android 10; K'), 'Chrome on Android'],
    ['curl/8.14.1', null],
    ['', null],
    ['<script>alert(1)</script>', null],
    ['\u00e9\u00ff'.repeat(200), null],
    ['(('.repeat(3_000), null],
    [`Firefox/${'9'.repeat(5_000)}`, 'Firefox'],
  ] as const) {
    const mara = await signedInWith(turntable, userAgent);
    const [browser] = (await accountOf(mara)).browsers;
    assert.equal(browser.name, name, userAgent.slice(0, 60));
    const { text } = await mara.get('/account').expect(200);
    if (name === null) assert.match(text, /Unknown browser/);
    assert.doesNotMatch(text, /<script>/);
    await mara.post('/account/disconnect').expect(303);
  }
});

// fault: damaged-browser-list
test('a damaged entry in a list of browsers is removed and counted, signs no one out, and is never an error', async (t) => {
  const turntable = await startTurntable(t);
  const { keys, redisUrl, logged, clock } = turntable;
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const at = String(clock.now());
  const started = JSON.stringify({ name: null, startedAt: clock.now() });

  const broken: [string, (key: string, id: string) => Promise<unknown>][] = [
    ['a text', (key) => redis.set(key, 'x')],
    ['a list', (key) => redis.lpush(key, 'x')],
    ['a set', (key) => redis.sadd(key, 'x')],
    ['no JSON', (key, id) => redis.hset(key, id, '{bad', `${id} seen`, at)],
    ['JSON of another kind', (key, id) => redis.hset(key, id, '[]', `${id} seen`, at)],
    ['null', (key, id) => redis.hset(key, id, 'null', `${id} seen`, at)],
    ['a name that is none', (key, id) => redis.hset(key, id, '{"name":{},"startedAt":1}', `${id} seen`, at)],
    ['a start that is no moment', (key, id) => redis.hset(key, id, '{"name":null,"startedAt":1e300}')],
    ['a start before all time', (key, id) => redis.hset(key, id, '{"name":null,"startedAt":-1e300}')],
    [
      'a last visit that is no moment',
      (key, id) => redis.hset(key, id, started, `${id} seen`, '9'.repeat(80)),
    ],
    ['a last visit that is no number', (key, id) => redis.hset(key, id, started, `${id} seen`, 'today')],
    ['no last visit', (key, id) => redis.hdel(key, `${id} seen`)],
    ['a field of no one’s', (key) => redis.hset(key, 'x', 'y')],
  ];
  for (const [what, harm] of broken) {
    const mara = turntable.browser();
    await mara.signIn();
    // The visit of this minute is recorded already, so the next ones don't repair it.
    await mara.get('/now-playing').expect(200);
    const key = (await keys()).find((one) => one.startsWith('browsers:')) ?? '';
    const id = (await keys()).find((one) => one.startsWith('session:'))?.slice('session:{'.length, -1) ?? '';
    if (what.startsWith('a text') || what.startsWith('a list') || what.startsWith('a set'))
      await redis.del(key);
    await harm(key, id);
    const before = logged.length;

    await mara.get('/account').expect(200);
    assert.match(logged.slice(before).join(''), /"kind":"browsers".*damaged/, what);
    await mara.get('/account').expect(200);
    await mara.get('/now-playing').expect(200);

    // The next sign-in is listed again, and signing out everywhere leaves nothing of it.
    const again = turntable.browser();
    await harm(key, id).catch(() => undefined);
    await again.signIn();
    // Only damaged data is lost: the entry of the first browser, or what does not belong in the list.
    const listed = what === 'a field of no one’s' ? 2 : 1;
    assert.equal((await accountOf(again)).browsers.length, listed, what);
    await again.post('/account/sign-out-everywhere').expect(303);
    await again.get('/now-playing').expect(303);
    await mara.post('/logout').expect(303);
    assert.deepEqual(await storedKeys(turntable), [], what);
  }
});

test('a browser is listed as long as it is signed in', async (t) => {
  const turntable = await startTurntable(t);
  const { clock } = turntable;
  const mara = await signedInWith(turntable, firefox);
  const phone = await signedInWith(turntable, safari);
  assert.equal((await accountOf(mara)).browsers.length, 2);

  await phone.post('/logout').expect(303);

  assert.equal((await accountOf(mara)).browsers.length, 1);

  // A browser without its grant, for whatever reason, is no longer signed in, and is removed from the list after a minute.
  const lost = await signedInWith(turntable, safari);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  const mine = decodeURIComponent(lost.sessionCookie() ?? '')
    .slice(2)
    .split('.')[0];
  await redis.del(`grant:{${mine}}`);
  assert.equal((await accountOf(mara)).browsers.length, 1);
  clock.advance({ minutes: 2 });
  await accountOf(mara);
  const [key = ''] = (await turntable.keys()).filter((one) => one.startsWith('browsers:'));
  assert.equal(await redis.hexists(key, mine ?? ''), 0);
});

test('a visit is recorded to the minute, and restores no browser that has signed out', async (t) => {
  const redis = await startRedisProxy(t);
  const turntable = await startTurntable(t, { redisUrl: redis.url });
  const other = await startTurntable(t, { sharedWith: { ...turntable, redisUrl: redis.direct } });
  const { clock } = turntable;
  const mara = await signedInWith(turntable, firefox);
  const seen = async () => (await accountOf(mara)).browsers[0].seenAt;
  await mara.get('/now-playing').expect(200);
  const first = await seen();
  clock.advance({ seconds: 59 });
  assert.equal(await seen(), first);
  clock.advance({ seconds: 2 });
  await mara.get('/now-playing').expect(200);
  assert.equal(await seen(), first + 61_000);

  clock.advance({ minutes: 2 });
  const held = redis.hold(command('eval', 'browsers:'), 'before');
  const visiting = mara.get('/now-playing').then((answer) => answer);
  await held.reached;
  await visit(`${other.url}/logout`, 'POST', mara.cookieHeader(), other.baseUrl);
  held.release();
  await visiting;
  await mara.get('/').expect(200);

  assert.deepEqual(await storedKeys(other), []);
});

test('the account page calls Spotify once a minute at most, for the picture', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();

  for (let time = 0; time < 5; time += 1) await mara.get('/account').expect(200);

  assert.equal(countApiCalls(simulator, '/v1/me'), 1);
  assert.equal(simulator.calls.length, 1);
});

test('the account page and the health check say which version is running', async (t) => {
  const { browser } = await startTurntable(t);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const mara = browser();
  await mara.signIn();

  assert.ok((await mara.get('/account').expect(200)).text.includes(`>Turntable ${version}</p>`));
  assert.equal((await mara.get('/healthz').expect(200)).text, `alive ${version}\n`);
});
