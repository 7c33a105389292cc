import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { testInEachApiVersion } from '../support/api-versions.ts';
import { visit } from '../support/fleet.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { startTurntable } from '../support/turntable.ts';

// fault: listener-not-allowed
testInEachApiVersion('someone who isn’t on the list sees why, and nothing of theirs stays', async (t) => {
  const { browser, keys, logged } = await startTurntable(t, { env: { ALLOWED_LISTENERS: 'mara, jonas' } });
  const mara = browser();
  await mara.signIn('mara', '?returnTo=/playlists');
  await mara.get('/account').expect(200);
  const before = await keys();
  const noor = browser();

  const page = await noor.failSignIn(await noor.agree('noor', '?returnTo=/library'), 403);

  assert.match(page.text, /<h1>This site isn’t open to your account<\/h1>/);
  assert.match(page.text, /allow your Spotify user ID, noor, or/);
  assert.match(page.text, /href="\/login\?returnTo=%2Flibrary&amp;dialog=1">Use another account</);
  assert.equal(noor.sessionCookie(), undefined);
  assert.equal((await noor.get('/account').expect(303)).headers.location, '/login?returnTo=%2Faccount');
  const added = (await keys()).filter((key) => !before.includes(key));
  assert.ok(
    added.every((key) => key.startsWith('used-state:')),
    `${added}`,
  );
  assert.doesNotMatch(logged.join(''), /noor/i);
});

test('a sign-in by someone else in the same browser leaves the listener signed in', async (t) => {
  const { browser } = await startTurntable(t, { env: { ALLOWED_LISTENERS: 'mara' } });
  const mara = browser();
  await mara.signIn();

  await mara.failSignIn(await mara.agree('noor'), 403);

  assert.match((await mara.get('/account').expect(200)).text, /Mara Lindqvist/);
});

test('a listener who is removed from the list is signed out everywhere at their next request, and no one else is', {
  skip,
}, async (t) => {
  const { url: redisUrl } = await startOwnRedis(t);
  const before = await startTurntable(t, { redisUrl });
  const [mara, noor, noorsPhone] = [before.browser(), before.browser(), before.browser()];
  await mara.signIn();
  await noor.signIn('noor');
  await noorsPhone.signIn('noor');
  const { accountId } = before.simulator.listeners.find(({ id }) => id === 'mara') ?? {};
  const { clock, simulator, baseUrl } = before;
  const after = await startTurntable(t, {
    sharedWith: { clock, simulator, redisUrl, baseUrl },
    // Either of the two IDs that Spotify has for a listener.
    env: { ALLOWED_LISTENERS: String(accountId) },
  });

  const page = await visit(`${after.url}/playlists`, 'GET', noor.cookieHeader(), baseUrl);

  assert.equal(page.status, 303);
  assert.equal(page.headers.location, '/login?returnTo=%2Fplaylists');
  assert.equal(
    (await visit(`${after.url}/now-playing/events`, 'GET', noorsPhone.cookieHeader(), baseUrl)).status,
    303,
  );
  assert.equal((await visit(`${after.url}/player/pause`, 'POST', noor.cookieHeader(), baseUrl)).status, 401);
  const account = await visit(`${after.url}/account`, 'GET', mara.cookieHeader(), baseUrl);
  assert.equal(account.status, 200);
  const left = (await after.keys()).filter((key) => /^(session|grant|browsers):/.test(key));
  assert.equal(left.length, 3, `only mara’s: ${left}`);
});

test('a list that can’t be one of user IDs is refused, and none means everyone', () => {
  const read = (ALLOWED_LISTENERS: string) => readConfig({ ALLOWED_LISTENERS }).allowedListeners;

  assert.equal(read(''), null);
  assert.deepEqual(read('mara, 11_a.b-c~d%20,'.slice(0, -1)), ['mara', '11_a.b-c~d%20']);
  for (const list of [
    'mara,,noor',
    ',',
    'https://open.spotify.com/user/mara',
    'mara noor',
    'spotify:user:mara',
  ])
    assert.throws(() => read(list), /ALLOWED_LISTENERS must be Spotify user IDs, separated by commas/, list);
});
