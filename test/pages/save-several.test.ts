import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields, undoPath } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

type Item = { uri: string };

async function start(t: Parameters<typeof startTurntable>[0]) {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn('mara', allowAll);
  const { body } = await person.getJson('/search?q=the&type=track,album,show,episode,artist').expect(200);
  const uris = (kind: string): string[] => body[`${kind}s`].items.map(({ uri }: Item) => uri);
  const post = (path: string, fields: object) =>
    person.post(path).set('Accept', 'application/json').send(fields);
  const read = async (path: string) => {
    turntable.clock.advance({ seconds: 2 });
    return (await person.getJson(path).expect(200)).body;
  };
  /** Detects the API version, so that the calls that are counted next are the only ones. */
  await post('/library/save', { uri: uris('track')[0] }).expect(200);
  await post('/library/remove', { uri: uris('track')[0] }).expect(200);
  return { ...turntable, person, uris, post, read };
}

test('things of several kinds are saved and removed together, with as few calls as Spotify offers', async (t) => {
  const { person, uris, post, read, simulator } = await start(t);
  const isLegacy = apiVersionIn(t) === 'legacy';
  const [a, b, c] = uris('track').filter((uri, index, all) => all.indexOf(uri) === index);
  const [album, show, episode] = [uris('album')[0], uris('show')[0], uris('episode')[0]];
  const all = [a, b, c, album, show, episode].filter((uri) => uri !== undefined);
  const kinds = new Set(all.map((uri) => uri.split(':')[1]));
  await post('/library/remove', { uri: all }).expect(200);
  const before = await read('/library');

  simulator.forgetCalls();
  const { body } = await post('/library/save', { uri: [...all, a] }).expect(200);
  assert.deepEqual(body.uris, all, 'each once');
  assert.deepEqual([body.count, body.saved], [all.length, true]);
  assert.equal(body.text, `Saved ${all.length} to your library.`);
  const sent = apiRequests(simulator);
  if (isLegacy)
    assert.deepEqual(
      sent,
      [...kinds].map((kind) => `PUT /me/${kind}s`),
    );
  else assert.deepEqual(sent, ['PUT /me/library']);
  const saved = await read('/library');
  assert.equal(saved.total, before.total + 3);
  assert.deepEqual(
    saved.tracks.slice(0, 3).map(({ item }: { item: Item }) => item.uri),
    [a, b, c],
  );
  // The pages of all of them know, without a call for that.
  for (const uri of [a, album, episode].filter((one) => one !== undefined)) {
    const { text } = await person.get(uri.replace(/^spotify:(\w+):/, '/$1s/')).expect(200);
    assert.match(text, />Remove from library<\/span><\/button>/, uri);
  }

  simulator.forgetCalls();
  const removed = await post('/library/remove', { uri: all }).expect(200);
  assert.equal(removed.body.text, `Removed ${all.length} from your library.`);
  assert.equal(apiRequests(simulator).length, isLegacy ? kinds.size : 1);
  assert.equal((await read('/library')).total, before.total);
  const undone = await post(removed.body.undo, {}).expect(200);
  assert.match(undone.body.text, /back|again/);
  assert.equal((await read('/library')).total, before.total + 3);
});

test('up to forty are saved at once, artists and playlists among them', async (t) => {
  const { person, uris, post, read, simulator } = await start(t);
  const isLegacy = apiVersionIn(t) === 'legacy';
  const [track = ''] = uris('track');
  const [artist = ''] = uris('artist');
  const { body } = await person.getJson('/search?q=the&type=playlist').expect(200);
  const playlists = body.playlists.items
    .slice(0, 2)
    .map(({ id }: { id: string }) => `spotify:playlist:${id}`);
  await post('/library/remove', { uri: artist });

  simulator.forgetCalls();
  // New apps can't follow artists in the simulator, as far as is known of Spotify.
  const artists = apiVersionIn(t) === '2026-02' ? [] : [artist];
  const mixed = await post('/library/save', { uri: [track, ...artists, ...playlists] }).expect(200);
  assert.equal(mixed.body.count, 1 + artists.length + playlists.length);
  const calls = apiRequests(simulator);
  if (isLegacy) assert.ok(calls.filter((call) => call.endsWith('/followers')).length === playlists.length);
  else assert.ok(calls.filter((call) => call === 'PUT /me/library').length >= 2, String(calls));
  const followed = (await read('/library/artists')).artists.map(({ uri }: Item) => uri);
  assert.ok(artists.every((one) => followed.includes(one)));

  const many = Array.from({ length: 41 }, (_, nth) => `spotify:track:${String(nth).padStart(22, '0')}`);
  simulator.forgetCalls();
  for (const path of ['/library/save', '/library/remove']) {
    assert.equal((await post(path, { uri: many }).expect(400)).body.reason, 'no-uri');
    assert.equal((await post(path, { uri: [track, 'spotify:user:x'] }).expect(400)).body.reason, 'no-uri');
    assert.equal((await post(path, { uri: [] }).expect(400)).body.reason, 'no-uri');
  }
  assert.deepEqual(apiRequests(simulator), []);
});

test('if Spotify fails in between, the response says what was saved', async (t) => {
  const { uris, post, read, simulator } = await start(t);
  // Only in the legacy version do albums take another call than tracks. New apps can't follow artists.
  const version = apiVersionIn(t);
  if (version === 'both') return;
  const [track = ''] = uris('track');
  const [other = ''] = uris(version === 'legacy' ? 'album' : 'artist');
  simulator.fault({ on: /albums/, answer: { status: 502, body: '' }, times: 9 });
  const { body } = await post('/library/save', { uri: [track, other] }).expect(
    version === 'legacy' ? 502 : 403,
  );
  assert.equal(body.reason, 'partly-changed');
  assert.equal(body.because, version === 'legacy' ? 'spotify-unavailable' : 'artists-not-offered');
  assert.match(body.detail, /^Saved 1 of 2\. Spotify (sent no response|doesn’t let)/);
  assert.doesNotMatch(body.detail, /Nothing has changed/);
  assert.deepEqual([body.done, body.failed], [[track], [other]]);
  assert.equal((await read('/library')).tracks[0].item.uri, track);

  if (version !== 'legacy') return;
  const removed = await post('/library/remove', { uri: [track, other] }).expect(502);
  assert.match(removed.body.detail, /^Removed 1 of 2\. /);
  await post(removed.body.undo, {}).expect(200);
  assert.equal((await read('/library')).tracks[0].item.uri, track);

  simulator.fault({ on: /playlists/, answer: { status: 404, body: '' }, times: 9 });
  const uri = [track, `spotify:playlist:${'0'.repeat(22)}`];
  const gone = await post('/library/save', { uri }).expect(404);
  assert.deepEqual([gone.body.because, gone.body.done], ['items-gone', [track]]);
});

// fault: partly-saved
test('if the rest can’t be saved now, the response says why, and until when', async (t) => {
  const { person, uris, post, simulator, clock } = await start(t);
  // Only there do albums take another call than tracks.
  if (apiVersionIn(t) !== 'legacy') return;
  const uri = [uris('track')[0], uris('album')[0]].map(String);
  const wait = { status: 429, body: '', headers: { 'Retry-After': '3600' } };
  simulator.fault({ on: /albums/, answer: wait });
  const { body, headers } = await post('/library/save', { uri }).expect(503);
  assert.ok(Number(headers['retry-after']) > 3590);
  assert.deepEqual([body.reason, body.because], ['partly-changed', 'cooldown']);
  assert.match(body.detail, /^Saved 1 of 2\. Spotify limits how often/);
  assert.deepEqual([body.done, body.failed], [uri.slice(0, 1), uri.slice(1)]);

  const send = () => person.post('/library/save').type('form').send({ uri }).expect(503);
  assert.doesNotMatch((await send()).text, /Saved 1/, 'nothing is saved during a cooldown');
  clock.advance({ seconds: 3601 });
  simulator.fault({ on: /albums/, answer: wait });
  assert.match((await send()).text, /Taking a break until [\s\S]*Saved 1 of 2\. [\s\S]*data-countdown/);
});

testOnce('if only some may be saved, the page leads to the permission for the rest', async (t) => {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn('mara', '?allow=user-library-modify');
  const { body } = await person.getJson('/search?q=the&type=track,artist').expect(200);
  const uri = [body.tracks.items[0].uri, body.artists.items[0].uri];
  const page = await person
    .post('/library/save')
    .type('form')
    .send({ uri, returnTo: '/library' })
    .expect(403);
  assert.match(page.text, /This needs more permission[\s\S]*Saved 1 of 2\. /);
  assert.match(
    page.text,
    /returnTo=%2Flibrary[^"]*allow=[^"]*user-follow-modify[^"]*"[^>]*>Grant permission/,
  );
});

test('if the version isn’t known yet, each call counts for itself', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = turntable.browser();
  await person.signIn('mara', allowAll);
  const { body } = await person.getJson('/search?q=the&type=track,album,episode').expect(200);
  const uri = [body.tracks, body.albums, body.episodes].map(({ items }) => items[0].uri);
  const save = () => person.post('/library/save').set('Accept', 'application/json').send({ uri });
  simulator.forgetCalls();
  if (apiVersionIn(t) !== 'legacy') {
    await save().expect(200);
    return assert.deepEqual(apiRequests(simulator), ['PUT /me/library']);
  }
  simulator.fault({ on: /albums/, answer: { status: 502, body: '' }, times: 9 });
  const partly = await save().expect(502);
  assert.deepEqual([partly.body.done, partly.body.failed], [uri.slice(0, 1), uri.slice(1)]);
  assert.equal(partly.body.because, 'spotify-unavailable');
  assert.deepEqual(apiRequests(simulator).slice(0, 3), [
    'PUT /me/library',
    'PUT /me/tracks',
    'PUT /me/albums',
  ]);
});

testOnce('a form with nothing or too much selected says what to select', async (t) => {
  const { person, simulator } = await start(t);
  simulator.forgetCalls();
  const many = Array.from({ length: 41 }, (_, nth) => `spotify:track:${String(nth).padStart(22, '0')}`);
  for (const uri of [[], many]) {
    const sent = { uri, returnTo: '/library/recent' };
    const { text } = await person.post('/library/save').type('form').send(sent).expect(400);
    assert.match(text, /What should be saved\?/);
    assert.match(text, /Select at least one item, and at most 40\. Nothing was saved\./);
    assert.match(text, /href="\/library\/recent"[^>]*>Go back</);
    const left = await person.post('/library/remove').type('form').send(sent).expect(400);
    assert.match(left.text, /at most 40\. Nothing was removed\./);
  }
  assert.deepEqual(apiRequests(simulator), []);
});

testOnce('what was removed before a failure can be undone, which leads back to the list', async (t) => {
  const { person, uris, post, simulator } = await start(t);
  const [track = ''] = uris('track');
  const [artist = ''] = uris('artist');
  await post('/library/save', { uri: track }).expect(200);
  simulator.fault({ on: /artist/, answer: { status: 502, body: '' }, times: 9 });
  const sent = { uri: [track, artist], returnTo: '/library/recent?page=2' };
  const { text } = await person.post('/library/remove').type('form').send(sent).expect(403);
  assert.match(text, /Removed 1 of 2/);
  assert.equal(formFields(text, undoPath(text)).returnTo, '/library/recent?page=2');
});

testOnce(
  'a selection can be saved with and without scripts, from lists that aren’t of the library',
  async (t) => {
    const { person, read } = await start(t);
    const [first, ...rest] = (await read('/library/recent')).tracks;
    const { text } = await person.get('/library/recent').expect(200);
    assert.match(text, /formaction="\/library\/save" data-done="[^"]+" data-max="40" data-saves>Save</);
    assert.doesNotMatch((await person.get('/library').expect(200)).text, /data-saves/);

    const uri = [first, ...rest].slice(0, 3).map(({ item }: { item: Item }) => item.uri);
    const sent = { uri, returnTo: '/library/recent' };
    const { headers } = await person.post('/library/save').type('form').send(sent).expect(303);
    assert.equal(headers.location, '/library/recent?notice=track-saved');
    for (const one of uri) {
      const page = await person.get(one.replace(/^spotify:(\w+):/, '/$1s/')).expect(200);
      assert.match(page.text, />Remove from library<\/span><\/button>/, one);
    }
    // A playlist sends the positions of its rows as well.
    const entry = uri.map((one, index) => `${index + 7} ${one}`);
    await person.post('/library/save').type('form').send({ entry, returnTo: '/library' }).expect(303);

    const saved = (await read('/library')).tracks.slice(0, 2);
    const rows = saved.map(
      ({ item, position }: { item: Item; position: number }) => `${position} ${item.uri}`,
    );
    const removed = await person
      .post('/library/remove')
      .type('form')
      .send({ entry: rows, returnTo: '/library' });
    assert.match(removed.headers.location ?? '', /notice=track-removed&undo=/);
  },
);
