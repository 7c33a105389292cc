import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { holdResponse, startTurntable, type Turntable } from '../support/turntable.ts';

async function listener({ browser }: Turntable, name = 'mara', query = allowAll) {
  const person = browser();
  await person.signIn(name, query);
  const json = async (path: string) => (await person.getJson(path).expect(200)).body;
  return { ...person, json };
}

const idOf = (uri: string) => uri.split(':')[2];

const lists = {
  albums: { heading: 'Saved albums', noun: 'album', of: (row: Row) => row.album },
  shows: { heading: 'Saved podcasts', noun: 'podcast', of: (row: Row) => row.show },
  episodes: { heading: 'Saved episodes', noun: 'episode', of: (row: Row) => row.item },
};
type Thing = { name: string; uri: string; link: string };
type Row = { album: Thing; show: Thing; item: Thing; at: string };

test('saved albums, podcasts and episodes have their own lists, one call each', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);

  for (const [name, { heading, noun, of }] of Object.entries(lists)) {
    turntable.simulator.forgetCalls();
    const page = await person.get(`/library/${name}`).expect(200);
    const body = await person.json(`/library/${name}`);
    assert.deepEqual(apiRequests(turntable.simulator), [`GET /me/${name}`]);

    assert.match(page.text, new RegExp(`<h1>${heading}</h1>`));
    assert.match(page.text, new RegExp(`${body.total} ${noun}s?`));
    assert.match(page.text, new RegExp(`<a href="/library/${name}" aria-current="page">`));
    assert.ok(body.total >= 2, name);
    for (const row of body[name]) {
      const { uri, link } = of(row);
      assert.ok(page.text.includes(`href="/${uri.split(':')[1]}s/${idOf(uri)}"`), uri);
      assert.ok(page.text.includes(`href="${link}">Open on Spotify`), link);
      assert.match(row.at, /^2\d{3}-/);
    }
    for (const odd of ['0', 'x', '2', '2002']) await person.get(`/library/${name}?page=${odd}`).expect(404);
  }
});

test('something is removed from each list, which then lacks it', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);

  for (const [name, { of }] of Object.entries(lists)) {
    const path = `/library/${name}`;
    const before = await person.json(path);
    const { uri } = of(before[name][0]);
    const page = await person.get(path).expect(200);
    const sent = { ...formFields(page.text, '/library/remove'), uri };
    const done = await person.post('/library/remove').type('form').send(sent).expect(303);

    assert.ok(done.headers.location?.startsWith(`${path}?notice=track-removed&undo=`));
    const after = await person.get(done.headers.location ?? '').expect(200);
    assert.match(after.text, /Removed from your library\./);
    assert.equal((await person.json(path)).total, before.total - 1);
    await person.post('/library/save').type('form').send({ uri }).expect(303);
    assert.equal(of((await person.json(path))[name][0]).uri, uri, 'the newest comes first');
  }
});

test('followed artists are paged by Spotify’s cursor, one call a page, and each is shown once', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  turntable.simulator.forgetCalls();

  const first = await person.json('/library/artists');
  const second = await person.json(`/library/artists?after=${first.next}`);
  assert.deepEqual(apiRequests(turntable.simulator), ['GET /me/following', 'GET /me/following']);
  assert.deepEqual(turntable.simulator.calls[1]?.query, {
    type: 'artist',
    limit: '50',
    after: first.next,
  });
  const uris = [...first.artists, ...second.artists].map(({ uri }: Thing) => uri);
  assert.equal(first.artists.length, 50);
  assert.equal(second.next, null);
  assert.equal(new Set(uris).size, first.total);

  const page = await person.get('/library/artists').expect(200);
  assert.ok(page.text.includes(`rel="next" href="/library/artists?after=${first.next}"`));
  assert.doesNotMatch(page.text, />First page</);
  const last = await person.get(`/library/artists?after=${first.next}`).expect(200);
  assert.match(last.text, /href="\/library\/artists">First page</);
  assert.doesNotMatch(last.text, /rel="next"/);
  for (const odd of ['x', '', '../x', '1', 'x'.repeat(23)])
    await person.get(`/library/artists?after=${odd}`).expect(404);
});

testOnce('lists of the library that are empty say what will appear there', async (t) => {
  const turntable = await startTurntable(t);
  const jonas = await listener(turntable, 'jonas');
  for (const name of ['albums', 'shows', 'episodes', 'artists']) {
    const page = await jonas.get(`/library/${name}`).expect(200);
    assert.match(page.text, /You (haven’t saved|don’t follow) any [\s\S]* will appear here\./);
    assert.equal((await jonas.json(`/library/${name}`)).total, 0);
  }
});

testOnce('items that Spotify sends as null or with invalid fields are left out', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable);
  const answer = (body: object) => ({ status: 200, body: JSON.stringify(body) });
  const named = { name: 'Fine', uri: 'spotify:album:0000000000000000000000' };
  const rows = { albums: 'album', shows: 'show', episodes: 'episode' };
  for (const [name, field] of Object.entries(rows)) {
    const items = [null, { added_at: null }, { [field]: null }, { added_at: 'x', [field]: named }];
    simulator.fault({ on: new RegExp(`/me/${name}$`), answer: answer({ items, total: 4 }) });
    const body = await person.json(`/library/${name}`);
    assert.equal(body[name].length, 1, name);
    assert.equal(body[name][0].at, null);
    assert.equal(body.total, 4);
  }
  const artists = {
    items: [null, { name: 'Fine' }],
    total: 2,
    next: 'https://x',
    cursors: { after: '../me' },
  };
  simulator.fault({ on: /following$/, answer: answer({ artists }) });
  const body = await person.json('/library/artists');
  assert.deepEqual([body.artists.length, body.next], [1, null], 'a cursor that can’t be one leads nowhere');
});

testOnce('a listener who signed in before these lists existed is asked for the permission', async (t) => {
  const turntable = await startTurntable(t);
  turntable.simulator.settings.grantedScope = 'user-library-read user-read-playback-state';
  const person = await listener(turntable, 'mara', '');
  for (const [name, scope] of [
    ['artists', 'user-follow-read'],
    ['episodes', 'user-read-playback-position'],
  ]) {
    const page = await person.get(`/library/${name}`).expect(403);
    assert.match(page.text, new RegExp(`returnTo=%2Flibrary%2F${name}[^"]*allow=${scope}`));
  }
});

testOnce('a list that was removed from while it was loading does not count as the library', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable);
  const { albums } = await person.json('/library/albums');
  const { uri } = albums[0].album;
  turntable.clock.advance({ seconds: 2 });
  const held = holdResponse(simulator, /\/me\/albums$/);
  const loading = person.get('/library/albums').then(({ status }) => status);
  await held.reached;
  await person.post('/library/remove').type('form').send({ uri }).expect(303);
  held.release();

  assert.equal(await loading, 200);
  assert.match((await person.get(`/albums/${idOf(uri)}`).expect(200)).text, />Save to library</);
});

const undoPathIn = (html: string) =>
  /action="(\/undo\/library\/[\w-]{22})"/.exec(html)?.[1] ?? assert.fail('no Undo');

test('a removal is undone, which says that the date is lost', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  for (const [name, { of }] of Object.entries(lists)) {
    const path = `/library/${name}`;
    const before = await person.json(path);
    const { uri } = of(before[name].at(-1));
    const done = await person.post('/library/remove').type('form').send({ uri, returnTo: path }).expect(303);
    const page = await person.get(done.headers.location ?? '').expect(200);
    const undo = undoPathIn(page.text);

    const undone = await person.post(undo).type('form').send({ returnTo: path }).expect(303);
    const after = await person.get(undone.headers.location ?? '').expect(200);
    assert.match(after.text, /It’s in your library again, but counts as saved today\./);
    const rows = (await person.json(path))[name];
    assert.equal(rows.length, before[name].length);
    assert.equal(of(rows[0]).uri, uri, 'it is the newest');
    const again = await person.post(undo).type('form').send({ returnTo: path }).expect(303);
    assert.match(again.headers.location ?? '', /notice=undo-expired/);
  }
});

test('deleting a playlist asks first, and can be undone', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  const names = async () =>
    (await person.json('/playlists')).playlists.map(({ name }: Thing) => name) as string[];
  const [own] = (await person.json('/playlists')).playlists.filter(
    ({ ownerId }: { ownerId: string }) => ownerId === 'mara',
  );
  const path = `/playlists/${own.id}`;
  const page = await person.get(path).expect(200);
  assert.ok(page.text.includes(`href="${path}/unfollow">Delete<`));

  const question = await person.get(`${path}/unfollow`).expect(200);
  assert.match(question.text, /<h1>Delete “<bdi>/);
  assert.match(question.text, /people who follow it keep it/);
  assert.ok((await names()).includes(own.name), 'nothing has happened yet');
  const sent = { ...formFields(question.text, '/library/remove'), uri: `spotify:playlist:${own.id}` };
  const done = await person.post('/library/remove').type('form').send(sent).expect(303);
  const list = await person.get(done.headers.location ?? '').expect(200);
  assert.match(list.text, /Removed from your playlists\./);
  assert.ok(!(await names()).includes(own.name));

  const undone = await person
    .post(undoPathIn(list.text))
    .type('form')
    .send({ returnTo: '/playlists' })
    .expect(303);
  assert.match(
    (await person.get(undone.headers.location ?? '').expect(200)).text,
    /Added to your playlists\./,
  );
  assert.equal((await names())[0], own.name);
});

test('another person’s playlist is followed and unfollowed', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable, 'jonas');
  const found = (await person.json('/search?q=sunday, slowly&type=playlist')).playlists.items[0];
  const path = `/playlists/${found.id}`;
  const uri = `spotify:playlist:${found.id}`;

  const page = await person.get(path).expect(200);
  assert.doesNotMatch(page.text, />Unfollow<|>Delete</);
  const sent = { ...formFields(page.text, '/library/save'), uri };
  const done = await person.post('/library/save').type('form').send(sent).expect(303);
  const followed = await person.get(done.headers.location ?? '').expect(200);
  assert.match(followed.text, /Added to your playlists\.[\s\S]*>Unfollow</);
  const [track] = (await person.json('/search?q=the&type=track')).tracks.items;
  await person.post('/library/save').type('form').send({ uri: track.uri, returnTo: path }).expect(303);
  assert.match((await person.get(path).expect(200)).text, />Unfollow</, 'after something else was saved');
  assert.equal((await person.json('/playlists')).total, 1);
  const question = await person.get(`${path}/unfollow`).expect(200);
  assert.match(question.text, /<h1>Unfollow “<bdi>/);
  await person.post('/library/remove').type('form').send({ uri, returnTo: '/playlists' }).expect(303);
  assert.equal((await person.json('/playlists')).total, 0);
});

testOnce('deleting a playlist without the permission asks for it first', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable, 'mara', '');
  const [{ id }] = (await person.json('/playlists')).playlists;
  const question = await person.get(`/playlists/${id}/unfollow`).expect(200);
  assert.doesNotMatch(question.text, /action="\/library\/remove"/);
  assert.match(question.text, /returnTo=%2Fplaylists%2F\w+%2Funfollow/);
});

testOnce(
  'someone who may only look can turn on editing from every list, and following from a playlist',
  async (t) => {
    const turntable = await startTurntable(t);
    const looking = await listener(turntable, 'mara', '');
    const allowed = await listener(turntable);
    const labels = {
      '/library': 'Turn on full control',
      '/library/albums': 'Turn on full control',
      '/library/shows': 'Turn on full control',
      '/library/episodes': 'Turn on full control',
      '/library/artists': 'Turn on full control',
    };
    for (const [path, label] of Object.entries(labels)) {
      const { text } = await looking.get(path).expect(200);
      assert.match(text, new RegExp(`<a href="/login[^"]*">${label}</a>`), path);
      assert.doesNotMatch((await allowed.get(path).expect(200)).text, /permission-link/, path);
    }
    const { playlists } = await looking.json('/search?q=the&type=playlist');
    const found = (playlists.items as { id: string; owner: { name: string } }[]).find(
      ({ owner }) => owner.name !== 'Mara Lindqvist',
    );
    const path = `/playlists/${found?.id}`;
    const { text } = await looking.get(path).expect(200);
    assert.match(text, /<a href="\/login[^"]*">Turn on full control<\/a>/);
    assert.doesNotMatch((await allowed.get(path).expect(200)).text, /Turn on full control/);
  },
);
