import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

const search = '/search?q=night';

// fault: one-family-paused
test('when the quota of searches is used up, only searching pauses: the page says until when, and the others go on', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.rateLimit(7_200, { families: ['search'], quota: true });

  const page = await mara.get(search).expect(503);
  assert.match(page.text, /<h1>Search is paused until <time/);
  assert.match(page.text, /Now playing, your playlists, and your library aren’t affected\./);
  assert.equal((await mara.getJson(search)).body.reason, 'quota-exceeded');
  for (const path of ['/now-playing', '/playlists', '/account']) await mara.get(path).expect(200);

  simulator.forgetCalls();
  await mara.get(search).expect(503);
  assert.deepEqual(apiRequests(simulator), []);
  clock.advance({ hours: 2, seconds: 1 });
  await mara.get(search).expect(200);
});

// fault: two-families-paused
test('while several families are paused, a page names only what works, and the setup check as well', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.rateLimit(7_200, { families: ['search'], quota: true });
  await mara.get(search).expect(503);
  simulator.rateLimit(3_600, { families: ['lists'], quota: true });

  const lists = (await mara.get('/library').expect(503)).text;
  assert.match(lists, /<h1>Your playlists and library are paused until <time/);
  assert.match(lists, /Nothing is lost\. Now playing isn’t affected\./);
  assert.match((await mara.get(search).expect(503)).text, /Nothing is lost\. Now playing isn’t affected\./);

  await mara.get('/setup/check').expect(303);
  const check = (await mara.get('/setup/check?cookie=set').expect(200)).text;
  assert.match(check, /Now playing isn’t affected/);
  assert.doesNotMatch(check, /search aren’t affected/);
});

// fault: endpoint-removed
test('a page that needs an endpoint that Spotify has removed says so, and does not reload', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  await mara.get('/playlists').expect(200);
  simulator.settings.goneEndpoints.add('GET /me/top/artists');
  const top = '/library/top?of=artists';

  const { text } = await mara.get(top).expect(503);
  assert.match(text, /<h1>Not available until <time/);
  assert.match(text, /Spotify won’t send the data this page needs, but responds to other requests/);
  assert.match(text, /Now playing and search aren’t affected/);
  assert.doesNotMatch(text, /reload\.js|comes back by itself/);
  assert.equal((await mara.getJson(top)).body.reason, 'not-offered');
  assert.match(
    (await mara.get('/account').expect(200)).text,
    /Spotify has probably removed GET \/me\/top\/artists/,
  );
  await mara.get('/playlists').expect(200);
});

test('GET /quota shows calls used and when each pause ends', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await browser().getJson('/quota').expect(401);
  await mara.signIn();
  for (const nth of [1, 2, 3]) await mara.get(`${search}+${nth}`).expect(200);
  simulator.rateLimit(3_600, { families: ['search'], quota: true });
  await mara.get(`${search}+4`).expect(503);
  simulator.forgetCalls();

  const { body } = await mara.getJson('/quota').expect(200);

  assert.deepEqual(body.families.search, {
    usedIn24Hours: 4,
    knownGood: null,
    callsAtRefusal: 4,
    closedUntil: new Date(clock.now() + 3_600_000).toISOString(),
  });
  assert.deepEqual(body.families.images, {
    usedIn24Hours: 0,
    knownGood: null,
    callsAtRefusal: null,
    closedUntil: null,
  });
  assert.equal(body.total.budget, 700);
  assert.ok(body.total.usedIn24Hours >= 5, 'the profile was asked for at the sign-in');
  assert.deepEqual(apiRequests(simulator), []);
});

test('the account page and the setup check show calls used, and warn when most are', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '10' } });
  const mara = browser();
  await mara.signIn();
  const section = async () =>
    /<h2>Calls to Spotify<\/h2>([\s\S]*?)<\/section>/.exec(
      (await mara.get('/account').expect(200)).text,
    )?.[1] ?? '';
  assert.match(
    await section(),
    /<p>All users of this site together have made \d of about 10 calls in the last 24 hours/,
  );
  assert.doesNotMatch(await section(), /Most of the daily calls are used/);

  for (const nth of [1, 2, 3, 4, 5, 6, 7, 8]) await mara.get(`${search}+${nth}`).expect(200);
  simulator.rateLimit(3_600, { families: ['search'], quota: true });
  await mara.get(`${search}+9`).expect(503);

  assert.match(
    await section(),
    /This site has made more than its daily calls\. Large exports may have to wait/,
  );
  assert.match(
    await section(),
    /Search<\/dt><dd>9 calls; the limit is about 8\. <span class="badge">Paused<\/span> until <time/,
  );
  // The check first tries whether cookies come back.
  await mara.get('/setup/check').expect(303);
  const check = (await mara.get('/setup/check?cookie=set').expect(200)).text;
  assert.match(check, /Calls to Spotify<\/strong>: \d+ of about 10 used in the last 24 hours/);
  assert.match(check, /Large exports may have to wait until/);
  assert.match(
    check,
    new RegExp(
      `Search</strong>: paused by Spotify until ${new Date(clock.now() + 3_600_000).toISOString().slice(0, 16)}`,
    ),
  );
});
