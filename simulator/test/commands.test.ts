import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { visit } from './visit.ts';

const refusal = (status: number, message: string, reason?: string) => ({
  status,
  text: JSON.stringify({ error: { status, message, reason } }),
});
const violated = refusal(403, 'Player command failed: Restriction violated', 'UNKNOWN');
const noDevice = refusal(404, 'Player command failed: No active device found', 'NO_ACTIVE_DEVICE');
const commands = [
  ['PUT', '/me/player/play'],
  ['PUT', '/me/player/pause'],
  ['POST', '/me/player/next'],
  ['POST', '/me/player/previous'],
  ['PUT', '/me/player'],
] as const;

/** A listener with their player in hand. */
async function atThePlayer(t: TestContext, listener = 'mara') {
  const { signIn, send, get, ...visited } = await visit(t);
  const { access } = await signIn(listener);
  return {
    ...visited,
    access,
    signIn,
    get,
    send,
    look: async () => (await get('/me/player?additional_types=track,episode', access)).body,
    devices: async () => (await get('/me/player/devices', access)).body.devices ?? [],
    command: async (method: string, path: string, body?: unknown) => {
      const { status, text } = await send(method, path, access, body);
      return { status, text };
    },
  };
}
const carriedOut = { status: 204, text: '' };

test('pausing holds the progress, playing goes on from there', async (t) => {
  const { clock, look, command, simulator } = await atThePlayer(t);
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 40_000 });
  clock.ms += 5_000;

  assert.deepEqual(await command('PUT', '/me/player/pause'), carriedOut);
  clock.ms += 60_000;
  const paused = await look();
  assert.equal(paused.is_playing, false);
  assert.equal(paused.progress_ms, 45_000);
  assert.equal(paused.timestamp, clock.ms - 60_000);
  assert.deepEqual(paused.actions, { disallows: { pausing: true } });
  assert.deepEqual(await command('PUT', '/me/player/pause'), violated);

  assert.deepEqual(await command('PUT', '/me/player/play'), carriedOut);
  clock.ms += 2_000;
  const playing = await look();
  assert.equal(playing.item?.id, paused.item?.id);
  assert.equal(playing.progress_ms, 47_000);
  assert.deepEqual(playing.actions, { disallows: { resuming: true } });
  assert.deepEqual(await command('PUT', '/me/player/play'), violated);
});

test('skipping goes on in the list, and back to its first', async (t) => {
  const { clock, look, command, simulator } = await atThePlayer(t);
  const nameAt = async (index: number) => {
    simulator.plays('mara', { kind: 'track', index, progressMs: 0 });
    return (await look()).item?.name;
  };
  const [first, second, third] = [await nameAt(0), await nameAt(1), await nameAt(2)];
  simulator.plays('mara', { kind: 'track', index: 1, progressMs: 90_000, paused: true });

  assert.deepEqual(await command('POST', '/me/player/next'), carriedOut);
  const next = await look();
  assert.deepEqual([next.item?.name, next.progress_ms, next.is_playing], [third, 0, true]);
  clock.ms += 61_000;
  assert.deepEqual(await command('POST', '/me/player/previous'), carriedOut);
  assert.equal((await look()).item?.name, second, 'however far it was');
  await command('POST', '/me/player/previous');
  clock.ms += 3_000;
  assert.equal((await look()).progress_ms, 3_000);
  await command('POST', '/me/player/previous');
  const again = await look();
  assert.deepEqual([again.item?.name, again.progress_ms], [first, 0]);

  simulator.plays('mara', { kind: 'track', index: 19, progressMs: 1_000 });
  await command('POST', '/me/player/next');
  assert.equal((await look()).item?.name, first, 'the list goes round');
  simulator.plays('mara', { kind: 'episode' });
  const episode = (await look()).item?.id;
  await command('POST', '/me/player/next');
  const other = await look();
  assert.equal(other.currently_playing_type, 'episode');
  assert.notEqual(other.item?.id, episode);
});

test('advertisements are heard to their end, but may be paused', async (t) => {
  const { look, command, simulator } = await atThePlayer(t);
  simulator.plays('mara', { kind: 'ad' });
  const inAds = {
    seeking: true,
    skipping_next: true,
    skipping_prev: true,
    toggling_repeat_context: true,
    toggling_repeat_track: true,
    toggling_shuffle: true,
  };
  assert.deepEqual((await look()).actions?.disallows, { resuming: true, ...inAds });
  assert.deepEqual(await command('POST', '/me/player/next'), violated);
  assert.deepEqual(await command('POST', '/me/player/previous'), violated);
  assert.deepEqual(await command('PUT', '/me/player/pause'), carriedOut);
  assert.deepEqual((await look()).actions?.disallows, { pausing: true, ...inAds });
});

test('a listener has several devices, and the music can be moved between them', async (t) => {
  const { clock, look, devices, command, simulator } = await atThePlayer(t);
  simulator.plays('mara', { kind: 'track', index: 4, progressMs: 10_000 });
  const all = await devices();
  assert.deepEqual(
    all.map(({ name, is_active, is_restricted }) => [name, is_active, is_restricted]),
    [
      ['Kitchen speaker', true, false],
      ['Mara’s phone', false, false],
      ['Mara’s laptop', false, false],
      ['Living-room TV', false, true],
    ],
  );
  const [speaker, phone, laptop, television] = all.map(({ id }) => id ?? '');

  assert.deepEqual(await command('PUT', '/me/player', { device_ids: [laptop] }), carriedOut);
  const moved = await look();
  assert.deepEqual([moved.device?.id, moved.progress_ms, moved.is_playing], [laptop, 10_000, true]);
  assert.equal((await devices()).filter(({ is_active }) => is_active).length, 1);
  clock.ms += 1_000;
  await command('PUT', '/me/player/pause');
  await command('PUT', '/me/player', { device_ids: [phone], play: false });
  assert.deepEqual([(await look()).device?.id, (await look()).is_playing], [phone, false]);
  await command('PUT', '/me/player', { device_ids: [speaker], play: true });
  assert.deepEqual([(await look()).device?.id, (await look()).is_playing], [speaker, true]);

  assert.deepEqual(await command('PUT', `/me/player/play?device_id=${laptop}`), carriedOut, 'moves it too');
  assert.equal((await look()).device?.name, 'Mara’s laptop');
  await command('PUT', `/me/player/pause?device_id=${phone}`);
  assert.deepEqual([(await look()).device?.id, (await look()).is_playing], [phone, false]);

  assert.deepEqual(await command('PUT', '/me/player', { device_ids: [television] }), violated);
  assert.deepEqual(await command('PUT', `/me/player/play?device_id=${television}`), violated);
  const unknown = refusal(404, 'Device not found');
  assert.deepEqual(await command('PUT', '/me/player', { device_ids: ['none'] }), unknown);
  assert.deepEqual(await command('POST', '/me/player/next?device_id=none'), unknown);
  const without = refusal(400, 'Missing required field: device_ids');
  assert.deepEqual(await command('PUT', '/me/player', {}), without);
  assert.deepEqual(await command('PUT', '/me/player'), without);
  assert.equal((await command('PUT', '/me/player', { device_ids: [phone, laptop] })).status, 400);
  assert.equal((await command('PUT', '/me/player', { device_ids: phone })).status, 400);
  const noJson = refusal(400, 'Error parsing JSON.');
  assert.deepEqual(await command('PUT', '/me/player', 'device_ids=x'), noJson);
  assert.deepEqual(await command('PUT', '/me/player', '[]'), noJson);
});

test('a restricted device says so in every way', async (t) => {
  const { look, command, simulator } = await atThePlayer(t);
  simulator.plays('mara', { kind: 'music' }, 'Living-room TV');
  const { device, actions } = await look();
  assert.equal(device?.is_restricted, true);
  assert.equal(Object.values(actions?.disallows ?? {}).filter((is) => is === true).length, 10);
  for (const [method, path] of commands.slice(0, 4)) {
    assert.deepEqual(await command(method, path), violated, path);
  }
  assert.throws(() => simulator.plays('mara', { kind: 'music' }, 'Noor’s phone'), /no device/);
});

test('where nothing is active, a device has to be named', async (t) => {
  const { look, get, access, devices, command, simulator } = await atThePlayer(t, 'jonas');
  for (const [method, path] of commands.slice(0, 4)) {
    assert.deepEqual(await command(method, path), noDevice, path);
  }
  const all = await devices();
  assert.ok(all.length > 2 && all.every(({ is_active }) => !is_active));
  const [speaker, phone] = all.map(({ id }) => id);
  await command('PUT', '/me/player', { device_ids: [phone] });
  const woken = await look();
  assert.deepEqual([woken.device?.id, woken.is_playing, woken.progress_ms], [phone, false, 0]);
  await command('PUT', '/me/player/play');
  assert.equal((await look()).is_playing, true);

  simulator.plays('jonas', { kind: 'episode' });
  const heard = (await look()).item?.id;
  simulator.plays('jonas', { kind: 'nothing' });
  assert.equal((await get('/me/player', access)).status, 204);
  await command('PUT', `/me/player/play?device_id=${speaker}`);
  assert.deepEqual([(await look()).item?.id, (await look()).is_playing], [heard, true], 'what it was before');
});

test('something else can be played: tracks, an album, a playlist', async (t) => {
  const { look, command, get, access } = await atThePlayer(t);
  const list = (await get('/me/playlists?limit=2', access)).body as { items?: unknown };
  const [, other] = list.items as { id: string; uri: string }[];
  const entries = (await get(`/playlists/${other?.id}`, access)).body.items?.items ?? [];
  const [first, second] = entries.map((entry) => entry?.item);

  await command('PUT', '/me/player/play', { uris: [first?.uri, second?.uri] });
  assert.deepEqual([(await look()).item?.id, (await look()).context], [first?.id, null]);
  await command('POST', '/me/player/next');
  assert.equal((await look()).item?.id, second?.id);

  await command('PUT', '/me/player/play', {
    context_uri: other?.uri,
    offset: { position: 1 },
    position_ms: 7_000,
  });
  const third = await look();
  assert.deepEqual([third.item?.id, third.context?.uri, third.progress_ms], [second?.id, other?.uri, 7_000]);
  await command('PUT', '/me/player/play', { context_uri: first?.album?.uri, offset: { uri: first?.uri } });
  assert.deepEqual([(await look()).item?.id, (await look()).context?.type], [first?.id, 'album']);

  for (const body of [
    { uris: [] },
    { uris: ['spotify:track:none'] },
    { context_uri: 'spotify:track:x' },
    { context_uri: other?.uri, offset: { position: 500 } },
    { context_uri: other?.uri, offset: 3 },
    { context_uri: other?.uri, position_ms: -1 },
  ]) {
    assert.equal((await command('PUT', '/me/player/play', body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await command('PUT', '/me/player/play', { context_uri: 'spotify:album:none' })).status, 404);
});

test('commands are for Premium, for those who asked for them, and for no app by itself', async (t) => {
  const { signIn, send, token, get, simulator } = await atThePlayer(t);
  const free = await signIn('noor');
  const without = await signIn('mara', 'user-read-playback-state');
  const app = (await token({ grant_type: 'client_credentials' })).body.access_token ?? '';
  for (const [method, path] of commands) {
    const told = async (access: string) => {
      const { status, text } = await send(method, path, access);
      return { status, text };
    };
    assert.deepEqual(
      await told(free.access),
      refusal(403, 'Player command failed: Premium required', 'PREMIUM_REQUIRED'),
    );
    assert.deepEqual(await told(without.access), refusal(401, 'Permissions missing'));
    assert.deepEqual(await told(app), refusal(403, 'This request requires user authentication.'));
  }
  simulator.setProduct('noor', 'premium');
  assert.equal((await send('PUT', '/me/player/pause', free.access)).status, 204);
  simulator.settings.apiVersion = 'both';
  assert.equal((await get('/me', free.access)).body.product, 'premium');
  assert.throws(() => simulator.setProduct('nobody', 'free'), /No such listener/);
});

test('a command may show late, while the next is already carried out', async (t) => {
  const { clock, look, command, simulator } = await atThePlayer(t);
  simulator.settings.commandDelayMs = 800;
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 10_000 });
  const before = await look();
  await command('PUT', '/me/player/pause');
  assert.equal((await look()).is_playing, true);
  assert.deepEqual(await command('PUT', '/me/player/pause'), violated, 'the device knows');
  clock.ms += 400;
  await command('POST', '/me/player/next');
  assert.equal((await look()).progress_ms, 10_400);
  clock.ms += 400;
  const paused = await look();
  assert.deepEqual([paused.is_playing, paused.progress_ms], [false, 10_000]);
  clock.ms += 400;
  const next = await look();
  assert.notEqual(next.item?.id, before.item?.id);
  assert.equal(next.progress_ms, 800);
});

test('each simulator has a state of its own', async (t) => {
  const [one, other] = [await atThePlayer(t), await atThePlayer(t)];
  simulatorsPlay(one.simulator, other.simulator);
  await one.command('PUT', '/me/player/pause');
  one.simulator.setProduct('mara', 'free');
  assert.equal((await one.look()).is_playing, false);
  assert.equal((await other.look()).is_playing, true);
  assert.deepEqual(await other.command('PUT', '/me/player/pause'), carriedOut);

  function simulatorsPlay(...both: (typeof one.simulator)[]) {
    for (const simulator of both) simulator.plays('mara', { kind: 'music' });
  }
});
