import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { startTestSimulator } from './start-test-simulator.ts';

const error = (status: number, message: string, reason?: string) => ({
  status,
  text: JSON.stringify({ error: { status, message, reason } }),
});
const restrictionViolated = error(403, 'Player command failed: Restriction violated', 'UNKNOWN');
const noDevice = error(404, 'Player command failed: No active device found', 'NO_ACTIVE_DEVICE');
const commands = [
  ['PUT', '/me/player/play'],
  ['PUT', '/me/player/pause'],
  ['POST', '/me/player/next'],
  ['POST', '/me/player/previous'],
  ['PUT', '/me/player'],
] as const;

/** Signs a listener in. Also returns functions for their player. */
async function startPlayer(t: TestContext, listener = 'mara') {
  const { signIn, send, get, ...started } = await startTestSimulator(t);
  const { access } = await signIn(listener);
  return {
    ...started,
    access,
    signIn,
    get,
    send,
    player: async () => (await get('/me/player?additional_types=track,episode', access)).body,
    devices: async () => (await get('/me/player/devices', access)).body.devices ?? [],
    command: async (method: string, path: string, body?: unknown) => {
      const { status, text } = await send(method, path, access, body);
      return { status, text };
    },
  };
}
const accepted = { status: 204, text: '' };

test('pausing stops the progress, playing resumes it', async (t) => {
  const { clock, player, command, simulator } = await startPlayer(t);
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 40_000 });
  clock.ms += 5_000;

  assert.deepEqual(await command('PUT', '/me/player/pause'), accepted);
  clock.ms += 60_000;
  const paused = await player();
  assert.equal(paused.is_playing, false);
  assert.equal(paused.progress_ms, 45_000);
  assert.equal(paused.timestamp, clock.ms - 60_000);
  assert.deepEqual(paused.actions, { disallows: { pausing: true } });
  assert.deepEqual(await command('PUT', '/me/player/pause'), restrictionViolated);

  assert.deepEqual(await command('PUT', '/me/player/play'), accepted);
  clock.ms += 2_000;
  const playing = await player();
  assert.equal(playing.item?.id, paused.item?.id);
  assert.equal(playing.progress_ms, 47_000);
  assert.deepEqual(playing.actions, { disallows: { resuming: true } });
  assert.deepEqual(await command('PUT', '/me/player/play'), restrictionViolated);
});

test('skipping moves through the list in both directions', async (t) => {
  const { clock, player, command, simulator } = await startPlayer(t);
  const nameAt = async (index: number) => {
    simulator.plays('mara', { kind: 'track', index, progressMs: 0 });
    return (await player()).item?.name;
  };
  const [first, second, third] = [await nameAt(0), await nameAt(1), await nameAt(2)];
  simulator.plays('mara', { kind: 'track', index: 1, progressMs: 90_000, paused: true });

  assert.deepEqual(await command('POST', '/me/player/next'), accepted);
  const next = await player();
  assert.deepEqual([next.item?.name, next.progress_ms, next.is_playing], [third, 0, true]);
  clock.ms += 61_000;
  assert.deepEqual(await command('POST', '/me/player/previous'), accepted);
  assert.equal((await player()).item?.name, second, 'regardless of the progress');
  await command('POST', '/me/player/previous');
  clock.ms += 3_000;
  assert.equal((await player()).progress_ms, 3_000);
  await command('POST', '/me/player/previous');
  const again = await player();
  assert.deepEqual([again.item?.name, again.progress_ms], [first, 0]);

  simulator.plays('mara', { kind: 'track', index: 19, progressMs: 1_000 });
  await command('POST', '/me/player/next');
  assert.equal((await player()).item?.name, first, 'the list repeats');
  simulator.plays('mara', { kind: 'episode' });
  const episode = (await player()).item?.id;
  await command('POST', '/me/player/next');
  const other = await player();
  assert.equal(other.currently_playing_type, 'episode');
  assert.notEqual(other.item?.id, episode);
});

test('ads can be paused but not skipped', async (t) => {
  const { player, command, simulator } = await startPlayer(t);
  simulator.plays('mara', { kind: 'ad' });
  const inAds = {
    seeking: true,
    skipping_next: true,
    skipping_prev: true,
    toggling_repeat_context: true,
    toggling_repeat_track: true,
    toggling_shuffle: true,
  };
  assert.deepEqual((await player()).actions?.disallows, { resuming: true, ...inAds });
  assert.deepEqual(await command('POST', '/me/player/next'), restrictionViolated);
  assert.deepEqual(await command('POST', '/me/player/previous'), restrictionViolated);
  assert.deepEqual(await command('PUT', '/me/player/pause'), accepted);
  assert.deepEqual((await player()).actions?.disallows, { pausing: true, ...inAds });
});

test('playback can be transferred between devices', async (t) => {
  const { clock, player, devices, command, simulator } = await startPlayer(t);
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

  assert.deepEqual(await command('PUT', '/me/player', { device_ids: [laptop] }), accepted);
  const transferred = await player();
  assert.deepEqual(
    [transferred.device?.id, transferred.progress_ms, transferred.is_playing],
    [laptop, 10_000, true],
  );
  assert.equal((await devices()).filter(({ is_active }) => is_active).length, 1);
  clock.ms += 1_000;
  await command('PUT', '/me/player/pause');
  await command('PUT', '/me/player', { device_ids: [phone], play: false });
  assert.deepEqual([(await player()).device?.id, (await player()).is_playing], [phone, false]);
  await command('PUT', '/me/player', { device_ids: [speaker], play: true });
  assert.deepEqual([(await player()).device?.id, (await player()).is_playing], [speaker, true]);

  assert.deepEqual(
    await command('PUT', `/me/player/play?device_id=${laptop}`),
    accepted,
    'transfers it as well',
  );
  assert.equal((await player()).device?.name, 'Mara’s laptop');
  await command('PUT', `/me/player/pause?device_id=${phone}`);
  assert.deepEqual([(await player()).device?.id, (await player()).is_playing], [phone, false]);

  assert.deepEqual(await command('PUT', '/me/player', { device_ids: [television] }), restrictionViolated);
  assert.deepEqual(await command('PUT', `/me/player/play?device_id=${television}`), restrictionViolated);
  const unknown = error(404, 'Device not found');
  assert.deepEqual(await command('PUT', '/me/player', { device_ids: ['none'] }), unknown);
  assert.deepEqual(await command('POST', '/me/player/next?device_id=none'), unknown);
  const without = error(400, 'Missing required field: device_ids');
  assert.deepEqual(await command('PUT', '/me/player', {}), without);
  assert.deepEqual(await command('PUT', '/me/player'), without);
  assert.equal((await command('PUT', '/me/player', { device_ids: [phone, laptop] })).status, 400);
  assert.equal((await command('PUT', '/me/player', { device_ids: phone })).status, 400);
  const invalidJson = error(400, 'Error parsing JSON.');
  assert.deepEqual(await command('PUT', '/me/player', 'device_ids=x'), invalidJson);
  assert.deepEqual(await command('PUT', '/me/player', '[]'), invalidJson);
});

test('a restricted device refuses every command', async (t) => {
  const { player, command, simulator } = await startPlayer(t);
  simulator.plays('mara', { kind: 'music' }, 'Living-room TV');
  const { device, actions } = await player();
  assert.equal(device?.is_restricted, true);
  assert.equal(Object.values(actions?.disallows ?? {}).filter((is) => is === true).length, 10);
  for (const [method, path] of commands.slice(0, 4)) {
    assert.deepEqual(await command(method, path), restrictionViolated, path);
  }
  assert.throws(() => simulator.plays('mara', { kind: 'music' }, 'Noor’s phone'), /no device/);
});

test('without an active device, a command has to name one', async (t) => {
  const { player, get, access, devices, command, simulator } = await startPlayer(t, 'jonas');
  for (const [method, path] of commands.slice(0, 4)) {
    assert.deepEqual(await command(method, path), noDevice, path);
  }
  const all = await devices();
  assert.ok(all.length > 2 && all.every(({ is_active }) => !is_active));
  const [speaker, phone] = all.map(({ id }) => id);
  await command('PUT', '/me/player', { device_ids: [phone] });
  const activated = await player();
  assert.deepEqual([activated.device?.id, activated.is_playing, activated.progress_ms], [phone, false, 0]);
  await command('PUT', '/me/player/play');
  assert.equal((await player()).is_playing, true);

  simulator.plays('jonas', { kind: 'episode' });
  const episodeId = (await player()).item?.id;
  simulator.plays('jonas', { kind: 'nothing' });
  assert.equal((await get('/me/player', access)).status, 204);
  await command('PUT', `/me/player/play?device_id=${speaker}`);
  assert.deepEqual(
    [(await player()).item?.id, (await player()).is_playing],
    [episodeId, true],
    'the previous playback',
  );
});

test('tracks, albums and playlists can be played by URI', async (t) => {
  const { player, command, get, access } = await startPlayer(t);
  const list = (await get('/me/playlists?limit=2', access)).body as { items?: unknown };
  const [, other] = list.items as { id: string; uri: string }[];
  const entries = (await get(`/playlists/${other?.id}`, access)).body.items?.items ?? [];
  const [first, second] = entries.map((entry) => entry?.item);

  await command('PUT', '/me/player/play', { uris: [first?.uri, second?.uri] });
  assert.deepEqual([(await player()).item?.id, (await player()).context], [first?.id, null]);
  await command('POST', '/me/player/next');
  assert.equal((await player()).item?.id, second?.id);

  await command('PUT', '/me/player/play', {
    context_uri: other?.uri,
    offset: { position: 1 },
    position_ms: 7_000,
  });
  const third = await player();
  assert.deepEqual([third.item?.id, third.context?.uri, third.progress_ms], [second?.id, other?.uri, 7_000]);
  await command('PUT', '/me/player/play', { context_uri: first?.album?.uri, offset: { uri: first?.uri } });
  assert.deepEqual([(await player()).item?.id, (await player()).context?.type], [first?.id, 'album']);

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

test('commands need a Premium account, the scope and a listener’s token', async (t) => {
  const { signIn, send, requestToken, get, simulator } = await startPlayer(t);
  const free = await signIn('noor');
  const without = await signIn('mara', 'user-read-playback-state');
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';
  for (const [method, path] of commands) {
    const attempt = async (access: string) => {
      const { status, text } = await send(method, path, access);
      return { status, text };
    };
    assert.deepEqual(
      await attempt(free.access),
      error(403, 'Player command failed: Premium required', 'PREMIUM_REQUIRED'),
    );
    assert.deepEqual(await attempt(without.access), error(401, 'Permissions missing'));
    assert.deepEqual(await attempt(app), error(403, 'This request requires user authentication.'));
  }
  simulator.setProduct('noor', 'premium');
  assert.equal((await send('PUT', '/me/player/pause', free.access)).status, 204);
  simulator.settings.apiVersion = 'both';
  assert.equal((await get('/me', free.access)).body.product, 'premium');
  assert.throws(() => simulator.setProduct('no-one', 'free'), /No such listener/);
});

test('a command can show late, although the next one already sees its effect', async (t) => {
  const { clock, player, command, simulator } = await startPlayer(t);
  simulator.settings.commandDelayMs = 800;
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 10_000 });
  const before = await player();
  await command('PUT', '/me/player/pause');
  assert.equal((await player()).is_playing, true);
  assert.deepEqual(
    await command('PUT', '/me/player/pause'),
    restrictionViolated,
    'the device is already paused',
  );
  clock.ms += 400;
  await command('POST', '/me/player/next');
  assert.equal((await player()).progress_ms, 10_400);
  clock.ms += 400;
  const paused = await player();
  assert.deepEqual([paused.is_playing, paused.progress_ms], [false, 10_000]);
  clock.ms += 400;
  const next = await player();
  assert.notEqual(next.item?.id, before.item?.id);
  assert.equal(next.progress_ms, 800);
});

test('simulators don’t share players', async (t) => {
  const [one, other] = [await startPlayer(t), await startPlayer(t)];
  simulatorsPlay(one.simulator, other.simulator);
  await one.command('PUT', '/me/player/pause');
  one.simulator.setProduct('mara', 'free');
  assert.equal((await one.player()).is_playing, false);
  assert.equal((await other.player()).is_playing, true);
  assert.deepEqual(await other.command('PUT', '/me/player/pause'), accepted);

  function simulatorsPlay(...both: (typeof one.simulator)[]) {
    for (const simulator of both) simulator.plays('mara', { kind: 'music' });
  }
});

test('a queued track plays once, before the list goes on', async (t) => {
  const { clock, player, command, get, access } = await startPlayer(t);
  const { body } = await get('/me/tracks?limit=4', access);
  const tracks = (body as unknown as { items: { track: { uri: string; duration_ms: number } }[] }).items.map(
    ({ track }) => track,
  );
  const [one, two, three, added] = tracks.map(({ uri }) => uri);
  const upNext = async () => {
    const { body: queue } = await get('/me/player/queue', access);
    return (queue as unknown as { queue: { uri: string }[] }).queue.map(({ uri }) => uri);
  };
  assert.deepEqual(await command('PUT', '/me/player/play', { uris: [one, two, three] }), accepted);
  assert.deepEqual(await command('POST', `/me/player/queue?uri=${added}`), accepted);
  assert.deepEqual((await upNext()).slice(0, 7), [added, two, three, one, two, three, one]);

  assert.deepEqual(await command('POST', '/me/player/next'), accepted);
  assert.equal((await player()).item?.uri, added);
  assert.deepEqual((await upNext()).slice(0, 4), [two, three, one, two]);
  assert.deepEqual(await command('POST', '/me/player/next'), accepted);
  assert.equal((await player()).item?.uri, two);
  clock.ms += (tracks[1]?.duration_ms ?? 0) + (tracks[2]?.duration_ms ?? 0) + 1_000;
  const again = await player();
  assert.deepEqual([again.item?.uri, again.progress_ms], [one, 1_000]);
  assert.deepEqual((await upNext()).slice(0, 3), [two, three, one]);
});
