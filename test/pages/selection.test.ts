import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

const timing = { afterCommandMs: 0 };

async function signedIn({ browser }: Turntable, query = allowAll): Promise<Browser> {
  const mara = browser();
  await mara.signIn('mara', query);
  return mara;
}

const choices = (html: string) =>
  [...html.matchAll(/<input type="checkbox" form="selection" name="uri" value="([^"]+)"/g)].map(
    ([, uri = '']) => uri,
  );
const commands = ({ simulator }: Turntable) => apiRequests(simulator).filter((one) => !one.startsWith('GET'));
const upNext = async (mara: Browser, { clock }: Turntable): Promise<string[]> => {
  clock.advance({ seconds: 2 });
  const { body } = await mara.getJson('/player/queue').expect(200);
  return body.queue.map(({ uri }: { uri: string }) => uri);
};

test('rows of a list can be selected without scripts, and be played or added to the queue', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  for (const path of ['/library', '/library/recent', '/library/top', '/search?q=night&type=track']) {
    const { text } = await mara.get(path).expect(200);
    assert.ok(choices(text).length > 1, path);
    assert.match(text, /<details class="selection"/, path);
  }
  const { text } = await mara.get('/library').expect(200);
  const [, second = '', third = '', , fifth = ''] = choices(text);

  simulator.forgetCalls();
  const sent = { idempotencyKey: 'one', returnTo: '/library', uri: [second, third, fifth] };
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);
  assert.equal(left.headers.location, '/library?notice=playback-started');
  assert.deepEqual(commands(turntable), ['PUT /me/player/play']);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, second);
  assert.deepEqual(await upNext(mara, turntable), [third, fifth]);

  simulator.forgetCalls();
  const queued = { idempotencyKey: 'another', returnTo: '/library', uri: [fifth, second] };
  const back = await mara.post('/player/queue').type('form').send(queued).expect(303);
  assert.equal(back.headers.location, '/library?notice=added-to-queue');
  await mara.post('/player/queue').type('form').send(queued).expect(303);
  assert.deepEqual(commands(turntable), ['POST /me/player/queue', 'POST /me/player/queue'], 'once each');
  assert.deepEqual((await upNext(mara, turntable)).slice(0, 2), [fifth, second]);
});

test('the rows of a playlist are played, queued and added by the same checkboxes as are removed', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ name }: { name: string }) => name === 'Sunday, slowly');
  const { text } = await mara.get(`/playlists/${id}`).expect(200);
  const rows = [...text.matchAll(/form="selection" name="entry" value="((\d+) (spotify:\w+:\w+))"/g)];
  const [second, fourth] = [rows[1], rows[3]];
  const entry = [second?.[1], fourth?.[1]];
  const uris = [second?.[3], fourth?.[3]];
  const fields = { idempotencyKey: 'one', returnTo: `/playlists/${id}`, entry };

  await mara.post('/player/play').type('form').send(fields).expect(303);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, uris[0]);
  await mara
    .post('/player/queue')
    .type('form')
    .send({ ...fields, idempotencyKey: 'two' })
    .expect(303);
  assert.deepEqual((await upNext(mara, turntable)).slice(0, 2), uris);
  const query = new URLSearchParams([['snapshot', 'x'], ...entry.map((one) => ['entry', one ?? ''])] as [
    string,
    string,
  ][]);
  const page = await mara.get(`/playlists/add?${query}`).expect(200);
  assert.match(page.text, /Add <bdi>2 items<\/bdi> to a playlist/);
  for (const uri of uris) assert.ok(page.text.includes(`name="uri" value="${uri}"`));

  simulator.plays('mara', { kind: 'nothing' });
  const left = await mara
    .post('/player/play')
    .type('form')
    .send({ ...fields, idempotencyKey: 'three' })
    .expect(303);
  assert.match(left.headers.location ?? '', /^\/devices\?uri=/, 'asks for a device');
  const both = { entry, uri: uris };
  await mara.post('/player/play').set('Accept', 'application/json').send(both).expect(400);
});

testOnce('at most ten are added to the queue at once, and a hundred played', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  const uri = `spotify:track:${'1'.repeat(22)}`;
  turntable.simulator.forgetCalls();
  for (const [command, count, text] of [
    ['queue', 11, /At most 10 tracks can be added to the queue at once/],
    ['play', 101, /Unknown, missing, or invalid: uri/],
  ] as const) {
    const fields = { uri: Array.from({ length: count }, () => uri) };
    const page = await mara.post(`/player/${command}`).type('form').send(fields).expect(400);
    assert.match(page.text, text);
  }
  assert.deepEqual(apiRequests(turntable.simulator), []);
});

// fault: partly-queued
testOnce(
  'if only some could be added to the queue, the page says so, and so does the answer to a program',
  async (t) => {
    const turntable = await startTurntable(t, { timing });
    const { simulator } = turntable;
    const mara = await signedIn(turntable);
    const { body } = await mara.getJson('/library').expect(200);
    const uri = body.tracks.slice(0, 4).map(({ item }: { item: { uri: string } }) => item.uri);
    const failThird = () => {
      simulator.fault({ on: /\/queue$/, times: 2, delayMs: 0 });
      simulator.fault({ on: /\/queue$/, answer: { status: 502, body: '' } });
      simulator.forgetCalls();
    };

    failThird();
    const left = await mara
      .post('/player/queue')
      .type('form')
      .send({ uri, returnTo: '/library' })
      .expect(303);
    assert.equal(left.headers.location, '/library?notice=partly-queued&at=queue');
    assert.equal(commands(turntable).length, 3, 'the rest isn’t sent');
    assert.match(
      (await mara.get(String(left.headers.location)).expect(200)).text,
      /Only the first of these were added/,
    );
    assert.deepEqual((await upNext(mara, turntable)).slice(0, 2), uri.slice(0, 2));

    failThird();
    const problem = await mara
      .post('/player/queue')
      .set('Accept', 'application/json')
      .send({ uri })
      .expect(502);
    assert.equal(problem.body.reason, 'partly-queued');
    assert.match(problem.body.detail, /^Added the first 2 to the queue, then Spotify refused/);
  },
);

test('saved tracks play from a place on, up to the end of the next page', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { text } = await mara.get('/library').expect(200);
  const { body: first } = await mara.getJson('/library').expect(200);
  const { body: second } = await mara.getJson('/library?page=2').expect(200);
  const uris = [...first.tracks, ...second.tracks].map(({ item }: { item: { uri: string } }) => item.uri);
  const [, button = ''] = /form="play" name="offset" value="(45 [^"]+)"/.exec(text) ?? [];
  assert.equal(button, `45 ${uris[45]}`);
  clock.advance({ seconds: 2 });

  simulator.forgetCalls();
  const sent = { ...formFields(text, '/player/play'), offset: button };
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);
  assert.equal(left.headers.location, '/library?notice=playback-started');
  assert.deepEqual(apiRequests(simulator).slice(0, 3), [
    'GET /me/tracks',
    'GET /me/tracks',
    'PUT /me/player/play',
  ]);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, uris[45]);
  const next = await upNext(mara, turntable);
  assert.ok(next.length > 10);
  assert.deepEqual(next, uris.slice(46, 46 + next.length));

  const program = (fields: object) =>
    mara.post('/player/play').set('Accept', 'application/json').send(fields);
  await program({ list: 'saved', offset: 60 }).expect(204);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, uris[60]);
});

testOnce('saved tracks that can’t be played are left out', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/library').expect(200);
  const [one, two, three] = body.tracks.map(({ item }: { item: { uri: string } }) => item.uri);
  for (const uri of [one, three]) simulator.settings.unavailable.set(uri, { reason: 'market' });
  clock.advance({ minutes: 2 });

  const { text } = await mara.get('/library').expect(200);
  const [, button] = /form="play" type="submit" name="offset" value="([^"]+)"/.exec(text) ?? [];
  assert.equal(button, `1 ${two}`, 'Play starts with the first track that can be played');
  const play = (offset: number) =>
    mara.post('/player/play').set('Accept', 'application/json').send({ list: 'saved', offset });
  await play(0).expect(204);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, two);
  assert.ok(!(await upNext(mara, turntable)).includes(three));

  for (const { item } of body.tracks) simulator.settings.unavailable.set(item.uri, { reason: 'market' });
  const second = (await mara.getJson('/library?page=2').expect(200)).body.tracks;
  for (const { item } of second) simulator.settings.unavailable.set(item.uri, { reason: 'market' });
  clock.advance({ minutes: 2 });
  simulator.forgetCalls();
  const none = await play(0).expect(409);
  assert.equal(none.body.reason, 'nothing-playable');
  assert.deepEqual(commands(turntable), []);
});

testOnce('another track at this place in the library isn’t played instead', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/library').expect(200);
  const [, one, two] = body.tracks.map(({ item }: { item: { uri: string } }) => item.uri);
  clock.advance({ seconds: 2 });
  simulator.forgetCalls();

  const sent = { list: 'saved', offset: `1 ${two}`, returnTo: '/library' };
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);
  assert.equal(left.headers.location, '/library?notice=not-in-list&at=play');
  assert.deepEqual(commands(turntable), []);
  for (const fields of [
    { list: 'other' },
    { list: 'saved', uri: one },
    { list: 'saved', offset: one },
    { uri: [one, two], offset: `1 ${two}` },
  ])
    await mara.post('/player/play').set('Accept', 'application/json').send(fields).expect(400);
});

testOnce('without a device, the saved tracks are played on the one that is chosen', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  simulator.plays('mara', { kind: 'nothing' });

  const sent = { list: 'saved', offset: '3', returnTo: '/library' };
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);
  const { text } = await mara.get(String(left.headers.location)).expect(200);
  assert.match(text, /Where do you want to play <span data-what>your saved tracks<\/span>\?/);
  const fields = formFields(text, '/player/play');
  assert.deepEqual([fields.list, fields.offset], ['saved', '3']);
});

testOnce(
  'without the permission to control the player, or without Premium, rows are selected for playlists only',
  async (t) => {
    const turntable = await startTurntable(t, { timing });
    const guest = await signedIn(turntable, '');
    const mara = await signedIn(turntable);
    turntable.simulator.setProduct('mara', 'free');
    await mara.post('/player/pause').type('form').send({}).expect(303);
    for (const person of [guest, mara]) {
      const { text } = await person.get('/library').expect(200);
      assert.ok(choices(text).length > 1);
      const form = /<form id="selection"[\s\S]*?<\/form>/.exec(text)?.[0] ?? '';
      assert.match(form, /Add to playlist/);
      assert.doesNotMatch(form, /Play<|queue/);
    }
    const { text } = await mara.get('/library').expect(200);
    const query = new URLSearchParams(
      choices(text)
        .slice(0, 3)
        .map((uri) => ['uri', uri]),
    );
    assert.match(
      (await mara.get(`/playlists/add?${query}`).expect(200)).text,
      /Add <bdi>3 items<\/bdi> to a playlist/,
    );
  },
);
