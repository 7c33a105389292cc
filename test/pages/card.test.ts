import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observe } from '../../src/live/observation.ts';
import { unknownState } from '../../src/live/state.ts';
import { cardOf } from '../../src/pages/now-playing/card.ts';
import { ad, startOfTest as at, nothing, second, song, track } from '../support/playback.ts';

const observed = (playback: Parameters<typeof observe>[0], stuckPolls = 0) => ({
  ...observe(playback, { askedAt: at, answeredAt: at }, null),
  stuckPolls,
});
const cardAfter = (seconds: number, ...known: Parameters<typeof observed>) =>
  cardOf(observed(...known), unknownState, null, at + seconds * second);

test('a track is shown as playing for ten seconds after it should have ended', () => {
  const known = track(song - 5 * second);
  assert.equal(cardAfter(15, known).isOverdue, false);
  assert.equal(cardAfter(16, known).isOverdue, true);
  assert.deepEqual([cardAfter(16, known).endsInMs, cardAfter(16, known).progressMs], [-11 * second, song]);
});

// fault: player-hangs-at-end
test('a player that hangs at the end of a track is not shown as playing, however recently Spotify was asked', () => {
  assert.equal(cardAfter(0, track(song), 1).isOverdue, true);
  assert.equal(cardAfter(0, track(song - second), 3).isOverdue, true);
  assert.equal(cardAfter(0, track(60 * second), 3).isOverdue, false, 'in the middle, the bar is not full');
});

test('a paused item, or one without a known end, is never overdue', () => {
  for (const playback of [track(song, song, 'paused'), track(null), track(60 * second, null), ad, nothing])
    assert.deepEqual(
      [cardAfter(3_600, playback).isOverdue, cardAfter(3_600, playback).endsInMs],
      [false, null],
    );
});
