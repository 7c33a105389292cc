import assert from 'node:assert/strict';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { startTurntable } from '../support/turntable.ts';

type Playlist = {
  name: string;
  link: string | null;
  description: string | null;
  count: number | null;
  owner: { name: string } | null;
  covers: unknown[];
};

test('playlists show covers, names, owners, counts and descriptions, with links to Spotify', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const page = await mara.get('/playlists').expect(200);

  assert.match(page.text, /<title>Playlists · Turntable<\/title>/);
  assert.match(page.text, /137 playlists, page 1 of 3/);
  const card = page.text.slice(page.text.indexOf('<li>'), page.text.indexOf('</li>'));
  assert.match(card, /<a class="card" href="\/playlists\/\w{22}">/);
  assert.match(card, new RegExp(`href="${simulator.origin}/open/playlist/\\w{22}">Open on Spotify<`));
  assert.match(
    card,
    /<img class="cover" src="[^"]+" srcset="[^"]+ 1x, [^"]+ 2x" width="160" height="160" alt="">/,
  );
  assert.match(card, /<bdi class="name" title="Sunday, slowly">Sunday, slowly<\/bdi>/);
  assert.doesNotMatch(card, /by <bdi>/, 'her own');
  assert.match(page.text, /by <bdi>Tove Kilde<\/bdi>/);
  assert.match(card, /20 items/);
  assert.match(card, /For the second pot of coffee\./);
});

test('each page is one call, and the pages together have every playlist once, without the empty entries', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();

  const pages = [];
  for (const page of [1, 2, 3]) pages.push((await mara.getJson(`/playlists?page=${page}`).expect(200)).body);

  assert.deepEqual(
    simulator.calls.map(({ path, query }) => ({ path, query })),
    ['0', '50', '100'].map((offset) => ({ path: '/v1/me/playlists', query: { limit: '50', offset } })),
  );
  const all: { id: string }[] = pages.flatMap(({ playlists }) => playlists);
  assert.equal(pages[0].total, 137);
  assert.equal(all.length, 132, 'five of the 137 come as null');
  assert.equal(new Set(all.map(({ id }) => id)).size, 132);
});

test('pages link to the next and the previous one, and end', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const [first, second, third] = await Promise.all(
    ['', '?page=2', '?page=3'].map((query) => mara.get(`/playlists${query}`)),
  );

  assert.match(first?.text ?? '', /rel="next" href="\/playlists\?page=2"/);
  assert.doesNotMatch(first?.text ?? '', /rel="prev"/);
  assert.match(second?.text ?? '', /rel="prev" href="\/playlists"/);
  assert.match(second?.text ?? '', /rel="next" href="\/playlists\?page=3"/);
  assert.match(third?.text ?? '', /rel="prev" href="\/playlists\?page=2"/);
  assert.doesNotMatch(third?.text ?? '', /rel="next"/);
});

test('pages that do not exist are a 404, most of them without asking Spotify', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();

  for (const page of ['0', '-1', '1.5', 'abc', '', '1e3', '2002', '99999999999', '1&page=2', '%00']) {
    await mara.get(`/playlists?page=${page}`).expect(404);
  }
  assert.equal(simulator.calls.length, 0);
  await mara.get('/playlists?page=4').expect(404);
});

test('unusual playlists are shown as what they are', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const texts: string[] = [];
  const all: Playlist[] = [];
  for (const page of [1, 2, 3]) {
    texts.push((await mara.get(`/playlists?page=${page}`).expect(200)).text);
    all.push(...(await mara.getJson(`/playlists?page=${page}`).expect(200)).body.playlists);
  }
  const text = texts.join('');
  const named = (name: string) => all.find((one) => one.name === name);

  assert.doesNotMatch(text, /<script>alert|<b>bold/);
  assert.match(text, /&lt;b&gt;bold&lt;\/b&gt; &amp; &lt;script&gt;/);
  assert.equal(named('Late')?.description, `Rock & Roll 'til "late"`, 'entities are undone once');
  assert.equal(named('<b>bold</b> & <script>alert(1)</script>')?.description, '<i>plain</i>');
  assert.match(text, /Unnamed playlist/);
  assert.match(text, /<bdi class="name" title="[^"]+">שירים לדרך הביתה<\/bdi>/);
  assert.deepEqual(named('Someday')?.covers, []);
  assert.deepEqual(named('New playlist (3)')?.covers, []);
  assert.equal(named('How many were there?')?.count, null);
  assert.equal(named('From a quieter stranger')?.owner?.name, 'x9unnamed');
  assert.doesNotMatch(text, /null|undefined|NaN|\[object/);
});

test('a listener without playlists sees where they will appear', async (t) => {
  const { browser } = await startTurntable(t);
  const jonas = browser();
  await jonas.signIn('jonas');

  assert.match((await jonas.get('/playlists').expect(200)).text, /You don’t have any playlists yet/);
  assert.deepEqual((await jonas.getJson('/playlists').expect(200)).body, {
    playlists: [],
    page: 1,
    pages: 1,
    total: 0,
  });
});

test('programs get JSON and browsers HTML, and the headers for caches say so', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const page = await mara.get('/playlists').expect(200).expect('Content-Type', /html/);
  assert.match(page.headers.vary ?? '', /Accept/);
  await mara.getJson('/playlists').expect('Content-Type', /json/);
  await mara.agent.get('/playlists').set('Accept', 'image/png').expect(406);
});
