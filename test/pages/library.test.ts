import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

type Dated = { item: { name: string; uri: string; link: string }; at: string };

/** A listener with all permissions, and their library as JSON. */
async function mara({ browser }: Turntable, query = allowAll) {
  const person = browser();
  await person.signIn('mara', query);
  const saved = async (page = 1): Promise<Dated[]> =>
    (await person.getJson(`/library?page=${page}`).expect(200)).body.tracks;
  return { ...person, saved };
}

test('the library shows saved tracks a page at a time, one call each, and every track once', async (t) => {
  const turntable = await startTurntable(t);
  const person = await mara(turntable);
  turntable.simulator.forgetCalls();

  const first = await person.get('/library').expect(200);
  const { body } = await person.getJson('/library').expect(200);
  const pages: Dated[][] = [];
  for (let page = 1; page <= body.pages; page += 1) pages.push(await person.saved(page));

  const [newest] = body.tracks;
  assert.match(first.text, /<title>Saved tracks · Turntable<\/title>/);
  assert.match(first.text, new RegExp(`${body.total} tracks, page 1 of ${body.pages}`));
  assert.ok(first.text.includes(`<a href="${newest.item.link}">Open on Spotify`), 'each leads to Spotify');
  assert.ok(first.text.includes(`<a href="/tracks/${newest.item.uri.slice(14)}"><bdi>`), 'and to its page');
  assert.match(first.text, /saved <\/span><time datetime="[\dTZ:-]+">\d+ \w+ \d{4}<\/time>/);
  assert.equal(pages.flat().length, body.total);
  assert.equal(new Set(pages.flat().map(({ item }) => item.uri)).size, body.total);
  assert.equal(
    apiRequests(turntable.simulator).length,
    body.pages,
    'the first page three times within a moment is one call',
  );
  assert.equal(first.headers['cache-control'], 'private, no-store');
  assert.match(first.headers.vary ?? '', /Accept/);
  await person.get(`/library?page=${body.pages + 1}`).expect(404);
  for (const page of ['0', '-1', 'x', '', '2002']) await person.get(`/library?page=${page}`).expect(404);
});

test('recently played takes one call', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const person = browser();
  await person.signIn();
  simulator.forgetCalls();

  const page = await person.get('/library/recent').expect(200);
  const { body } = await person.getJson('/library/recent').expect(200);

  assert.equal(body.tracks.length, 50);
  assert.match(
    page.text,
    /played <\/span><time datetime="[^"]+">(just now|\d+ (minutes?|hours?) ago)<\/time>/,
  );
  assert.ok(page.text.includes(`<a href="${body.tracks[0].item.link}">`));
  assert.deepEqual(apiRequests(simulator), ['GET /me/player/recently-played']);
});

test('top artists and tracks come in three ranges, one call each, cached for ten minutes', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const person = browser();
  await person.signIn();

  for (const kind of ['artists', 'tracks']) {
    const seen = new Set<string>();
    for (const range of ['short_term', 'medium_term', 'long_term']) {
      simulator.forgetCalls();
      const path = `/library/top?of=${kind}&range=${range}`;
      const page = await person.get(path).expect(200);
      const { body } = await person.getJson(path).expect(200);
      assert.deepEqual(apiRequests(simulator), [`GET /me/top/${kind}`]);
      assert.equal(simulator.calls[0]?.query.time_range, range);
      assert.match(page.text, new RegExp(`<h1>Your top ${kind}</h1>`));
      for (const { link } of body[kind]) assert.ok(page.text.includes(`href="${link}"`), link);
      assert.deepEqual(Object.keys(body), ['range', kind]);
      seen.add(JSON.stringify(body[kind]));
    }
    assert.equal(seen.size, 3, 'another list for each range');
  }
  simulator.forgetCalls();
  clock.advance({ minutes: 9 });
  await person.get('/library/top').expect(200);
  assert.equal(simulator.calls.length, 0);
  clock.advance({ minutes: 2 });
  await person.get('/library/top').expect(200);
  assert.deepEqual(apiRequests(simulator), ['GET /me/top/tracks']);
  for (const query of ['of=albums', 'range=ever', 'of=constructor', 'of=tracks&of=artists']) {
    await person.get(`/library/top?${query}`).expect(404);
  }
});

test('what is new among the top ones is marked if the next longer time range is known already', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  for (const kind of ['artists', 'tracks']) {
    const path = `/library/top?of=${kind}&range=short_term`;
    assert.doesNotMatch((await mara.get(path).expect(200)).text, />New</, 'no call for that');
    const longer = (await mara.getJson(`/library/top?of=${kind}&range=medium_term`).expect(200)).body[kind];
    const uris = new Set(longer.map(({ uri }: { uri: string }) => uri));
    simulator.forgetCalls();

    const { text } = await mara.get(path).expect(200);

    assert.deepEqual(apiRequests(simulator), []);
    const { body } = await mara.getJson(path).expect(200);
    const fresh = body[kind].filter(({ uri }: { uri: string }) => !uris.has(uri));
    const badge = new RegExp(`title="Not in your top ${kind} of 6 months">New<`, 'g');
    // The simulator's top artists are the same in both.
    assert.equal(fresh.length > 0, kind === 'tracks');
    assert.equal([...text.matchAll(badge)].length, fresh.length);
  }
});

test('a listener without saved or recent tracks sees what will appear there', async (t) => {
  const { browser } = await startTurntable(t);
  const jonas = browser();
  await jonas.signIn('jonas');

  assert.match((await jonas.get('/library').expect(200)).text, /You haven’t saved any tracks yet/);
  assert.match(
    (await jonas.get('/library/recent').expect(200)).text,
    /Songs you play on Spotify will appear here/,
  );
  for (const kind of ['artists', 'tracks']) {
    const page = await jonas.get(`/library/top?of=${kind}`).expect(200);
    assert.match(page.text, /Not enough listening yet/);
  }
  const { body } = await jonas.getJson('/library').expect(200);
  assert.deepEqual(body, { tracks: [], page: 1, pages: 1, total: 0 });
});

test('a track is removed from the library, and the page says so', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const person = await mara(turntable);
  const page = await person.get('/library?page=2').expect(200);
  const [track] = await person.saved(2);
  assert.ok(track);
  const before = (await person.getJson('/library')).body.total;
  // Until the API version is known, the first change takes a second call to detect it.
  await person.post('/library/save').type('form').send({ uri: track.item.uri });
  simulator.forgetCalls();

  const sent = { ...formFields(page.text, '/library/remove'), uri: track.item.uri };
  const left = await person.post('/library/remove').type('form').send(sent).expect(303);

  const path = apiVersionIn(t) === 'legacy' ? 'DELETE /me/tracks' : 'DELETE /me/library';
  assert.deepEqual(apiRequests(simulator), [path]);
  assert.match(left.headers.location ?? '', /^\/library\?page=2&notice=track-removed&undo=/);
  const after = await person.get(left.headers.location ?? '').expect(200);
  assert.match(
    after.text,
    /role="status"><p>Removed from your library\.<\/p><form method="post" action="\/undo\/library\//,
  );
  assert.equal((await person.getJson('/library')).body.total, before - 1);
});

test('removing the only track of the last page leads to the page before it', async (t) => {
  const turntable = await startTurntable(t);
  const person = await mara(turntable);
  let { total, pages } = (await person.getJson('/library')).body;
  for (const { item } of (await person.saved(pages)).slice(1)) {
    await person.post('/library/remove').send({ uri: item.uri }).expect(303);
  }
  const [only] = await person.saved(pages);

  const sent = { uri: only?.item.uri, returnTo: `/library?page=${pages}` };
  const left = await person.post('/library/remove').type('form').send(sent).expect(303);
  const led = await person.get(left.headers.location ?? '').expect(303);

  assert.ok(led.headers.location?.startsWith(`/library?page=${pages - 1}&notice=track-removed&undo=`));
  const page = await person.get(led.headers.location ?? '').expect(200);
  assert.match(page.text, /Removed from your library/);
  ({ total, pages } = (await person.getJson('/library')).body);
  assert.equal(total % 50, 0);
  await person.get(`/library?page=${pages + 1}`).expect(404);
});

test('whether the playing track is saved is shown next to it, requested once, and changed with a button', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const person = await mara(turntable);
  const savedPath = apiVersionIn(t) === 'legacy' ? '/me/tracks' : '/me/library';
  const first = await person.get('/now-playing').expect(200);
  assert.match(first.text, /<span>In your library<\/span>/);
  const { uri } = (await person.getJson('/now-playing')).body.item;
  simulator.forgetCalls();

  const press = async (page: string, way: string) => {
    const sent = { ...formFields(page, `/library/${way}`), uri };
    const left = await person.post(`/library/${way}`).type('form').send(sent).expect(303);
    clock.advance({ seconds: 2 });
    return (await person.get(left.headers.location ?? '').expect(200)).text;
  };
  const removed = await press(first.text, 'remove');
  assert.match(removed, /<span>Not in your library<\/span>/);
  assert.deepEqual(apiRequests(simulator), [`DELETE ${savedPath}`, 'GET /me/player']);
  simulator.forgetCalls();
  const saved = await press(removed, 'save');
  assert.match(saved, /<span>In your library<\/span>/);
  assert.deepEqual(apiRequests(simulator), [`PUT ${savedPath}`, 'GET /me/player']);
  assert.equal((await person.saved())[0]?.item.uri, uri, 'the newest stands first');
});

test('an episode is saved as an episode', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const noor = browser();
  await noor.signIn('noor', allowAll);
  const before = (await noor.getJson('/now-playing').expect(200)).body;
  assert.equal(before.saved, false);

  await noor.post('/library/save').send({ uri: before.item.uri }).expect(303);

  assert.equal((await noor.getJson('/now-playing').expect(200)).body.saved, true);
  if (apiVersionIn(t) === 'legacy') assert.ok(apiRequests(simulator).includes('PUT /me/episodes'));
});

test('programs get the status itself from both', async (t) => {
  const turntable = await startTurntable(t);
  const person = await mara(turntable);
  const [track] = await person.saved();
  const uri = track?.item.uri;
  const send = (path: string, body: object) => person.post(path).set('Accept', 'application/json').send(body);

  const { undo, ...removed } = (await send('/library/remove', { uri }).expect(200)).body;
  assert.deepEqual(removed, { uri, uris: [uri], count: 1, saved: false, text: 'Removed from your library.' });
  assert.match(undo, /^\/undo\/library\/[\w-]{22}$/);
  const saved = { uri, uris: [uri], count: 1, saved: true, text: 'Saved to your library.', undo: null };
  assert.deepEqual((await send('/library/save', { uri }).expect(200)).body, saved);
  assert.equal((await send('/library/save', {}).expect(400)).body.reason, 'no-uri');
});

testOnce('saving something that cannot be saved makes no call to Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const person = await mara(turntable);
  turntable.simulator.forgetCalls();
  const odd = [
    '',
    'nonsense',
    'spotify:track:',
    'spotify:track:short',
    `spotify:track:${'x'.repeat(23)}`,
    'spotify:local:a:b:c:1',
    'spotify:user:0000000000000000000000',
    'spotify:track:000000000000000000000,spotify:track:1',
    'https://open.spotify.com/track/0000000000000000000000',
  ];

  for (const uri of odd) {
    const page = await person.post('/library/save').type('form').send({ uri }).expect(400);
    assert.match(page.text, /This can’t be saved/);
  }
  await person
    .post('/library/save')
    .send({ uri: ['spotify:track:0000000000000000000000', 'nonsense'] })
    .expect(400);
  assert.equal(turntable.simulator.calls.length, 0);
});

testOnce('a missing permission is asked for when it is first needed, and leads back', async (t) => {
  const turntable = await startTurntable(t);
  const person = await mara(turntable, '');
  const page = await person.get('/library').expect(200);
  assert.doesNotMatch(page.text, />Remove</, 'what cannot be done is not offered');
  const playing = await person.get('/now-playing').expect(200);
  const [, way = ''] = /href="([^"]+)">Turn on full control/.exec(playing.text) ?? [];
  turntable.simulator.forgetCalls();

  const sent = { uri: 'spotify:track:0000000000000000000000', returnTo: '/library?page=2' };
  const refused = await person.post('/library/save').type('form').send(sent).expect(403);
  assert.match(refused.text, /This needs more permission/);
  assert.match(
    refused.text,
    /returnTo=%2Flibrary%3Fpage%3D2[^"]*allow=user-library-modify\+user-modify-playback-state\+[^"]*"/,
  );
  assert.equal(turntable.simulator.calls.length, 0);

  const back = await person.signIn('mara', way.replaceAll('&amp;', '&').replace('/login', ''));
  assert.equal(back.headers.location, '/now-playing');
  assert.match((await person.get('/now-playing').expect(200)).text, /Remove from library/);
  assert.match((await person.get('/library').expect(200)).text, />Remove</);
});

testOnce('a page shows only notices of ours', async (t) => {
  const turntable = await startTurntable(t);
  const person = await mara(turntable);

  for (const said of [
    'constructor',
    '__proto__',
    'toString',
    '<b>',
    'x',
    'track-removed&notice=track-removed',
  ]) {
    const page = await person.get(`/library?notice=${said}`).expect(200);
    assert.doesNotMatch(page.text, /class="notice"|native code/, said);
  }
});

testOnce('the cache of one server does not hide a change made at another', async (t) => {
  const first = await startTurntable(t);
  const second = await startTurntable(t, { sharedWith: first });
  const [here, there] = [await mara(first), second.browser()];
  await there.signIn('mara', allowAll);
  const { uri } = (await here.saved())[0]?.item ?? { uri: '' };
  await there.get('/library').expect(200);

  const left = await here.post('/library/remove').send({ uri, returnTo: '/library' }).expect(303);

  const page = await there.get(left.headers.location ?? '').expect(200);
  assert.ok(!page.text.includes(uri));
});
