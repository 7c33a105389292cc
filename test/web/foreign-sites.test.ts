import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiRequests } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

const foreign = ['cross-site', 'same-site'] as const;
/** The ways in which a page makes a browser load something without navigation; the last one has no headers about it. */
const loads = [
  { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
  { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' },
  { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'empty' },
  { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' },
  { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' },
  { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'object' },
  {},
];
const visit = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };

/** Every page that may call Spotify. */
async function pagesOf(mara: Browser): Promise<string[]> {
  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;
  const { uri, album, artists } = (await mara.getJson('/now-playing').expect(200)).body.item;
  const [track, ofAlbum, artist] = [uri, album.uri, artists[0].uri].map((one) => one.split(':')[2]);
  return [
    '/now-playing',
    '/now-playing/events',
    '/wall',
    '/devices',
    '/playlists',
    `/playlists/add?uri=${uri}`,
    `/playlists/${playlists[0].id}`,
    '/library',
    '/library/recent',
    '/library/albums',
    '/library/artists',
    `/tracks/${track}`,
    `/albums/${ofAlbum}`,
    `/artists/${artist}`,
    '/library/top',
    '/search?q=night',
    '/account',
    ...exportsOf(playlists[0].id),
    '/setup/check?cookie=set',
  ];
}

const exportsOf = (id: string) => [
  '/playlists/export.json',
  `/playlists/${id}/export.csv`,
  '/library/export.csv',
];

// fault: cross-site-subresource
test('no image, frame or script of another site, or of another port of this machine, makes a call to Spotify', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const pages = await pagesOf(mara);
  clock.advance({ minutes: 2 });
  simulator.forgetCalls();

  for (const path of pages)
    for (const site of foreign)
      for (const load of loads) {
        const headers = { 'Sec-Fetch-Site': site, ...load };
        const { body } = await mara.getJson(path).set(headers).expect(403);
        assert.equal(body.reason, 'foreign-origin');
        await mara.agent.head(path).set(headers).expect(403);
      }
  assert.deepEqual(apiRequests(simulator), []);
});

// fault: cross-site-links
test('links on other sites lead to every page; those that export a file, or run the setup check, ask first', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const pages = (await pagesOf(mara)).filter((path) => path !== '/now-playing/events');
  clock.advance({ minutes: 2 });

  for (const path of pages)
    for (const site of foreign) {
      const headers = { 'Sec-Fetch-Site': site, ...visit };
      simulator.forgetCalls();
      const page = await mara.get(path).set(headers).expect(200);
      if (!/export|check/.test(path)) continue;
      // Naming a playlist takes one call, whose answer is cached for five minutes.
      const named = apiRequests(simulator).filter((call) => !/^GET \/playlists\/\w{22}$/.test(call));
      assert.deepEqual(named, [], path);
      assert.ok(apiRequests(simulator).length <= (/playlists\/\w{22}/.test(path) ? 1 : 0), path);
      const link = `<a class="button" href="${path}">${path.includes('check') ? 'Check now' : 'Download'}</a>`;
      assert.ok(page.text.includes(link), page.text);
      assert.match(page.headers['content-type'] ?? '', /text\/html/);
      assert.equal(page.headers['content-disposition'], undefined);
    }

  for (const site of ['same-origin', 'none']) {
    const headers = { 'Sec-Fetch-Site': site, ...visit };
    const file = await mara.get('/playlists/export.csv?page=3').set(headers).expect(200);
    assert.match(file.headers['content-disposition'] ?? '', /^attachment/);
    await mara.get('/setup/check?cookie=set').set(headers).expect(200);
  }
});

test('a link on another site can’t confirm an export above the day’s calls', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const page = await mara
    .get('/playlists/export.csv?anyway=yes&page=2')
    .set({ 'Sec-Fetch-Site': 'cross-site', ...visit })
    .expect(200);
  assert.match(page.text, /href="\/playlists\/export\.csv\?page=2">Download</);
});

test('a visitor who is not signed in is not asked about a file: they go to the sign-in first', async (t) => {
  const { browser } = await startTurntable(t);
  const page = await browser()
    .get('/playlists/export.csv')
    .set({ 'Sec-Fetch-Site': 'cross-site', ...visit })
    .expect(303);
  assert.match(page.headers.location ?? '', /^\/login\?/);
});

test('the callback from Spotify, and the page it leads to, count as visits from another site without a click', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const headers = { 'Sec-Fetch-Site': 'cross-site', ...visit };
  const way = await mara.agree('mara', '?returnTo=/playlists?page=2');

  const back = await mara.get(way).set(headers).expect(303);
  assert.equal(back.headers.location, '/playlists?page=2');
  await mara.get('/playlists?page=2').set(headers).expect(200);

  const failed = await mara.get('/callback?state=made-up&code=x').set(headers).expect(303);
  await mara
    .get(failed.headers.location ?? '')
    .set(headers)
    .expect(400);
});

// fault: requests-without-origin
test('programs and old browsers, which do not say where a request comes from, still work', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  for (const path of await pagesOf(mara))
    if (path !== '/now-playing/events') await mara.get(path).expect(200);
});

// fault: speculative-file-or-check
test('exports and checks are not run for a page that is loaded ahead', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  for (const path of [
    '/playlists/export.csv',
    '/playlists/37i9dQZF1DXcBWIGoYBM5M/export.json',
    '/setup/check',
  ]) {
    const answer = await mara.get(path).set('Sec-Purpose', 'prefetch;prerender').expect(503);
    assert.equal(answer.headers['cache-control'], 'no-store');
  }
  assert.deepEqual(apiRequests(simulator), []);
});
