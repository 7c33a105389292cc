import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll } from '../support/pages.ts';
import { countApiCalls, holdResponse, startTurntable } from '../support/turntable.ts';

const typed = (query: string) => `/search?q=${query}&automatic=yes`;

test('chips choose the kind of results and keep the query, without scripts', async (t) => {
  const { browser } = await startTurntable(t);
  const visitor = browser();
  const chips = (text: string) => {
    const [, nav = ''] = /<nav id="search-kinds"[\s\S]*?>([\s\S]*?)<\/nav>/.exec(text) ?? [];
    const all = [...nav.matchAll(/<a href="([^"]+)"( aria-current="page")?>([^<]+)</g)];
    return all.map(([, href = '', current, label = '']) => ({
      href,
      label,
      isCurrent: current !== undefined,
    }));
  };

  const all = chips((await visitor.get('/search?q=the+long').expect(200)).text);
  assert.deepEqual(
    all.map(({ label, isCurrent }) => [label, isCurrent]),
    [
      ['All', true],
      ['Tracks', false],
      ['Artists', false],
      ['Albums', false],
      ['Playlists', false],
      ['Podcasts', false],
      ['Episodes', false],
    ],
  );
  for (const { href, label } of all) {
    const { text } = await visitor.get(href.replaceAll('&amp;', '&')).expect(200);
    const current = chips(text).filter(({ isCurrent }) => isCurrent);
    assert.deepEqual(
      current.map((one) => one.label),
      [label],
    );
    assert.match(text, /name="q" value="the long"/, label);
    const headings = [...text.matchAll(/<h2>([^<]+)<\/h2>/g)].map(([, heading]) => heading);
    if (label !== 'All')
      assert.ok(
        headings.every((one) => one === label || one === 'Top result'),
        label,
      );
  }

  const tracks = (await visitor.get('/search?type=track').expect(200)).text;
  assert.match(tracks, /<input type="hidden" name="type" value="track">/, 'the form keeps the kind');
  assert.equal(chips(tracks).find(({ isCurrent }) => isCurrent)?.label, 'Tracks');
  const several = (await visitor.get('/search?q=the&type=track,album').expect(200)).text;
  assert.equal(chips(several).filter(({ isCurrent }) => isCurrent).length, 0);
  assert.match(several, /name="type" value="track,album"/);
});

test('after a search for everything, choosing a kind takes no call to Spotify', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const visitor = browser();
  const all = (await visitor.getJson('/search?q=the').expect(200)).body;
  for (const type of ['track', 'artist', 'album', 'playlist', 'show', 'episode']) {
    const { body } = await visitor.getJson(`/search?q=the&type=${type}`).expect(200);
    assert.deepEqual(body[`${type}s`], all[`${type}s`], type);
    assert.deepEqual(body.types, [type]);
    assert.equal(Object.keys(body).filter((name) => name in all && /s$/.test(name)).length, 3, type);
  }
  assert.equal(countApiCalls(simulator, '/v1/search'), 1);

  await visitor.get('/search?q=the&type=track&page=2').expect(200);
  clock.advance({ seconds: 61 });
  await visitor.get('/search?q=the&type=track').expect(200);
  assert.equal(countApiCalls(simulator, '/v1/search'), 3);
});

test('episodes are found as well, and play among themselves', async (t) => {
  const { browser, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const { text } = await mara.get('/search?q=the').expect(200);
  const [, section = ''] = /<h2>Episodes<\/h2>([\s\S]*?)<\/section>/.exec(text) ?? [];
  assert.match(section, /<a href="\/episodes\/\w{22}">/);
  const [, second = ''] = [...section.matchAll(/form="play-episodes" name="offset" value="(\S+)"/g)][1] ?? [];
  const [, uris = ''] = /<form id="play-episodes"[\s\S]*?name="uri" value="([^"]+)"/.exec(text) ?? [];
  assert.ok(uris.split(' ').every((uri) => uri.startsWith('spotify:episode:')));
  assert.equal(text.match(/<form id="queue"/g)?.length, 1);
  assert.equal(text.match(/id="more-\w+-0"/g)?.length, new Set(text.match(/id="more-\w+-0"/g)).size);

  await mara.post('/player/play').type('form').send({ uri: uris, offset: second }).expect(303);
  clock.advance({ seconds: 2 });
  const { body } = await mara.getJson('/now-playing').expect(200);
  assert.equal(body.item.uri, second);
});

testOnce(
  'visitors use up half of their daily searches by typing, and can still search with Enter',
  async (t) => {
    const { browser, simulator } = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '6' } });
    const visitor = browser();
    for (const query of ['one', 'two', 'three']) await visitor.get(typed(query)).expect(200);
    const refused = await visitor.get(typed('four')).expect(429);
    assert.match(refused.text, /Press Enter to search/);
    assert.ok(Number(refused.headers['retry-after']) > 86_000);
    assert.equal((await visitor.getJson(typed('four')).expect(429)).body.reason, 'search-typing');
    await visitor.get(typed('three')).expect(200);

    for (const query of ['four', 'five', 'six']) await visitor.get(`/search?q=${query}`).expect(200);
    await visitor.get('/search?q=seven').expect(429);
    assert.equal(countApiCalls(simulator, '/v1/search'), 6);

    const mara = browser();
    await mara.signIn();
    await mara.get(typed('seven')).expect(200);
  },
);

testOnce('typing searches until half of a day’s calls are used, and Enter after that', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '8' } });
  const [mara, visitor] = [browser(), browser()];
  await mara.signIn();
  const calls = () => countApiCalls(simulator, '/v1/search');
  for (let nth = 1; calls() < 4 && nth < 9; nth += 1) await mara.get(`/search?q=${nth}`).expect(200);

  const before = calls();
  for (const person of [mara, visitor]) {
    const refused = await person.get(typed('night')).expect(429);
    assert.equal(refused.headers['retry-after'], '600');
  }
  assert.equal(calls(), before);
  await mara.get('/search?q=night').expect(200);
  await mara.get(typed('night')).expect(200);
  assert.equal(calls(), before + 1);
  clock.advance({ hours: 25 });
  await visitor.get(typed('moon')).expect(200);
});

testOnce('Enter isn’t refused because the same search by typing is', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '2' } });
  const visitor = browser();
  await visitor.get(typed('one')).expect(200);
  // The token has to be refreshed, so both searches are in progress at once.
  clock.advance({ minutes: 59 });
  const held = holdResponse(simulator, 'token');

  const refused = visitor.get(typed('two')).then(({ status }) => status);
  await held.reached;
  const found = browser()
    .get('/search?q=two')
    .then(({ status }) => status);
  setTimeout(held.release, 100);
  assert.deepEqual(await Promise.all([refused, found]), [429, 200]);
});
