import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

async function signedIn({ browser }: Turntable): Promise<Browser> {
  const mara = browser();
  await mara.signIn('mara', allowAll);
  return mara;
}

test('playing something without an active device asks for a device, and plays it there', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  simulator.plays('mara', { kind: 'nothing' });
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ count }: { count: number }) => count > 10);
  const { text } = await mara.get(`/playlists/${id}`).expect(200);

  const sent = { ...formFields(text, '/player/play'), offset: '2' };
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);
  const address = new URL(String(left.headers.location), 'http://here');
  assert.equal(address.pathname, '/devices');
  assert.equal(address.searchParams.get('notice'), 'nothing-active');

  const devices = await mara.get(address.pathname + address.search).expect(200);
  assert.match(devices.text, /Choose a device/);
  simulator.forgetCalls();
  const button = /name="device" value="([^"]+)"/.exec(devices.text)?.[1];
  const chosen = { ...formFields(devices.text, '/player/play'), device: button };
  const back = await mara.post('/player/play').type('form').send(chosen).expect(303);
  assert.match(String(back.headers.location), new RegExp(`^/playlists/${id}\\?notice=playback-started`));

  const { body: playing } = await mara.getJson('/now-playing').expect(200);
  assert.equal(playing.state, 'playing');
  assert.equal(playing.device.id, button);
  assert.equal(apiRequests(simulator).filter((one) => one === 'PUT /me/player/play').length, 1);
});

test('playing something on a device that accepts no commands says so, and asks for another one', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  turntable.simulator.plays('mara', { kind: 'music' }, 'Living-room TV');
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ count }: { count: number }) => count > 10);
  const { text } = await mara.get(`/playlists/${id}`).expect(200);
  await mara.get('/now-playing').expect(200);

  const sent = formFields(text, '/player/play');
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);
  assert.match(String(left.headers.location), /^\/devices\?.*notice=device-uncontrollable/);
  const refused = await mara.post('/player/next').set('Accept', 'application/json').expect(409);
  assert.equal(refused.body.reason, 'device-uncontrollable');
});

test('an address that names something that can’t be played is refused before Spotify is asked', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  turntable.simulator.forgetCalls();
  for (const query of [
    'uri=spotify:user:ada',
    'context=nothing',
    'offset=1',
    'uri=spotify:track:x&context=y',
  ])
    await mara.get(`/devices?${query}`).expect(400);
  assert.deepEqual(apiRequests(turntable.simulator), []);
});

test('the address can’t lead to another site', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/playlists').expect(200);
  const query = new URLSearchParams({
    context: `spotify:playlist:${body.playlists[0].id}`,
    returnTo: '//evil.example/',
  });
  const { text } = await mara.get(`/devices?${query}`).expect(200);
  assert.doesNotMatch(text, /href="[^"]*evil|value="[^"]*evil/);
});

test('up next isn’t fetched automatically once 30% of the daily calls are used', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '20' } });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  await mara.get('/player/queue?automatic=yes').expect(200);
  for (let pages = 0; pages < 6; pages += 1) {
    clock.advance({ seconds: 3 });
    await mara.get('/now-playing').expect(200);
  }
  simulator.forgetCalls();
  await mara.get('/player/queue?automatic=yes').expect(204);
  assert.deepEqual(apiRequests(simulator), []);
  await mara.get('/player/queue').expect(200);
  assert.deepEqual(apiRequests(simulator), ['GET /me/player/queue']);
});
