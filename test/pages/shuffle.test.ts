import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

const timing = { afterCommandMs: 0 };
const shuffleForms = (text: string) =>
  (text.match(/<form[\s\S]*?<\/form>/g) ?? []).filter((form) => form.includes('name="shuffle"'));
const commands = ({ simulator }: Turntable) => apiRequests(simulator).filter((one) => one.startsWith('PUT'));

async function signedIn(turntable: Turntable, query = allowAll): Promise<Browser> {
  turntable.simulator.setProduct('mara', 'premium');
  const mara = turntable.browser();
  await mara.signIn('mara', query);
  return mara;
}

/** The paths of an album, an artist and a playlist. */
async function pathsFor(mara: Browser): Promise<string[]> {
  const { body } = await mara.getJson('/search?q=the').expect(200);
  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;
  const { id } = playlists.find(({ name }: { name: string }) => name === 'Sunday, slowly');
  const idOf = ({ uri }: { uri: string }) => uri.split(':')[2];
  return [
    `/albums/${idOf(body.albums.items[0])}`,
    `/artists/${idOf(body.artists.items[0])}`,
    `/playlists/${id}`,
  ];
}

test('Shuffle in the header of an album, artist or playlist turns shuffle on and plays it, with two calls', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  for (const path of await pathsFor(mara)) {
    simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 }, 'Kitchen speaker');
    const { text } = await mara.get(path).expect(200);
    const [form = ''] = shuffleForms(text);
    // Each button beside it has a form on the page.
    for (const [, id] of text.matchAll(/<button[^>]* form="([^"]+)"/g))
      assert.ok(text.includes(`<form id="${id}"`), `${path}: ${id}`);
    assert.match(form, /name="shuffle" value="true">.*Shuffle<\/button>/);
    simulator.forgetCalls();
    const [, context = ''] = /name="context" value="([^"]+)"/.exec(form) ?? [];
    const fields = { context, shuffle: 'true', returnTo: path };
    const { headers } = await mara.post('/player/play').type('form').send(fields).expect(303);
    assert.equal(headers.location, `${path}?notice=playback-started`);
    assert.deepEqual(commands(turntable), ['PUT /me/player/shuffle', 'PUT /me/player/play']);

    clock.advance({ seconds: 2 });
    const { body } = await mara.getJson('/now-playing').expect(200);
    assert.equal(body.shuffle, true, path);
    assert.equal(body.context, context, path);
  }
});

testOnce('Shuffle is offered to those who may play only', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const paths = await pathsFor(await signedIn(turntable));
  const readOnly = await signedIn(turntable, '');
  for (const path of paths)
    assert.equal(shuffleForms((await readOnly.get(path).expect(200)).text).length, 0, path);
  for (const path of paths.slice(0, 2))
    assert.equal(shuffleForms((await turntable.browser().get(path).expect(200)).text).length, 0, path);
});

test('if the current list can’t be shuffled, such as radio, the new one plays first', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const [path = ''] = await pathsFor(mara);
  const context = `spotify:album:${path.split('/')[2]}`;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 }, 'Kitchen speaker');
  const error = { status: 403, message: 'Player command failed: Restriction violated', reason: 'UNKNOWN' };
  simulator.fault({ on: /\/shuffle$/, answer: { status: 403, body: JSON.stringify({ error }) } });
  simulator.forgetCalls();

  const sent = mara.post('/player/play').set('Accept', 'application/json');
  await sent.send({ context, shuffle: true }).expect(204);
  const [shuffle, play] = ['PUT /me/player/shuffle', 'PUT /me/player/play'];
  assert.deepEqual(commands(turntable), [shuffle, play, shuffle]);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.shuffle, true);
});

testOnce('without an active device, Shuffle asks for one and plays there', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const [path = ''] = await pathsFor(mara);
  const context = `spotify:album:${path.split('/')[2]}`;
  simulator.plays('mara', { kind: 'nothing' });

  const fields = { context, shuffle: 'true', returnTo: path };
  const { headers } = await mara.post('/player/play').type('form').send(fields).expect(303);
  assert.match(headers.location ?? '', /^\/devices\?.*shuffle=true/);
  const { text } = await mara.get(headers.location ?? '').expect(200);
  const chosen = formFields(text, '/player/play');
  assert.equal(chosen.shuffle, 'true');
  const [, device = ''] = /name="device" value="([^"]+)"/.exec(text) ?? [];
  simulator.forgetCalls();
  await mara
    .post('/player/play')
    .type('form')
    .send({ ...chosen, device })
    .expect(303);
  assert.deepEqual(commands(turntable), ['PUT /me/player/play', 'PUT /me/player/shuffle']);
  for (const { method, query } of simulator.calls)
    if (method === 'PUT') assert.equal(query.device_id, device);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.shuffle, true);
});

testOnce('if a device that has just woken up refuses to shuffle, the page says that it plays', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const [path = ''] = await pathsFor(mara);
  const context = `spotify:album:${path.split('/')[2]}`;
  simulator.plays('mara', { kind: 'nothing' });
  const { devices } = (await mara.getJson('/devices').expect(200)).body;
  const device = devices.find(({ restricted }: { restricted: boolean }) => !restricted).id;
  const error = { status: 404, message: 'Player command failed: No active device found' };
  const refuse = () =>
    simulator.fault({ on: /\/shuffle$/, answer: { status: 404, body: JSON.stringify({ error }) } });

  refuse();
  const fields = { context, shuffle: 'true', device, returnTo: path };
  const { headers } = await mara.post('/player/play').type('form').send(fields).expect(303);
  assert.equal(headers.location, `${path}?notice=played-in-order&at=play`);
  const { text } = await mara.get(headers.location ?? '').expect(200);
  assert.match(text, /It’s playing, but Spotify didn’t turn on shuffle/);
  refuse();
  const sent = mara.post('/player/play').set('Accept', 'application/json');
  const { body } = await sent.send({ context, shuffle: true, device }).expect(502);
  assert.equal(body.reason, 'played-in-order');
});

testOnce('only a list can be shuffled, from no place in particular', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const [path = ''] = await pathsFor(mara);
  const context = `spotify:album:${path.split('/')[2]}`;
  simulator.forgetCalls();
  for (const fields of [
    { shuffle: true },
    { context, shuffle: false },
    { context, shuffle: 'yes' },
    { context, shuffle: true, offset: 3 },
    { context, shuffle: true, uri: 'spotify:track:0000000000000000000000' },
    { list: 'saved', shuffle: true },
  ]) {
    const sent = mara.post('/player/play').set('Accept', 'application/json');
    assert.equal(
      (await sent.send(fields).expect(400)).body.reason,
      'invalid-command',
      JSON.stringify(fields),
    );
  }
  assert.deepEqual(commands(turntable), []);
});
