import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { startTurntable } from '../support/turntable.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

/** Everything stored in Redis and its longest TTL, as the privacy page says it. Anything new belongs there first. */
const told: [RegExp, number][] = [
  [/^(session|grant|browsers):/, 30 * day],
  [/^(used-state|idempotency):/, 10 * minute],
  [/^limit:(visitorSearch|search|read|write|update|setupCheck):/, minute],
  [/^limit:(signIn|exportOne):/, 10 * minute],
  [/^limit:exportAll:/, 60 * minute],
  [/^streams:/, 3 * minute],
  [/^(now-playing|lease|subscribed):/, 360 * minute],
  [/^recently-played:/, 5 * minute],
  [/^export:/, 10 * minute],
  [/^expiring-grants:/, 30 * day],
  // Not about people.
  // How many calls Spotify allows, not whose.
  [/^ledger:/, 61 * day],
  [/^(api-version|app-token|cooldown-accounts|lock|calls):|^limit:\w+:\{everyone\}$/, 2 * day],
];

test('the privacy page is available to everyone, and every page links to it', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const path of ['/search', '/now-playing', '/account', '/nowhere', '/setup']) {
    assert.match((await mara.get(path)).text, /<a href="\/privacy">Privacy<\/a>/, path);
  }
  const { text } = await browser().get('/privacy').expect(200);
  for (const words of [
    '30 days',
    '180 days',
    'AES-256-GCM',
    'ten minutes',
    'six hours',
    'five minutes',
    'Manage apps',
  ])
    assert.ok(text.includes(words), words);
});

test('Redis stores what the privacy page says, and for no longer', async (t) => {
  const { browser, redisUrl, logged } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const { keyPrefix = '' } = redis.options;
  const mara = browser();
  const jonas = browser();
  await jonas.signIn('jonas');
  await jonas.get('/now-playing').expect(200);
  await mara.signIn('mara', '?allow=user-modify-playback-state');
  await mara.get('/now-playing').expect(200);
  const [{ id }] = (await mara.getJson('/playlists').expect(200)).body.playlists;
  await mara.get(`/playlists/${id}/export.csv`).expect(200);
  await mara.get('/account').set('User-Agent', 'Mozilla/5.0 Firefox/140.0').expect(200);
  await mara.get('/search?q=a-word-of-mara').expect(200);
  await browser().get('/search?q=moon').expect(200);
  await mara
    .post('/player/pause')
    .type('form')
    .send({ idempotencyKey: 'x', returnTo: '/now-playing' })
    .expect(303);

  const keys = (await redis.keys(`${keyPrefix}*`)).map((key) => key.slice(keyPrefix.length));
  assert.ok(keys.length >= 6, keys.join(' '));
  for (const key of keys) {
    const maxMs = told.find(([name]) => name.test(key))?.[1];
    assert.ok(maxMs, `${key} is not on the privacy page`);
    const left = await redis.pttl(key);
    assert.ok(left > 0 && left <= maxMs, `${key} has a TTL of ${left} ms`);
  }

  const lines = logged.join('');
  for (const never of ['127.0.0.1', 'Mara', 'a-word-of-mara', 'Firefox'])
    assert.ok(!requestLines(logged).includes(never), `${never} is in the log`);
  assert.match(lines, /"path":"\/search"/);
});

/** The log lines about requests; other lines are about the server's own calls as well. */
function requestLines(logged: readonly string[]): string {
  return logged.filter((line) => line.includes('"message":"Request"')).join('');
}

test('cookies are the ones that the privacy page names', async (t) => {
  const { browser } = await startTurntable(t);
  const owner = browser();
  await owner.get('/setup/check').expect(303);
  assert.match(
    owner
      .cookies()
      .map(({ name }) => name)
      .join(),
    /^turntable-\d+-check$/,
  );
  assert.match((await owner.get('/privacy')).text, /one that you ran the setup check/);
  const elsewhere = await startTurntable(t, { env: { SETUP_PAGE: 'off' } });
  assert.doesNotMatch((await elsewhere.browser().get('/privacy')).text, /setup/);

  const mara = browser();
  await mara.get('/');
  assert.deepEqual(mara.cookies(), [], 'none before there is a reason');
  await mara.signIn();
  await mara.post('/logout');
  await mara.get('/login');
  await mara.failSignIn('/callback?state=made-up', 400);

  const names = mara.cookies().map(({ name }) => name.replace(/^turntable-\d+-/, ''));
  for (const name of names) assert.match(name, /^(session|signed-out|problem|signin-.*)$/);
});

test('with a session, the privacy page and the setup page have the usual navigation', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  for (const path of ['/privacy', '/setup']) {
    for (const link of ['/now-playing', '/playlists', '/library', '/account'])
      assert.match((await mara.get(path).expect(200)).text, new RegExp(`<a[^>]* href="${link}"`), path);
    assert.doesNotMatch((await browser().get(path).expect(200)).text, /href="\/playlists"/);
  }
});
