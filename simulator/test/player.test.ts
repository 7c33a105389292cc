import assert from 'node:assert/strict';
import test from 'node:test';
import type { Playing } from '../simulator.ts';
import { startTestSimulator } from './start-test-simulator.ts';

const both = '/me/player?additional_types=track,episode';

test('music moves with the clock from track to track and repeats', async (t) => {
  const { simulator, signIn, get, clock } = await startTestSimulator(t);
  simulator.settings.accessTokenSeconds = 24 * 3600;
  const { access } = await signIn('mara', 'user-read-playback-state');
  const player = async () => (await get(both, access)).body;
  const first = await player();
  assert.equal(first.is_playing, true);
  assert.equal(first.currently_playing_type, 'track');
  assert.equal(first.context?.type, 'playlist');
  assert.deepEqual(first.actions, { disallows: { resuming: true } });

  const ids = new Set<string>();
  for (let step = 0; step < 25; step += 1) {
    const { item, progress_ms, timestamp } = await player();
    ids.add(String(item?.id));
    const left = Number(item?.duration_ms) - Number(progress_ms);
    assert.ok(left > 0);
    clock.ms += left - 1;
    const later = await player();
    assert.equal(later.item?.id, item?.id, 'the same track until its last millisecond');
    assert.equal(later.timestamp, timestamp, 'no change of state');
    clock.ms += 1;
    const next = await player();
    assert.notEqual(next.item?.id, item?.id);
    assert.equal(next.progress_ms, 0);
  }
  assert.equal(ids.size, 20);
});

test('a player shows each kind of playback', async (t) => {
  const { simulator, signIn, get, clock } = await startTestSimulator(t);
  const { access } = await signIn('jonas');
  const play = async (playing: Playing, path = both) => {
    simulator.plays('jonas', playing);
    return (await get(path, access)).body;
  };
  const byDefault = await get('/me/player', access);
  assert.deepEqual([byDefault.status, byDefault.text], [204, '']);

  const track = await play({ kind: 'track', index: 3, progressMs: 61_000 });
  assert.equal(track.progress_ms, 61_000);
  clock.ms += 5_000;
  assert.equal((await get(both, access)).body.progress_ms, 66_000);

  const paused = await play({ kind: 'track', index: 3, progressMs: 61_000, paused: true });
  clock.ms += 5_000;
  assert.deepEqual((await get(both, access)).body, paused);
  assert.equal(paused.is_playing, false);
  assert.deepEqual(paused.actions, { disallows: { pausing: true } });

  const pausedMusic = await play({ kind: 'music', paused: true });
  clock.ms += 5_000;
  assert.deepEqual((await get(both, access)).body, pausedMusic);

  const ad = await play({ kind: 'ad' });
  assert.equal(ad.item, null);
  assert.equal(ad.is_playing, true);
  assert.equal(ad.actions?.disallows?.skipping_next, true);

  const local = await play({ kind: 'local' });
  assert.equal(local.item?.id, null);
  assert.match(local.item?.uri ?? '', /^spotify:local:.*:\d+$/);

  const inPrivate = await play({ kind: 'private' });
  assert.equal(inPrivate.device?.is_private_session, true);
  assert.equal((await get('/me/player/currently-playing', access)).status, 204);

  const unknown = await play({ kind: 'unknown' });
  assert.deepEqual([unknown.item, unknown.progress_ms, unknown.context], [null, null, null]);
});

test('an episode is null without additional_types=episode', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('noor');
  const episode = (await get(both, access)).body;
  assert.equal(episode.currently_playing_type, 'episode');
  assert.equal(episode.item?.show?.type, 'show');
  assert.ok(episode.item && !('album' in episode.item));
  assert.equal(episode.device?.id, null);
  const withoutTypes = (await get('/me/player', access)).body;
  assert.deepEqual([withoutTypes.currently_playing_type, withoutTypes.item], ['episode', null]);
});
