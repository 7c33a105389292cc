import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields, undoPath } from '../support/pages.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

type Named = { name: string; uri: string; link: string };
type Listed = Named & { count: number | null; restriction: string | null };

/** A listener with all permissions, and the ids of things in their library. */
async function listener({ browser }: Turntable, name = 'mara', query = allowAll) {
  const person = browser();
  await person.signIn(name, query);
  const json = async (path: string) => (await person.getJson(path).expect(200)).body;
  return { ...person, json };
}

const idOf = (uri: string) => uri.split(':')[2];

async function findAlbum(person: Awaited<ReturnType<typeof listener>>, name: string): Promise<Listed> {
  const { albums } = await person.json('/library/albums');
  const found = albums.find(({ album }: { album: Listed }) => album.name === name);
  return (found ?? assert.fail(name)).album;
}

test('the page of an album takes one call, and a further page of its tracks one more', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable);
  const album = await findAlbum(person, 'The Lighthouse Tapes');
  const path = `/albums/${idOf(album.uri)}`;
  simulator.forgetCalls();

  const page = await person.get(path).expect(200);
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`]);
  const second = await person.get(`${path}?page=2`).expect(200);
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`, `GET ${path}/tracks`]);
  const [one, two] = [await person.json(path), await person.json(`${path}?page=2`)];

  assert.match(page.text, /<title>The Lighthouse Tapes · Turntable<\/title>/);
  assert.match(page.text, /<p class="eyebrow">Compilation<\/p>/);
  assert.match(page.text, /<a href="\/artists\/\w{22}"><bdi>Ilse Marrow<\/bdi><\/a>/);
  assert.match(page.text, /2025-11 · 64 tracks/);
  assert.ok(page.text.includes(`<a class="spotify-link" href="${album.link}">Open on Spotify</a>`));
  assert.ok(page.text.includes(`rel="next" href="${path}?page=2"`));
  assert.match(second.text, /<span class="small row-number">51<\/span>/);
  assert.equal(one.album.name, 'The Lighthouse Tapes');
  assert.deepEqual([one.page, one.pages, one.total], [1, 2, 64]);
  const names = [...one.tracks, ...two.tracks].map(({ name }: Named) => name);
  assert.deepEqual(
    names,
    Array.from({ length: 64 }, (_, index) => `Tape ${index + 1}`),
  );
  for (const { uri, link } of one.tracks) {
    assert.ok(page.text.includes(`href="/tracks/${idOf(uri)}"`), uri);
    assert.ok(page.text.includes(`<a href="${link}">Open on Spotify`), link);
  }
  for (const odd of ['0', '3', 'x', '-1']) await person.get(`${path}?page=${odd}`).expect(404);
});

test('tracks that an album shows are played in the album, by their position', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  const album = await findAlbum(person, 'The Lighthouse Tapes');
  const path = `/albums/${idOf(album.uri)}`;

  const page = await person.get(`${path}?page=2`).expect(200);
  assert.ok(!page.text.includes(`name="returnTo" value="${path}"`), 'each form leads back to this page');
  const fields = formFields(page.text, '/player/play');
  assert.equal(fields.context, album.uri);
  assert.match(page.text, /form="play" name="offset" value="50" title="Play"/);
  await person
    .post('/player/play')
    .type('form')
    .send({ ...fields, offset: '50' })
    .expect(303);

  turntable.clock.advance({ seconds: 2 });
  assert.equal((await person.json('/now-playing')).item.name, 'Tape 51');
});

test('a track that is not available says why, and has no buttons to play it', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  const album = await findAlbum(person, 'The Lighthouse Tapes');
  const path = `/albums/${idOf(album.uri)}`;
  const [first] = (await person.json(path)).tracks;
  turntable.simulator.settings.unavailable.set(first.uri, { reason: 'market' });
  turntable.clock.advance({ minutes: 6 });

  const page = await person.get(path).expect(200);
  assert.match(page.text, /Not available in your country/);
  assert.doesNotMatch(page.text, /form="play" name="offset" value="0" title="Play"/);
  const track = await person.get(`/tracks/${idOf(first.uri)}`).expect(200);
  assert.match(track.text, /Not available in your country/);
  assert.doesNotMatch(track.text, />Play<\/button>|>Add to queue</);
});

test('the albums of an artist are asked for only when someone wants them, ten at a time', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable);
  const { artists } = await person.json('/search?q=ilse&type=artist');
  const path = `/artists/${idOf(artists.items[0].uri)}`;
  simulator.forgetCalls();

  const page = await person.get(path).expect(200);
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`]);
  assert.ok(page.text.includes(`<a class="button secondary" href="${path}?page=1">Show albums</a>`));
  const albums = await person.get(`${path}?page=1`).expect(200);
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`, `GET ${path}/albums`]);
  assert.equal(simulator.calls.at(-1)?.query.limit, '10');

  assert.match(albums.text, /<a class="card" href="\/albums\/\w{22}">/);
  assert.match(albums.text, /Letters to a Lighthouse[\s\S]*Album · 2024/);
  const body = await person.json(`${path}?page=1`);
  assert.equal(body.artist.name, 'Ilse Marrow');
  assert.ok(body.albums.length >= 4);
  assert.deepEqual(await person.json(path), {
    artist: body.artist,
    albums: null,
    page: null,
    pages: null,
    total: null,
  });
  await person.get(`${path}?page=2`).expect(404);
});

test('the page of a podcast lists its episodes, with how far the listener has got', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable);
  const { shows } = await person.json('/library/shows');
  const daily = shows.find(({ show }: { show: Listed }) => show.count === 120).show;
  const path = `/shows/${idOf(daily.uri)}`;
  simulator.forgetCalls();

  const page = await person.get(path).expect(200);
  const third = await person.json(`${path}?page=3`);
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`, `GET ${path}/episodes`]);

  assert.match(page.text, /<p class="eyebrow">Podcast<\/p>/);
  assert.match(page.text, /The weather at sea, read at half speed, every day\./);
  assert.match(page.text, /Stopped at \d+:\d\d/);
  assert.match(page.text, / · Played</);
  assert.match(page.text, /Play the latest episode/);
  assert.equal(third.episodes.length, 20);
  assert.equal(third.episodes.at(-1).item.name, 'Forecast 1');
  assert.deepEqual([third.page, third.pages, third.total], [3, 3, 120]);
  const { episodes } = await person.json(path);
  const begun = episodes.find(({ resumeMs }: { resumeMs: number | null }) => resumeMs !== null);
  assert.ok(page.text.includes(`href="/episodes/${idOf(begun.item.uri)}"`));

  const episode = await person.get(`/episodes/${idOf(begun.item.uri)}`).expect(200);
  assert.match(
    episode.text,
    /<button class="play-button" type="submit"[^>]*>.*?<\/svg>Resume at \d+:\d\d<\/button>/,
  );
  assert.match(episode.text, /A longer silence than usual/);
  assert.ok(episode.text.includes(`href="${path}"`), 'it leads to its podcast');
  const fields = formFields(episode.text, '/player/play');
  await person
    .post('/player/play')
    .type('form')
    .send({ ...fields, uri: begun.item.uri })
    .expect(303);
  turntable.clock.advance({ seconds: 1 });
  const playing = await person.json('/now-playing');
  assert.equal(playing.item.name, begun.item.name);
  assert.ok(playing.progressMs >= begun.resumeMs, 'it resumes where the listener stopped');
});

test('podcasts in search results and in the library play from their latest episode on', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const person = await listener(turntable);
  const [{ show }] = (await person.json('/library/shows')).shows;
  const search = `/search?${new URLSearchParams({ q: show.name })}`;
  const { episodes } = await person.json(`/shows/${idOf(show.uri)}`);
  const [latest, ...others] = episodes.filter(({ item }: { item: Listed }) => item.restriction === null);
  clock.advance({ minutes: 2 });

  for (const path of ['/library/shows', search]) {
    const { text } = await person.get(path).expect(200);
    assert.ok(
      text.includes(`form="play-whole" name="list" value="${show.uri}" title="Play the latest episode">`),
      path,
    );
    assert.ok(text.includes(` the latest episode of ${show.name}</span>`), path);
  }
  const { text } = await person.get(search).expect(200);
  assert.match(
    text,
    /name="list" value="spotify:show:\w{22}"><svg.*?<\/svg>Play the latest episode<\/button>/,
    'top result',
  );
  simulator.forgetCalls();

  const left = await person
    .post('/player/play')
    .type('form')
    .send({ ...formFields(text, '/player/play'), uri: undefined, list: show.uri })
    .expect(303);

  assert.match(left.headers.location ?? '', /notice=playback-started/);
  assert.deepEqual(apiRequests(simulator).slice(0, 2), [
    `GET /shows/${idOf(show.uri)}`,
    'PUT /me/player/play',
  ]);
  clock.advance({ seconds: 2 });
  assert.equal((await person.json('/now-playing')).item.uri, latest.item.uri);
  const [next] = (await person.json('/player/queue')).queue;
  assert.equal(next?.uri, others[0]?.item.uri);
});

// fault: no-playable-episode
testOnce('episodes that can’t be played are left out, and a podcast without any other says so', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const person = await listener(turntable);
  const [{ show }] = (await person.json('/library/shows')).shows;
  const { episodes } = await person.json(`/shows/${idOf(show.uri)}`);
  const answer = (...uris: readonly { uri: string; isPlayable: boolean }[]) => {
    clock.advance({ minutes: 2 });
    const items = uris.map(({ uri, isPlayable }) => ({
      uri,
      id: idOf(uri),
      type: 'episode',
      name: 'An episode',
      is_playable: isPlayable,
      ...(!isPlayable && { restrictions: { reason: 'market' } }),
    }));
    const body = JSON.stringify({
      uri: show.uri,
      name: 'A podcast',
      episodes: { items, total: items.length },
    });
    simulator.fault({ on: /\/shows\/\w+$/, answer: { status: 200, body } });
  };
  const [one, two] = episodes.map(({ item }: { item: Listed }) => item.uri);
  const play = () => person.post('/player/play').set('Accept', 'application/json').send({ list: show.uri });

  answer({ uri: one, isPlayable: false }, { uri: two, isPlayable: true });
  await play().expect(204);
  clock.advance({ seconds: 2 });
  assert.equal((await person.json('/now-playing')).item.uri, two);

  answer({ uri: one, isPlayable: false });
  simulator.forgetCalls();
  const { body } = await play().expect(409);
  assert.deepEqual([body.reason, body.detail], ['nothing-playable', 'Spotify can’t play any of these.']);
  assert.ok(!apiRequests(simulator).includes('PUT /me/player/play'), 'playback isn’t resumed instead');
});

test('the page of a track leads to its artists and its album, and takes one call', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable);
  const [{ item }] = (await person.json('/library')).tracks;
  const path = `/tracks/${idOf(item.uri)}`;
  simulator.forgetCalls();

  const page = await person.get(path).expect(200);
  await person.get(`/playlists/add?uri=${item.uri}`).expect(200);
  assert.deepEqual(
    [...new Set(apiRequests(simulator))],
    [`GET ${path}`, 'GET /me/playlists'],
    'adding it doesn’t ask for it again',
  );

  assert.match(page.text, new RegExp(`<a href="/albums/${idOf(item.album.uri)}"><bdi>`));
  for (const { uri } of item.artists) assert.ok(page.text.includes(`href="/artists/${idOf(uri)}"`));
  assert.match(page.text, />Play<\/button>[\s\S]*>Add to queue<[\s\S]*>Add to playlist</);
  assert.deepEqual(await person.json(path), { track: item });
});

test('an album is saved and removed on its page, which then says so', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await listener(turntable, 'jonas');
  const { albums } = await person.json('/search?q=lighthouse&type=album');
  const { uri } = albums.items[0];
  const path = `/albums/${idOf(uri)}`;
  await person.get(path).expect(200);
  simulator.forgetCalls();

  const press = async (html: string, way: string) => {
    const sent = { ...formFields(html, `/library/${way}`), uri };
    const done = await person.post(`/library/${way}`).type('form').send(sent).expect(303);
    return (await person.get(done.headers.location ?? '').expect(200)).text;
  };
  const before = (await person.get(path).expect(200)).text;
  assert.match(before, />Save to library</);
  const saved = await press(before, 'save');
  assert.match(saved, /Saved to your library\./);
  assert.match(saved, />Remove from library</);
  assert.match((await person.get(path).expect(200)).text, />Remove from library</, 'without the notice, too');
  assert.equal((await person.json('/library/albums')).total, 1);
  const removed = await press(saved, 'remove');
  assert.match(removed, />Save to library</);
  assert.equal((await person.json('/library/albums')).total, 0);

  const writes = apiRequests(simulator).filter((one) => !one.startsWith('GET'));
  const [endpoint, detours] = { '2026-02': ['library', 0], both: ['library', 0], legacy: ['albums', 1] }[
    apiVersionIn(t)
  ] as [string, number];
  assert.deepEqual(writes.slice(detours), [`PUT /me/${endpoint}`, `DELETE /me/${endpoint}`]);
});

test('items in a list of the library need no further call to be known as saved', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  const album = await findAlbum(person, 'The Lighthouse Tapes');
  const page = await person.get(`/albums/${idOf(album.uri)}`).expect(200);
  assert.match(page.text, />Remove from library</);
  assert.ok(!apiRequests(turntable.simulator).some((one) => one.includes('contains')));
});

test('someone who has not signed in sees the pages as well, without buttons', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, browser } = turntable;
  const person = await listener(turntable);
  const [{ item }] = (await person.json('/library')).tracks;
  const [{ show }] = (await person.json('/library/shows')).shows;
  const { episodes } = await person.json(`/shows/${idOf(show.uri)}`);
  simulator.forgetCalls();
  const visitor = browser();

  for (const path of [
    `/tracks/${idOf(item.uri)}`,
    `/albums/${idOf(item.album.uri)}`,
    `/artists/${idOf(item.artists[0].uri)}`,
    `/artists/${idOf(item.artists[0].uri)}?page=1`,
    `/shows/${idOf(show.uri)}`,
    `/episodes/${idOf(episodes[0].item.uri)}`,
  ]) {
    const page = await visitor.get(path).expect(200);
    assert.match(page.text, />Open on Spotify</, path);
    assert.doesNotMatch(page.text, /action="\/(player|library|playlists)\//, path);
    assert.match(page.text, />Sign in</, path);
    assert.deepEqual(page.text.match(/.{0,50}(Stopped at|undefined|null).{0,50}/g), null, path);
    await visitor.getJson(path).expect(200);
  }
  assert.ok(simulator.calls.every(({ listenerId }) => listenerId === undefined));
  assert.equal(apiRequests(simulator).length, 6, 'a page and its JSON are one call');
});

testOnce(
  'visitors share the daily number of calls with their searches, and may be turned away',
  async (t) => {
    const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '2' } });
    const { browser } = turntable;
    const visitor = browser();
    const { body } = await visitor.getJson('/search?q=the&type=artist,album').expect(200);
    const [artist, album] = [body.artists.items[0], body.albums.items[0]];

    await visitor.get(`/artists/${idOf(artist.uri)}`).expect(200);
    const refused = await visitor.get(`/albums/${idOf(album.uri)}`).expect(429);
    assert.match(refused.text, /Today’s calls for visitors are used up/);
    assert.match(refused.text, /href="\/login\?returnTo=%2Falbums%2F/);
    await visitor.get(`/artists/${idOf(artist.uri)}`).expect(200);
    const person = await listener(turntable, 'jonas');
    await person.get(`/albums/${idOf(album.uri)}`).expect(200);

    const closed = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '0' } });
    const turnedAway = await closed
      .browser()
      .get(`/albums/${idOf(album.uri)}`)
      .expect(401);
    assert.match(turnedAway.text, /Sign in to see this page/);
    assert.equal(closed.simulator.calls.length, 0);
  },
);

test('an object that Spotify doesn’t have is a page that doesn’t exist', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable);
  for (const kind of ['albums', 'artists', 'shows', 'episodes', 'tracks']) {
    await person.get(`/${kind}/0000000000000000000000`).expect(404);
    turntable.simulator.forgetCalls();
    for (const odd of ['short', '../me', '%2e%2e', 'x'.repeat(23)])
      await person.get(`/${kind}/${odd}`).expect(404);
    assert.equal(turntable.simulator.calls.length, 0);
  }
});

test('an artist is followed if Spotify offers it to this app, which is found out once', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, browser } = turntable;
  const person = await listener(turntable, 'noor');
  const { artists } = await person.json('/search?q=harbour&type=artist');
  const [{ uri, name }] = artists.items;
  const path = `/artists/${idOf(uri)}`;
  const before = await person.get(path).expect(200);
  assert.match(before.text, />Follow</);
  simulator.forgetCalls();
  const follow = () =>
    person
      .post('/library/save')
      .type('form')
      .send({ ...formFields(before.text, '/library/save'), idempotencyKey: String(Math.random()), uri });

  if (apiVersionIn(t) === '2026-02') {
    const refused = await follow().expect(403);
    assert.match(refused.text, /Artists can’t be followed from here/);
    assert.deepEqual(apiRequests(simulator), ['PUT /me/library', 'PUT /me/following']);
    await follow().expect(403);
    assert.equal(simulator.calls.length, 2, 'Spotify isn’t asked again');
    const after = await person.get(path).expect(200);
    assert.doesNotMatch(after.text, />Follow</);
    const other = browser();
    await other.signIn('mara', allowAll);
    assert.doesNotMatch((await other.get('/library/artists').expect(200)).text, />Unfollow</);
    return;
  }
  const done = await follow().expect(303);
  const page = await person.get(done.headers.location ?? '').expect(200);
  assert.match(page.text, /You’re now following this artist\./);
  assert.match(page.text, />Unfollow</);
  const followed = (await person.json('/library/artists')).artists;
  assert.ok(followed.some((one: Named) => one.name === name));
  simulator.forgetCalls();
  await person.post('/library/remove').type('form').send({ uri, returnTo: path }).expect(303);
  assert.deepEqual(apiRequests(simulator), ['DELETE /me/following'], 'what works is remembered');
  assert.ok(!(await person.json('/library/artists')).artists.some((one: Named) => one.name === name));
});

testOnce(
  'what was found out about following artists is found out again after Spotify changes the version',
  async (t) => {
    const turntable = await startTurntable(t, { simulator: { apiVersion: 'legacy' } });
    const { simulator } = turntable;
    const person = await listener(turntable, 'noor');
    const { artists } = await person.json('/search?q=harbour&type=artist');
    const [{ uri }] = artists.items;
    const save = () => person.post('/library/save').set('Accept', 'application/json').send({ uri });
    await save().expect(200);

    simulator.settings.apiVersion = '2026-02';
    assert.equal((await save().expect(403)).body.reason, 'artists-not-offered');
    simulator.forgetCalls();
    assert.equal((await save().expect(403)).body.reason, 'artists-not-offered');
    assert.deepEqual(apiRequests(simulator), []);
  },
);

testOnce('an app that may follow artists in the library does', async (t) => {
  const turntable = await startTurntable(t);
  turntable.simulator.settings.followsArtistsInLibrary = true;
  const person = await listener(turntable, 'noor');
  const { artists } = await person.json('/search?q=harbour&type=artist');
  const [{ uri }] = artists.items;
  turntable.simulator.forgetCalls();

  await person.post('/library/save').type('form').send({ uri }).expect(303);
  await person.post('/library/remove').type('form').send({ uri }).expect(303);
  assert.deepEqual(apiRequests(turntable.simulator), ['PUT /me/library', 'DELETE /me/library']);
});

testOnce('an artist who doesn’t exist says nothing about the app', async (t) => {
  const turntable = await startTurntable(t);
  turntable.simulator.settings.followsArtistsInLibrary = true;
  const person = await listener(turntable, 'noor');
  await person
    .post('/library/save')
    .type('form')
    .send({ uri: 'spotify:artist:0000000000000000000000' })
    .expect(404);

  const { artists } = await person.json('/search?q=harbour&type=artist');
  await person.post('/library/save').type('form').send({ uri: artists.items[0].uri }).expect(303);
});

testOnce('a button that needs more permission is replaced by the way to it', async (t) => {
  const turntable = await startTurntable(t);
  const person = await listener(turntable, 'mara', '');
  const [{ item }] = (await person.json('/library')).tracks;

  const album = await person.get(`/albums/${idOf(item.album.uri)}`).expect(200);
  assert.doesNotMatch(album.text, /action="\/library\/save"/);
  assert.match(album.text, />Turn on full control</);
  const artist = await person.get(`/artists/${idOf(item.artists[0].uri)}`).expect(200);
  assert.match(artist.text, />Turn on full control</);
});

testOnce('a page shows what a button did at another server', async (t) => {
  const first = await startTurntable(t);
  const second = await startTurntable(t, { sharedWith: first });
  const here = await listener(first, 'jonas');
  const there = await listener(second, 'jonas');
  const { albums } = await here.json('/search?q=lighthouse&type=album');
  const { uri } = albums.items[0];
  const returnTo = `/albums/${idOf(uri)}`;

  const done = await here.post('/library/save').type('form').send({ uri, returnTo }).expect(303);
  const page = await there.get(done.headers.location ?? '').expect(200);
  assert.match(page.text, />Remove from library</);
});

testOnce('what a page’s other buttons did says nothing about what the page is about', async (t) => {
  const person = await listener(await startTurntable(t));
  const album = await findAlbum(person, 'The Lighthouse Tapes');
  const path = `/albums/${idOf(album.uri)}`;
  const { tracks } = await person.json(path);
  const [one, two] = tracks.map(({ uri }: Named) => uri);
  /** Presses a button without scripts, and returns the page that this leads to. */
  const press = async (action: string, uri: string | string[]) => {
    const sent = person.post(action).type('form').send({ uri, returnTo: path });
    return (await person.get(String((await sent.expect(303)).headers.location)).expect(200)).text;
  };
  /** Returns whether the header says that the album is in the library; null if it says neither. */
  const claimOf = (text: string) =>
    text.includes('>In your library?<') ? null : text.includes('>Remove from library<');

  for (const uri of [one, [one, two]]) {
    await press('/library/save', uri);
    assert.notEqual(claimOf(await press('/library/remove', uri)), false);
  }
  const removed = await press('/library/remove', album.uri);
  assert.equal(claimOf(removed), false);
  for (const uri of [one, [one, two]]) assert.notEqual(claimOf(await press('/library/save', uri)), true);
  const ofTrack = await press('/library/remove', one);
  const undo = (text: string) =>
    person
      .post(undoPath(text))
      .type('form')
      .send(formFields(text, undoPath(text)))
      .expect(303);
  const undone = await undo(ofTrack);
  assert.equal(undone.headers.location, `${path}?notice=unsave-undone`);
  assert.notEqual(claimOf((await person.get(undone.headers.location).expect(200)).text), true);

  const { headers } = await undo(removed);
  assert.equal(claimOf((await person.get(String(headers.location)).expect(200)).text), true);
});

test('a page claims nothing about the library that it doesn’t know, and one call finds out', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const other = await listener(turntable, 'mara');
  const saved = (await other.json('/library/albums')).albums[0].album;
  const shows = (await other.json('/library/shows')).shows[0].show;
  const [{ item: track }] = (await other.json('/library')).tracks;
  const cold = await startTurntable(t, { sharedWith: turntable });
  const mara = await listener(cold, 'mara');
  const countAsked = () => apiRequests(simulator).filter((one) => one.endsWith('/contains')).length;

  for (const [uri, path] of [
    [saved.uri, `/albums/${idOf(saved.uri)}`],
    [shows.uri, `/shows/${idOf(shows.uri)}`],
    [track.uri, `/tracks/${idOf(track.uri)}`],
  ] as const) {
    const page = await mara.get(path).expect(200);
    const state = `/library/saved?uri=${encodeURIComponent(uri)}`;
    assert.ok(
      page.text.includes(`data-saved-state="${state}" href="?saved=ask" title="In your library?">`),
      path,
    );
    assert.match(page.text, / hidden>\s*<input[^>]*><input[^>]*><button[^>]* title="Save to library">/);
    simulator.forgetCalls();
    const asked = await mara.get(`${path}?saved=ask`).expect(200);
    assert.match(asked.text, />Remove from library</);
    assert.doesNotMatch(asked.text, /In your library\?/);
    // The first one also finds out the API version.
    const questions = countAsked();
    assert.ok(questions === 1 || questions === 2);
    await mara.json(state);
    assert.deepEqual((await mara.json(state)).saved, true);
    assert.match((await mara.get(path).expect(200)).text, />Remove from library</);
    assert.equal(countAsked(), questions);
  }
});

testOnce('a page whose question about the library fails is shown without an answer', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const album = await findAlbum(await listener(turntable), 'The Lighthouse Tapes');
  const path = `/albums/${idOf(album.uri)}?page=2&saved=ask`;
  const cold = await startTurntable(t, { sharedWith: turntable });
  const mara = await listener(cold, 'mara');
  const reader = await listener(cold, 'mara', '');
  const isAsked = () => apiRequests(simulator).some((one) => one.endsWith('/contains'));

  simulator.forgetCalls();
  await reader.get(path).expect(200);
  await mara.getJson(path).expect(200);
  assert.ok(!isAsked(), 'only pages with the button ask');

  simulator.fault({ on: /contains$/, answer: { status: 502, body: '' }, times: 9 });
  const page = await mara.get(path).expect(200);
  assert.ok(isAsked());
  assert.match(page.text, /Spotify didn’t say whether it’s in your library\. You can save it anyway\./);
  assert.doesNotMatch(page.text, /saved=ask/, 'the link isn’t offered again');
  assert.match(page.text, /<span class="visually-hidden">Save to library<\/span>/);
});

testOnce('the library isn’t asked for while calls are scarce, nor about artists', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '20' } });
  const mara = await listener(turntable, 'mara');
  const uri = 'spotify:track:0123456789012345678901';
  const { body } = await mara.get('/library/saved').set('Accept', 'application/json').expect(400);
  assert.equal(body.detail, 'Send the URI of a track, an episode, an album, or a show as "uri".');
  await mara.get('/library/saved?uri=spotify:artist:0123456789012345678901').expect(400);
  for (let pages = 0; pages < 6; pages += 1) {
    turntable.clock.advance({ seconds: 3 });
    await mara.get('/now-playing').expect(200);
  }
  turntable.simulator.forgetCalls();
  await mara.get(`/library/saved?uri=${uri}`).expect(204);
  assert.deepEqual(apiRequests(turntable.simulator), []);
});
