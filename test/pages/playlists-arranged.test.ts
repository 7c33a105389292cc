import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testInEachApiVersion } from '../support/api-versions.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

type Listed = { name: string | null; count: number | null; owner: { name: string } | null };

testInEachApiVersion('playlists are filtered and sorted over all pages of Spotify’s list', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  const list = async (query: string): Promise<Listed[]> =>
    (await mara.getJson(`/playlists?${query}`).expect(200)).body.playlists;

  const byName = await list('sort=name');
  assert.ok(byName.length > 100);
  const names = byName.map(({ name }) => name ?? '');
  const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  assert.deepEqual(names, names.toSorted(collator.compare));
  const counts = (await list('sort=size')).map(({ count }) => count ?? -1);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => b - a),
  );
  const yours = await list('yours=yes');
  assert.ok(yours.length > 0 && yours.length < byName.length);
  assert.deepEqual([...new Set(yours.map(({ owner }) => owner?.name))], ['Mara Lindqvist']);
  const named = await list('q=%20NIGHT&sort=name');
  assert.ok(named.length > 0);
  for (const { name } of named) assert.match(name ?? '', /night/i);
  assert.equal(countApiCalls(simulator, '/v1/me/playlists'), 3, 'each page once');
});

test('the form shows what was chosen, and says how many match', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const { text } = await mara.get('/playlists?q=night&sort=size&yours=yes').expect(200);
  const { body } = await mara.getJson('/playlists?q=night&sort=size&yours=yes').expect(200);

  assert.match(text, /name="q" value="night"/);
  assert.match(text, /<option value="size" selected>/);
  assert.match(text, /name="yours" value="yes" checked/);
  assert.ok(text.includes(`<span role="status">${body.playlists.length} of ${body.total} playlists</span>`));
  assert.match(text, /<a href="\/playlists">Show all<\/a>/);
  const none = await mara.get('/playlists?q=no-such-name-at-all').expect(200);
  assert.match(none.text, /No playlists match/);
  await mara.get('/playlists?sort=mood').expect(404);
  await mara.get('/playlists?sort=name&page=2').expect(404);
});

test('a playlist that fits on a page says how long it is', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ name }: Listed) => name === 'Sunday, slowly');
  const { entries } = (await mara.getJson(`/playlists/${id}`).expect(200)).body;
  const minutes = Math.round(
    entries.reduce((sum: number, { item }: { item: { durationMs: number } }) => sum + item.durationMs, 0) /
      60_000,
  );
  const length = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} hr, ${minutes % 60} min`;

  assert.ok((await mara.get(`/playlists/${id}`)).text.includes(`20 items · ${length}`), length);
});

test('the length of a playlist is left out if it isn’t known of every item', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ name }: Listed) => name === 'Sunday, slowly');
  const known = { type: 'track', name: 'Known', artists: [], album: null, duration_ms: 200_000 };
  const items = [{ item: known }, { item: { ...known, duration_ms: undefined } }];
  simulator.fault({ on: /\/items$/, answer: { status: 200, body: JSON.stringify({ total: 2, items }) } });

  assert.match(
    (await mara.get(`/playlists/${id}`).expect(200)).text,
    /<p class="small">2 items · <a class="spotify-link"/,
  );
});

test('a list of many pages leads to any of them', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const { text } = await mara.get('/library?page=2').expect(200);
  const { pages } = (await mara.getJson('/library?page=2').expect(200)).body;
  assert.ok(pages > 3);

  assert.match(text, /<form class="jump" action="\/library">/);
  assert.ok(text.includes(`<input type="number" name="page" min="1" max="${pages}" value="2" required>`));
});
