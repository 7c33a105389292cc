import assert from 'node:assert/strict';
import test from 'node:test';
import type { Playing } from '../simulator.ts';
import { visit } from './visit.ts';

const both = '/me/player?additional_types=track,episode';

test('music moves on with the clock, from track to track, for ever', async (t) => {
  const { simulator, signIn, get, clock } = await visit(t);
  simulator.settings.accessTokenSeconds = 24 * 3600;
  const { access } = await signIn('mara', 'user-read-playback-state');
  const look = async () => (await get(both, access)).body;
  const first = await look();
  assert.equal(first.is_playing, true);
  assert.equal(first.currently_playing_type, 'track');
  assert.equal(first.context?.type, 'playlist');
  assert.deepEqual(first.actions, { disallows: { resuming: true } });

  const seen = new Set<string>();
  for (let step = 0; step < 25; step += 1) {
    const { item, progress_ms, timestamp } = await look();
    seen.add(String(item?.id));
    const left = Number(item?.duration_ms) - Number(progress_ms);
    assert.ok(left > 0);
    clock.ms += left - 1;
    const later = await look();
    assert.equal(later.item?.id, item?.id, 'until its last millisecond');
    assert.equal(later.timestamp, timestamp, 'and nothing has changed');
    clock.ms += 1;
    const next = await look();
    assert.notEqual(next.item?.id, item?.id);
    assert.equal(next.progress_ms, 0);
  }
  assert.equal(seen.size, 20);
});

test('what a player can show', async (t) => {
  const { simulator, signIn, get, clock } = await visit(t);
  const { access } = await signIn('jonas');
  const look = async (what: Playing, path = both) => {
    simulator.plays('jonas', what);
    return (await get(path, access)).body;
  };
  const byDefault = await get('/me/player', access);
  assert.deepEqual([byDefault.status, byDefault.text], [204, '']);

  const track = await look({ kind: 'track', index: 3, progressMs: 61_000 });
  assert.equal(track.progress_ms, 61_000);
  clock.ms += 5_000;
  assert.equal((await get(both, access)).body.progress_ms, 66_000);

  const paused = await look({ kind: 'track', index: 3, progressMs: 61_000, paused: true });
  clock.ms += 5_000;
  assert.deepEqual((await get(both, access)).body, paused);
  assert.equal(paused.is_playing, false);
  assert.deepEqual(paused.actions, { disallows: { pausing: true } });

  const stopped = await look({ kind: 'music', paused: true });
  clock.ms += 5_000;
  assert.deepEqual((await get(both, access)).body, stopped);

  const ad = await look({ kind: 'ad' });
  assert.equal(ad.item, null);
  assert.equal(ad.is_playing, true);
  assert.equal(ad.actions?.disallows?.skipping_next, true);

  const local = await look({ kind: 'local' });
  assert.equal(local.item?.id, null);
  assert.match(local.item?.uri ?? '', /^spotify:local:.*:\d+$/);

  const hidden = await look({ kind: 'private' });
  assert.equal(hidden.device?.is_private_session, true);
  assert.equal((await get('/me/player/currently-playing', access)).status, 204);

  const unknown = await look({ kind: 'unknown' });
  assert.deepEqual([unknown.item, unknown.progress_ms, unknown.context], [null, null, null]);
});

test('a podcast is shown only to those who ask for podcasts', async (t) => {
  const { signIn, get } = await visit(t);
  const { access } = await signIn('noor');
  const asked = (await get(both, access)).body;
  assert.equal(asked.currently_playing_type, 'episode');
  assert.equal(asked.item?.show?.type, 'show');
  assert.ok(asked.item && !('album' in asked.item));
  assert.equal(asked.device?.id, null);
  const unasked = (await get('/me/player', access)).body;
  assert.deepEqual([unasked.currently_playing_type, unasked.item], ['episode', null]);
});
