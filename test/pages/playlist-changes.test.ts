import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { controlScopes } from '../../src/access/scopes.ts';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

type Entry = { item: { name: string; uri: string | null } | null };
type Listed = { id: string; name: string; public: boolean | null; description: string | null };

async function signedIn({ browser }: Turntable, listener = 'mara', query = allowAll): Promise<Browser> {
  const person = browser();
  await person.signIn(listener, query);
  return person;
}

/** The first playlists of a listener. */
async function playlists(person: Browser): Promise<Listed[]> {
  return (await person.getJson('/playlists').expect(200)).body.playlists;
}

/** The address of the playlist with this name. */
async function playlistNamed(person: Browser, name: string): Promise<string> {
  for (let page = 1; ; page += 1) {
    const { body } = await person.getJson(`/playlists?page=${page}`).expect(200);
    const found = (body.playlists as Listed[]).find((one) => one.name === name);
    if (found) return `/playlists/${found.id}`;
  }
}

/** Creates a playlist as a program does; returns its address. */
async function createPlaylist(person: Browser, name: string): Promise<string> {
  const json = person.post('/playlists').set('Accept', 'application/json');
  return String((await json.send({ name }).expect(201)).headers.location);
}

/** The names of the items in a playlist. */
async function namesIn(person: Browser, path: string): Promise<string[]> {
  const { body } = await person.getJson(`${path}?notice=item-removed`).expect(200);
  return (body.entries as Entry[]).map(({ item }) => item?.name ?? 'gone');
}

const contents = (t: Parameters<typeof apiVersionIn>[0]) =>
  apiVersionIn(t) === 'legacy' ? 'tracks' : 'items';

test('a form creates a playlist, private unless the person chooses otherwise, and its page says so', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const form = await mara.get('/playlists/new').expect(200);
  assert.match((await mara.get('/playlists').expect(200)).text, /href="\/playlists\/new">New playlist/);
  await createPlaylist(mara, 'detects the API version');
  simulator.forgetCalls();

  const sent = {
    ...formFields(form.text, '/playlists'),
    name: '  Rainy <b>days</b> ',
    description: 'One\nand "two"',
  };
  assert.equal(formFields(form.text, '/playlists').public, 'false');
  const left = await mara.post('/playlists').type('form').send(sent).expect(303);

  assert.deepEqual(apiRequests(simulator), [
    apiVersionIn(t) === 'legacy' ? 'POST /users/mara/playlists' : 'POST /me/playlists',
  ]);
  assert.match(left.headers.location ?? '', /^\/playlists\/\w+\?notice=playlist-created$/);
  const page = await mara.get(left.headers.location ?? '').expect(200);
  assert.match(page.text, /<p class="notice" role="status">Playlist created\.<\/p>/);
  assert.match(page.text, /<bdi>Rainy &lt;b&gt;days&lt;\/b&gt;<\/bdi>/);
  assert.match(page.text, /<p class="subtitle"><bdi>One and &#34;two&#34;<\/bdi>/);
  assert.match(page.text, /Private playlist/);
  assert.match(page.text, /This playlist is empty/);
  assert.equal((await playlists(mara))[0]?.name, 'Rainy <b>days</b>');
});

test('a public playlist can be created with JSON as well', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);

  const { body, headers } = await mara
    .post('/playlists')
    .set('Accept', 'application/json')
    .send({ name: 'For all', public: true })
    .expect(201);

  assert.equal(headers.location, `/playlists/${body.id}`);
  const { playlist } = (await mara.getJson(headers.location ?? '').expect(200)).body;
  assert.deepEqual([playlist.name, playlist.public, playlist.description], ['For all', true, null]);
});

test('name, description and visibility are changed on the playlist’s own page', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Paper & pencil');
  const form = formFields((await mara.get(path).expect(200)).text, path);
  assert.deepEqual(
    [form.name, form.description, form.public],
    ['Paper & pencil', 'No words, so mine can come.', 'true'],
  );
  simulator.forgetCalls();

  const sent = { ...form, name: 'Ink', description: 'Words, too.', public: 'false' };
  const left = await mara.post(path).type('form').send(sent).expect(303);

  assert.deepEqual(apiRequests(simulator), [`PUT ${path}`]);
  assert.equal(left.headers.location, `${path}?notice=playlist-saved`);
  const page = await mara.get(left.headers.location ?? '').expect(200);
  assert.match(page.text, /Changes saved\./);
  assert.match(page.text, /<bdi>Ink<\/bdi>[\s\S]*Words, too\./);
  assert.match(page.text, /Private playlist/);
});

test('a playlist is renamed without its description, because Spotify lets no one empty it', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Paper & pencil');
  const page = await mara.get(path).expect(200);
  assert.match(page.text, /An empty description leaves the current one unchanged/);

  const sent = { ...formFields(page.text, path), name: 'Ink', description: '' };
  await mara.post(path).type('form').send(sent).expect(303);

  const { playlist } = (await mara.getJson(`${path}?notice=playlist-saved`).expect(200)).body;
  assert.deepEqual([playlist.name, playlist.description], ['Ink', 'No words, so mine can come.']);
});

const wrong: Record<string, [object, RegExp]> = {
  'no name': [{ name: '  ', description: 'as typed <here>' }, /A playlist needs a name/],
  'a name of 101 characters': [{ name: 'x'.repeat(101) }, /name can have up to 100 characters/],
  'a description of 301 characters': [
    { name: 'Weekend', description: 'y'.repeat(301) },
    /description can have up to 300 characters/,
  ],
};

for (const [what, [typed, words]] of Object.entries(wrong)) {
  testOnce(
    `${what} is reported above the form, which keeps its values, and Spotify is not asked`,
    async (t) => {
      const turntable = await startTurntable(t);
      const { simulator } = turntable;
      const mara = await signedIn(turntable);
      const path = await playlistNamed(mara, 'Paper & pencil');
      await mara.get(path).expect(200);
      simulator.forgetCalls();

      for (const action of ['/playlists', path]) {
        const sent = {
          name: '',
          description: '',
          public: 'true',
          returnTo: action,
          idempotencyKey: 'x',
          ...typed,
        };
        const page = await mara.post(action).type('form').send(sent).expect(400);
        assert.match(page.text, /<p class="notice" role="alert">/);
        assert.match(page.text, words);
        const { name, description, public: seenBy } = formFields(page.text, action);
        assert.deepEqual(
          { name, description, seenBy },
          { name: sent.name.trim(), description: sent.description, seenBy: 'true' },
        );
        assert.equal(page.headers['cache-control'], 'private, no-store');
        const refused = await mara.post(action).set('Accept', 'application/json').send(sent).expect(400);
        assert.equal(refused.body.reason, 'bad-playlist');
      }
      assert.deepEqual(apiRequests(simulator), []);
    },
  );
}

testOnce('100 and 300 characters are accepted, even if a character takes several code units', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const sent = { name: '🌧'.repeat(100), description: '☕️'.repeat(150) };

  const left = await mara.post('/playlists').type('form').send(sent).expect(303);

  const { playlist } = (await mara.getJson(left.headers.location ?? '').expect(200)).body;
  assert.equal(playlist.name, sent.name);
});

test('a value that Spotify refuses is reported above the form as well, which keeps its values', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  // Shared with others, so it cannot be public.
  const path = await playlistNamed(mara, 'Dinner for six');
  const form = formFields((await mara.get(path).expect(200)).text, path);

  const sent = { ...form, name: 'Dinner for seven', public: 'true' };
  const page = await mara.post(path).type('form').send(sent).expect(400);

  assert.match(page.text, /role="alert">Spotify doesn’t accept these details/);
  assert.equal(formFields(page.text, path).name, 'Dinner for seven');
  turntable.simulator.fault({ on: /\/playlists$/, answer: { status: 400, body: '' } });
  const created = await mara.post('/playlists').type('form').send({ name: 'Weekend' }).expect(400);
  assert.equal(formFields(created.text, '/playlists').name, 'Weekend');
});

test('the playing track is added to the end of a playlist, in one call', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = await signedIn(turntable);
  const path = await createPlaylist(mara, 'For later');
  const playing = await mara.get('/now-playing').expect(200);
  const { item } = (await mara.getJson('/now-playing')).body;
  const [, add = ''] = /href="([^"]+)" title="Add to playlist"/.exec(playing.text) ?? [];

  const page = await mara.get(add).expect(200);
  assert.ok(page.text.includes(`<h1>Add <bdi>${item.name}</bdi> to a playlist</h1>`));
  const sent = { ...formFields(page.text, '/playlists/add'), uri: item.uri };
  await mara
    .post(`${await createPlaylist(mara, 'Other')}/items`)
    .send(sent)
    .expect(303); // detects the API version
  simulator.forgetCalls();
  const left = await mara.post(`${path}/items`).type('form').send(sent).expect(303);

  assert.deepEqual(apiRequests(simulator), [`POST ${path}/${contents(t)}`]);
  assert.match(left.headers.location ?? '', /\?notice=item-added&undo=/);
  const after = await mara.get(left.headers.location ?? '').expect(200);
  assert.match(after.text, /Added to this playlist\./);
  assert.deepEqual(await namesIn(mara, path), [item.name]);
});

test('only the listener’s own and collaborative playlists are offered to add to', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const { item } = (await mara.getJson('/now-playing').expect(200)).body;
  const path = `/playlists/add?uri=${item.uri}`;
  simulator.forgetCalls();

  const { text } = await mara.get(path).expect(200);
  await mara.get(`${path}&q=dinner`).expect(200);

  assert.deepEqual(apiRequests(simulator), [
    `GET /tracks/${item.uri.split(':').at(-1)}`,
    'GET /me/playlists',
    'GET /me/playlists',
    'GET /me/playlists',
  ]);
  assert.match(text, /<bdi class="name">Dinner for six</);
  assert.match(text, /<bdi class="name">Band practice</, 'emeka’s, and shared');
  assert.doesNotMatch(text, /<bdi class="name">Lighthouse keepers</);
  assert.match(text, /Unnamed playlist/);
  assert.doesNotMatch(text, />null<|undefined|NaN|\[object/, 'nor is there a hole where Spotify has one');
  const { body } = await mara.getJson(path).expect(200);
  assert.deepEqual(Object.keys(body), ['uris', 'item', 'playlists', 'page', 'pages']);
});

test('an episode can be added as well, and a search result', async (t) => {
  const turntable = await startTurntable(t);
  const noor = await signedIn(turntable, 'noor');
  const path = await createPlaylist(noor, 'To hear');
  const { item } = (await noor.getJson('/now-playing').expect(200)).body;
  const found = await noor.get('/search?q=transmitter&type=track').expect(200);
  const [, add = ''] = /<a [^>]*href="(\/playlists\/add[^"]+)">Add to playlist</.exec(found.text) ?? [];
  const uri = new URL(add, 'http://any').searchParams.get('uri') ?? '';

  for (const one of [item.uri, uri]) {
    const page = await noor.get(`/playlists/add?uri=${one}`).expect(200);
    const sent = { ...formFields(page.text, '/playlists/add'), uri: one };
    await noor.post(`${path}/items`).type('form').send(sent).expect(303);
  }

  assert.deepEqual(await namesIn(noor, path), [item.name, 'Goodnight, Transmitter']);
});

test('an item is removed from the version of the playlist that was shown, after its copies are counted, and its page stays open', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Paper & pencil'); // 55 items
  const page = await mara.get(`${path}?page=2`).expect(200);
  const before = (await mara.getJson(`${path}?page=2`).expect(200)).body;
  const [first] = before.entries as Entry[];
  const sent = { ...formFields(page.text, `${path}/remove`), uri: first?.item?.uri };
  assert.equal(formFields(page.text, `${path}/remove`).snapshot, before.playlist.snapshotId);
  simulator.forgetCalls();

  const left = await mara.post(`${path}/remove`).type('form').send(sent).expect(303);

  const items = `${path}/${contents(t)}`;
  assert.deepEqual(apiRequests(simulator), [`GET ${items}`, `GET ${items}`, `DELETE ${items}`]);
  assert.match(left.headers.location ?? '', /\?page=2&notice=removed-with-undo&undo=/);
  const after = await mara.get(left.headers.location ?? '').expect(200);
  assert.match(after.text, /Removed from this playlist\./);
  assert.match(after.text, /54 items, page 2 of 2/);
  const { entries } = (await mara.getJson(`${path}?page=2`).expect(200)).body;
  assert.deepEqual(entries, before.entries.slice(1));
});

test('removing the only item of the last page leads to the page before it', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Paper & pencil');
  const remove = async (uri: string | null | undefined) => {
    const page = await mara.get(`${path}?page=2&notice=item-removed`).expect(200);
    const sent = { ...formFields(page.text, `${path}/remove`), uri };
    return mara.post(`${path}/remove`).type('form').send(sent).expect(303);
  };
  const { entries } = (await mara.getJson(`${path}?page=2`).expect(200)).body as { entries: Entry[] };
  for (const { item } of entries.slice(1)) await remove(item?.uri);

  const left = await remove(entries[0]?.item?.uri);
  const led = await mara.get(left.headers.location ?? '').expect(303);

  assert.match(led.headers.location ?? '', /\?notice=removed-with-undo&undo=/);
  assert.match((await mara.get(led.headers.location ?? '').expect(200)).text, /50 items · /);
});

test('a button pressed twice creates one playlist, and adds once', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const second = await startTurntable(t, { sharedWith: turntable });
  const mara = await signedIn(turntable);
  const there = second.browser();
  for (const { name, value } of mara.cookies())
    there.agent.jar.setCookie(`${name}=${value}`, '127.0.0.1', '/');
  const form = formFields((await mara.get('/playlists/new').expect(200)).text, '/playlists');
  const before = (await mara.getJson('/playlists')).body.total;
  simulator.fault({ on: /\/playlists$/, times: 2, delayMs: 150 });

  // At once, at two servers, and once more when it is done.
  const press = (person: Browser) =>
    person
      .post('/playlists')
      .type('form')
      .send({ ...form, name: 'Once' });
  const answers = await Promise.all([press(mara), press(there), press(mara)]);
  answers.push(await press(there));

  const places = new Set(answers.map(({ status, headers }) => `${status} ${headers.location}`));
  assert.equal(places.size, 1, 'all lead to the one playlist');
  const path = String(answers[0]?.headers.location).split('?')[0];
  turntable.clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/playlists')).body.total, before + 1);

  const { item } = (await mara.getJson('/now-playing')).body;
  const { text } = await mara.get(`/playlists/add?uri=${item.uri}`).expect(200);
  const add = formFields(text, '/playlists/add');
  await Promise.all(
    [1, 2].map(() =>
      mara
        .post(`${path}/items`)
        .send({ ...add, uri: item.uri })
        .expect(303),
    ),
  );
  assert.deepEqual(await namesIn(mara, String(path)), [item.name]);
});

testOnce('an action that failed may be repeated', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const form = formFields((await mara.get('/playlists/new').expect(200)).text, '/playlists');
  const press = () =>
    mara
      .post('/playlists')
      .type('form')
      .send({ ...form, name: 'Again' });
  simulator.fault({ on: /\/playlists$/, answer: { status: 502, body: '' } });

  await press().expect(502);
  await press().expect(303);
});

testOnce(
  'an action that Spotify has carried out counts as done, even if Redis does not confirm recording it',
  async (t) => {
    const redis = await startRedisProxy(t);
    const turntable = await startTurntable(t, { redisUrl: redis.url });
    const mara = await signedIn(turntable);
    const form = formFields((await mara.get('/playlists/new').expect(200)).text, '/playlists');

    redis.dropReplyTo(/idempotency:[\s\S]*"state":"done"/);
    const left = await mara
      .post('/playlists')
      .type('form')
      .send({ ...form, name: 'Done' })
      .expect(303);

    assert.match(left.headers.location ?? '', /notice=playlist-created$/);
    assert.ok(redis.hasDroppedReply());
  },
);

test('without the permission only the way to grant it is offered, and it leads back', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable, 'mara', '');
  const path = await playlistNamed(mara, 'Sunday, slowly');
  const shared = await playlistNamed(mara, 'Band practice');
  const { item } = (await mara.getJson('/now-playing')).body;
  const wayOn = async (page: string) => {
    const { text } = await mara.get(page).expect(200);
    assert.doesNotMatch(text, />Remove<|>Edit details|class="form-fields"/, page);
    const [, way = ''] = /href="(\/login\?[^"]+allow=[^"]+)"/.exec(text) ?? [];
    const query = new URL(way.replaceAll('&amp;', '&'), turntable.url).searchParams;
    assert.equal(query.get('allow'), controlScopes.join(' '), page);
    assert.equal(query.get('returnTo'), page);
    return way;
  };
  const ways = [];
  for (const page of [path, shared, '/playlists/new', `/playlists/add?uri=${encodeURIComponent(item.uri)}`])
    ways.push(await wayOn(page));
  simulator.forgetCalls();

  const { uri } = item;
  const forms: [string, object][] = [
    ['/playlists', { name: 'x', uri }],
    [path, { name: 'x' }],
    [`${path}/items`, { uri }],
    [`${path}/remove`, { uri, snapshot: 'x' }],
  ];
  for (const [action, fields] of forms) {
    const sent = { ...fields, returnTo: path };
    const page = await mara.post(action).type('form').send(sent).expect(403);
    assert.match(page.text, /This needs more permission/);
    assert.match(page.text, /allow=playlist-modify-public\+playlist-modify-private/);
  }
  assert.deepEqual(apiRequests(simulator), []);

  const back = await mara.signIn('mara', (ways[0] ?? '').replaceAll('&amp;', '&').replace('/login', ''));
  assert.equal(back.headers.location, path);
  assert.match((await mara.get(path).expect(200)).text, />Remove</);
});

test('another person’s playlist cannot be changed, and no change is offered', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Lighthouse keepers');
  const { item } = (await mara.getJson('/now-playing')).body;

  const page = await mara.get(path).expect(200);
  assert.doesNotMatch(page.text, />Remove<|>Edit details|allow=/);
  const { entries } = (await mara.getJson(path).expect(200)).body as { entries: Entry[] | null };
  const uri = entries?.[0]?.item?.uri ?? item.uri;
  const forms: [string, object][] = [
    [path, { name: 'Mine' }],
    [`${path}/items`, { uri }],
    [`${path}/remove`, { uri, snapshot: 'x' }],
  ];
  for (const [action, fields] of forms) {
    const sent = { ...fields, returnTo: path };
    const refused = await mara.post(action).type('form').send(sent).expect(403);
    assert.match(refused.text, /Spotify refused this|This playlist can’t be changed from here/, action);
  }
});

test('items of a collaborative playlist are added and removed, and its name cannot be changed', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Band practice');

  const page = await mara.get(path).expect(200);

  assert.match(page.text, />Remove</);
  assert.doesNotMatch(page.text, />Edit details/);
});

testOnce('an item that no playlist can hold is not sent to Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  turntable.simulator.forgetCalls();
  const path = '/playlists/0000000000000000000000';

  for (const uri of [
    '',
    'x',
    'spotify:local:a:b:c:1',
    'spotify:track:short',
    'spotify:album:0000000000000000000000',
  ]) {
    const page = await mara.post(`${path}/items`).send({ uri }).expect(400);
    assert.match(page.text, /This can’t be added to a playlist/);
    await mara.post(`${path}/remove`).send({ uri, snapshot: 'x' }).expect(400);
    await mara.get(`/playlists/add?${new URLSearchParams({ uri })}`).expect(400);
  }
  const uri = 'spotify:track:0000000000000000000000';
  await mara.get('/playlists/add').expect(400);
  for (const snapshot of ['', 'x'.repeat(201)]) {
    const page = await mara.post(`${path}/remove`).send({ uri, snapshot }).expect(400);
    assert.match(page.text, /Which version of the playlist/);
  }
  for (const id of ['a.b', 'x'.repeat(65), '%2E%2E', 'a%20b']) {
    await mara.post(`/playlists/${id}/items`).send({ uri }).expect(404);
    await mara.post(`/playlists/${id}`).send({ name: 'x' }).expect(404);
  }
  await mara.post(`${path}/items`).set('Content-Type', 'application/json').send('{"uri":').expect(400);
  await mara
    .post('/playlists')
    .type('form')
    .send({ name: 'x'.repeat(20_000) })
    .expect(413);
  assert.equal(turntable.simulator.calls.length, 0);
});

testOnce('neither a page of another site nor a link can change anything', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  turntable.simulator.forgetCalls();

  for (const action of [
    '/playlists',
    '/playlists/a',
    '/playlists/a/items',
    '/playlists/a/remove',
    '/library/save',
  ]) {
    await mara.agent.post(action).set('Sec-Fetch-Site', 'cross-site').send({ name: 'x' }).expect(403);
    await mara.agent.post(action).set('Origin', 'https://evil.example').send({ name: 'x' }).expect(403);
  }
  for (const path of ['/playlists/a/items', '/playlists/a/remove']) await mara.get(path).expect(404);
  await mara.get('/library/save').expect(405);
  assert.equal(turntable.simulator.calls.length, 0);
});

testOnce(
  'a visitor who is not signed in sees a message, and returns to the page with the button',
  async (t) => {
    const { browser } = await startTurntable(t);

    const sent = { name: 'x', returnTo: '/playlists/new' };
    const page = await browser().post('/playlists').type('form').send(sent).expect(401);

    assert.match(page.text, /href="\/login\?returnTo=%2Fplaylists%2Fnew">Sign in with Spotify/);
  },
);

test('a change to a playlist that does not exist is a page that says so, and leaves the API version as it was detected', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, keys } = turntable;
  const mara = await signedIn(turntable);
  const path = await createPlaylist(mara, 'Mine');
  const { item } = (await mara.getJson('/now-playing')).body;
  const known = (await keys()).filter((key) => key.startsWith('api-version:'));
  const nowhere = '/playlists/0000000000000000000000';

  const gone = await mara.post(`${nowhere}/items`).send({ uri: item.uri }).expect(404);
  assert.match(gone.text, /This playlist or item is gone.*Nothing was added/s);
  await mara.post(`${path}/items`).send({ uri: 'spotify:track:0000000000000000000000' }).expect(404);
  const others = await playlistNamed(mara, 'Lighthouse keepers');
  const refused = await mara.post(`${others}/items`).send({ uri: item.uri }).expect(403);
  assert.match(refused.text, /you can only add to playlists that you own/);

  assert.deepEqual(
    (await keys()).filter((key) => key.startsWith('api-version:')),
    known,
  );
  simulator.forgetCalls();
  await mara.post(`${path}/items`).send({ uri: item.uri }).expect(303);
  assert.deepEqual(apiRequests(simulator), [`POST ${path}/${contents(t)}`], 'no call to find it out again');
});

testOnce('a playlist shows only notices of ours', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const path = await playlistNamed(mara, 'Sunday, slowly');

  for (const said of ['constructor', '__proto__', 'hasOwnProperty', '<b>', 'x'])
    assert.doesNotMatch(
      (await mara.get(`${path}?notice=${said}`).expect(200)).text,
      /class="notice"|native code/,
    );
  await mara.get(`${path}?page=9&notice=x`).expect(404);
});
