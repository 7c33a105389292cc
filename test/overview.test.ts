import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import type { Simulator } from '../simulator/simulator.ts';
import { testInEachApiVersion as test } from './support/api-versions.ts';
import { allowAll, apiRequests } from './support/pages.ts';
import { startRecorder } from './support/recorder.ts';
import {
  type Browser,
  clientId,
  clientSecret,
  countApiCalls,
  countTokenRequests,
  startTurntable,
} from './support/turntable.ts';

/*
 * Turntable's features, in a few lines each. Edge cases are in the files next to this one.
 */

const appTokens = (simulator: Simulator) => countTokenRequests(simulator, 'client_credentials');
const countRefreshes = (simulator: Simulator) => countTokenRequests(simulator, 'refresh_token');

/** The permissions that a sign-in asks for. */
async function askedToAgree(person: Browser, query = ''): Promise<string[]> {
  const left = await person.get(`/login${query}`).expect(303);
  return (new URL(left.headers.location ?? '').searchParams.get('scope') ?? '').split(' ');
}

testOnce('it gets a token by client credentials, with Basic authentication', async (t) => {
  const { sent, url, forwardTo } = await startRecorder(t);
  const { browser, simulator } = await startTurntable(t, { env: { SPOTIFY_ACCOUNTS_URL: url } });
  forwardTo(simulator.accountsUrl);

  await browser().get('/search?q=night').expect(200);

  assert.deepEqual(sent, [
    {
      method: 'POST',
      path: '/api/token',
      query: {},
      authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}`,
      text: 'grant_type=client_credentials',
      status: 200,
    },
  ]);
});

test('it knows when that token expires, and refreshes it 60 seconds early', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  simulator.settings.accessTokenSeconds = 600;
  await browser().get('/search?q=one').expect(200);

  clock.advance({ seconds: 539 });
  await browser().get('/search?q=two').expect(200);
  assert.equal(appTokens(simulator), 1);
  clock.advance({ seconds: 2 });
  await browser().get('/search?q=three').expect(200);
  assert.equal(appTokens(simulator), 2);
});

test('a 401 costs one refresh and one retry', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  await browser().get('/search?q=one').expect(200);

  simulator.expireAccessTokens();
  await browser().get('/search?q=two').expect(200);

  assert.equal(appTokens(simulator), 2);
  const statuses = simulator.calls.filter(({ service }) => service === 'api').map(({ status }) => status);
  assert.deepEqual(statuses, [200, 401, 200]);
});

test('it searches for artists', async (t) => {
  const { browser } = await startTurntable(t);

  const { body } = await browser().getJson('/search?q=night&type=artist').expect(200);

  assert.deepEqual(Object.keys(body), ['query', 'types', 'page', 'pages', 'top', 'artists']);
  assert.equal(body.artists.items[0].name, 'Night Bus Atlas');
});

test('it searches for tracks', async (t) => {
  const { browser } = await startTurntable(t);

  const { body } = await browser().getJson('/search?q=transmitter&type=track').expect(200);

  assert.deepEqual(Object.keys(body), ['query', 'types', 'page', 'pages', 'top', 'tracks']);
  assert.equal(body.tracks.items[0].name, 'Goodnight, Transmitter');
});

testOnce('wrong credentials have their own error, with Spotify’s description', async (t) => {
  const { browser } = await startTurntable(t, { env: { SPOTIFY_CLIENT_SECRET: 'x'.repeat(32) } });

  const { body } = await browser().getJson('/search?q=night').expect(502);

  assert.equal(body.reason, 'client-rejected');
  assert.match(body.detail, /Spotify says: “Invalid client secret”/);
});

test('a person signs in by authorization code and sees who they are', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();

  await mara.signIn();
  const page = await mara.get('/account').expect(200);

  assert.equal(countTokenRequests(simulator, 'authorization_code'), 1);
  assert.match(page.text, /Mara Lindqvist/);
  assert.match(page.text, new RegExp(`<img[^>]+src="${simulator.origin}/people/`));
});

test('and their playlists', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const page = await mara.get('/playlists').expect(200);

  assert.match(page.text, /137 playlists, page 1 of 3/);
  assert.match(page.text, /<bdi class="name" title="Sunday, slowly">Sunday, slowly<\/bdi>/);
});

test('it shows what is playing, and refreshes the token by itself', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (let hour = 1; hour <= 5; hour += 1) {
    clock.advance({ hours: 1 });
    assert.match((await mara.get('/now-playing').expect(200)).text, /<span id="live-playing">Playing on/);
    assert.equal(countRefreshes(simulator), hour);
  }
});

test('a sign-in asks for read access only; any change asks once for all that changes things, and lists it beforehand', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const first = await askedToAgree(mara);
  assert.ok(first.length > 0 && first.every((scope) => !scope.includes('modify')), first.join(' '));
  await mara.signIn();

  const changes = [
    'playlist-modify-private',
    'playlist-modify-public',
    'ugc-image-upload',
    'user-follow-modify',
    'user-library-modify',
    'user-modify-playback-state',
  ];
  for (const [path, words] of [
    ['/now-playing', 'Turn on full control'],
    ['/devices', 'Turn on full control'],
    ['/playlists/new', 'Turn on full control'],
  ] as const) {
    const { text } = await mara.get(path).expect(200);
    const [, link = ''] = new RegExp(`href="/login([^"]+)">${words}`).exec(text) ?? [];
    const asked = await askedToAgree(mara, link.replaceAll('&amp;', '&'));
    assert.deepEqual(asked.toSorted(), [...first, ...changes].toSorted(), path);
    for (const scope of changes)
      assert.match(text, new RegExp(`<li>[A-Z][^<]+ <code[^>]*>${scope}</code>`), path);
  }

  await mara.signIn('mara', `${allowAll}+ugc-image-upload`);
  const { text: account } = await mara.get('/account').expect(200);
  for (const scope of [...first, ...changes])
    assert.match(account, new RegExp(`<li><code>${scope}</code>, used by [A-Z]`));
  assert.doesNotMatch((await mara.get('/now-playing').expect(200)).text, /Turn on /);
});

const refusals: Record<string, [number, string, number, RegExp]> = {
  'a 400': [400, 'Invalid limit', 502, /Spotify didn’t understand this request/],
  'a 401 for a fresh token': [401, 'Invalid access token', 502, /Spotify isn’t responding/],
  'a 401 for a permission': [401, 'Permissions missing', 403, /This needs more permission/],
  'a 403 for a permission': [403, 'Insufficient client scope', 403, /This needs more permission/],
  'a 403 for a person who is not invited': [
    403,
    'User not registered',
    403,
    /Spotify doesn’t let you use this site yet/,
  ],
  'a 403 without a reason': [403, 'Forbidden', 403, /Spotify refused this/],
  'a 429': [429, 'Too many requests', 503, /Taking a break until <time/],
};

for (const [what, [status, message, ours, words]] of Object.entries(refusals)) {
  testOnce(`${what} has its own message`, async (t) => {
    const { browser, simulator } = await startTurntable(t);
    const mara = browser();
    await mara.signIn();
    const body = JSON.stringify({ error: { status, message } });
    const headers = { 'Retry-After': '60' };
    simulator.fault({ on: 'api', times: 2, answer: { status, body, headers } });

    const page = await mara.get('/playlists').expect(ours);

    assert.match(page.text, words);
    assert.match(page.text, /<a [^>]*class="button( secondary)?" href="\//, 'and something to do');
  });
}

testOnce('on request the log lists each call to Spotify, and never a token', async (t) => {
  const { sent, url, forwardTo } = await startRecorder(t);
  const verbose = await startTurntable(t, { env: { LOG_LEVEL: 'debug', SPOTIFY_API_URL: url } });
  forwardTo(verbose.simulator.apiUrl);
  const quiet = await startTurntable(t, { env: { LOG_LEVEL: 'info' } });

  for (const { browser } of [verbose, quiet]) {
    const mara = browser();
    await mara.signIn('mara', allowAll);
    for (const path of ['/now-playing', '/playlists', '/search?q=secret+wish'])
      await mara.get(path).expect(200);
    await mara.post('/player/pause').send({}).expect(303);
  }

  const lines = verbose.logged.map((line) => JSON.parse(line));
  const told = lines.filter(({ message }) => message === 'Called Spotify');
  const calls = told.map(({ call, status }) => `${call.replace(/ .*\/\/[^/]+/, ' ')} ${status}`);
  for (const call of [
    'GET /me 200',
    'GET /me/player 200',
    'GET /me/playlists 200',
    'PUT /me/player/pause 204',
    'GET /search 200',
  ])
    assert.ok(calls.includes(call), call);
  assert.ok(told.every(({ ms }) => typeof ms === 'number'));
  assert.equal(quiet.logged.filter((line) => line.includes('Called Spotify')).length, 0);

  const tokens = new Set(sent.map(({ authorization }) => authorization.replace('Bearer ', '')));
  assert.equal(tokens.size, 2, 'a listener’s and the app’s');
  const log = [...verbose.logged, ...quiet.logged].join('');
  for (const secret of [...tokens, clientSecret, 'secret+wish', 'secret wish', 'Bearer', 'code='])
    assert.ok(!log.includes(secret), secret);
});

test('it reads a listener’s library and the contents of a playlist, and changes both', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const { uri } = (await mara.getJson('/library').expect(200)).body.tracks[0].item;
  const program = (path: string, body: object) =>
    mara.post(path).set('Accept', 'application/json').send(body);

  assert.equal((await program('/library/remove', { uri }).expect(200)).body.saved, false);
  assert.equal((await program('/library/save', { uri }).expect(200)).body.saved, true);
  const path = String((await program('/playlists', { name: 'Mine' }).expect(201)).headers.location);
  await program(`${path}/items`, { uri }).expect(200);
  await program(path, { name: 'Still mine' }).expect(200);
  const { body } = await mara.getJson(path).expect(200);
  assert.equal(body.playlist.name, 'Still mine');
  assert.deepEqual(
    body.entries.map((entry: { item: { uri: string } }) => entry.item.uri),
    [uri],
  );
  await program(`${path}/remove`, { uri, snapshot: body.playlist.snapshotId }).expect(200);
  assert.equal((await mara.getJson(path).expect(200)).body.total, 0);
  assert.ok(apiRequests(simulator).some((call) => call.startsWith('DELETE /playlists/')));
});

testOnce('on request Spotify shows its consent dialog to people who have agreed before', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const dialog = async (path: string) =>
    new URL((await mara.get(path).expect(303)).headers.location ?? '').searchParams.get('show_dialog');

  assert.equal(await dialog('/login'), null);
  assert.equal(await dialog('/login?dialog=1'), 'true');
  await mara.post('/logout').expect(303);
  assert.equal(await dialog('/login'), 'true', 'and to who has signed out');
});

test('reloading a page at once makes no call to Spotify', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  await mara.get('/now-playing').expect(200);
  simulator.forgetCalls();

  for (let times = 0; times < 5; times += 1) await mara.get('/now-playing').expect(200);

  assert.equal(countApiCalls(simulator, '/v1/me/player'), 0);
});
