import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  expectedEndOf,
  hasPlaybackChanged,
  type Observation,
  observationCodec,
  observe,
  remainingOf,
} from '../../src/live/observation.ts';
import type { Device, Playback } from '../../src/spotify/types.ts';
import {
  ad,
  hour,
  minute,
  nothing,
  otherTrack,
  second,
  song,
  startOfTest,
  track,
} from '../support/playback.ts';

/** A playback, and how many seconds after the one before it was observed. */
type Poll = readonly [Playback, number];

/** The last observation of a series of polls. */
function observeAll(...polls: readonly Poll[]): Observation {
  let time = startOfTest;
  let observation: Observation | null = null;
  for (const [playback, seconds] of polls) {
    time += seconds * second;
    observation = observe(playback, { askedAt: time, answeredAt: time }, observation);
  }
  if (observation === null) throw new Error('No polls');
  return observation;
}

const repeated = (count: number, ...polls: readonly Poll[]): Poll[] =>
  Array.from({ length: count }, () => polls).flat();

const paused = (progressMs: number) => track(progressMs, song, 'paused');
const stuck = track(200 * second);

for (const [title, before, after, seconds, expected] of [
  ['the same track, further on', track(0), track(60_000), 60, false],
  ['the same track, two seconds off', track(0), track(62_000), 60, false],
  ['the same track, five seconds off', track(0), track(65_000), 60, true],
  ['the same track, started again', track(60_000), track(0), 10, true],
  ['another track', track(60_000), otherTrack(0), 10, true],
  ['playing to paused', track(0), paused(10_000), 10, true],
  ['paused to playing', paused(10_000), track(10_000), 10, true],
  ['still paused', paused(10_000), paused(10_000), 3_600, false],
  ['paused, and moved to another place', paused(10_000), paused(60_000), 10, true],
  ['a track to nothing', track(0), nothing, 10, true],
  ['nothing to a track', nothing, track(0), 10, true],
  ['still nothing', nothing, nothing, 3_600, false],
  ['an ad to a track', ad, track(0), 10, true],
  ['another device', track(0), { ...track(10_000), device: device('Kitchen') }, 10, true],
  ['another button offered', track(0), { ...track(10_000), disallows: ['skipping_next'] }, 10, true],
] as const satisfies readonly (readonly [string, Playback, Playback, number, boolean])[]) {
  test(`${title} ${expected ? 'is a change' : 'is no change'}`, () => {
    const first = observeAll([before, 0]);
    const second = observeAll([before, 0], [after, seconds]);
    assert.equal(hasPlaybackChanged(first, second), expected);
  });
}

for (const [title, expected, ...polls] of [
  ['a track that moves on', 0, [track(0), 0], [track(60 * second), 60]],
  ['a track that is overdue', 2, [track(200 * second), 0], [track(song), 11.5], [track(song), 2]],
  ['a track that does not move', 3, [stuck, 0], [stuck, 11.5], [stuck, 2], [stuck, 4]],
  ['two polls within a second', 1, [stuck, 0], [stuck, 11.5], [stuck, 0.3]],
  ['a track that moves again', 0, [stuck, 0], [stuck, 11.5], [track(203 * second), 3]],
  ['another track after a stuck one', 0, [stuck, 0], [stuck, 11.5], [otherTrack(0), 3]],
  ['a track on repeat, found at the same place', 0, [track(1_500), 0], [track(1_500), 210]],
  ['a short track on repeat, two rounds later', 0, [track(1_500, 31_000), 0], [track(1_500, 31_000), 62]],
  ['a track that was paused and resumed between polls', 0, [track(0), 0], [track(31 * second), 211.5]],
  ['a paused track', 0, [paused(0), 0], [paused(0), 60], [paused(0), 60]],
  ['an ad, whose length is unknown', 0, [ad, 0], [ad, 60]],
] as const satisfies readonly (readonly [string, number, ...Poll[]])[]) {
  test(`${title} counts ${expected} stuck polls`, () => {
    assert.equal(observeAll(...polls).stuckPolls, expected);
  });
}

const early: Poll[] = [
  [track(200 * second), 0],
  [track(song), 11.5],
];
const inTime: Poll[] = [
  [track(200 * second), 300],
  [otherTrack(0), 11.5],
];

for (const [title, expected, ...polls] of [
  ['is 1.5 s at first', 1_500, [track(0), 0]],
  ['grows after a poll that was too early', 2_000, ...early],
  ['grows once for each end, however often it is polled', 2_000, ...early, [track(song), 2]],
  ['shrinks a little after a poll that was in time', 1_480, [track(200 * second), 0], [otherTrack(0), 11.5]],
  ['is not changed by a skip', 1_500, [track(100 * second), 0], [otherTrack(0), 50]],
  ['has an upper bound', 6_000, ...repeated(200, [track(200 * second), 300], [track(song), 11.5])],
  ['has a lower bound', 1_000, ...repeated(200, ...inTime)],
] as const satisfies readonly (readonly [string, number, ...Poll[]])[]) {
  test(`the reporting lag ${title}`, () => {
    assert.equal(observeAll(...polls).reportingLagMs, expected);
  });
}

for (const [title, playback, remainingMs, endsInMs] of [
  ['a playing track', track(10_000), song - 10_000, song - 10_000],
  ['a paused track', paused(10_000), song - 10_000, null],
  ['a track of unknown length', track(10_000, null), null, null],
  ['a track of unknown progress', track(null), null, null],
  ['an ad', ad, null, null],
  ['nothing', nothing, null, null],
] as const satisfies readonly (readonly [string, Playback, number | null, number | null])[]) {
  test(`the remaining time and expected end of ${title}`, () => {
    const end = expectedEndOf(observeAll([playback, 0]));
    assert.equal(remainingOf(playback), remainingMs);
    assert.equal(end === null ? null : end - startOfTest, endsInMs);
  });
}

test('whether a track is saved stays known until another track plays', () => {
  const first = { ...observeAll([track(0), 0]), saved: true };
  const at = (seconds: number) => startOfTest + seconds * second;
  const times = { askedAt: at(60), answeredAt: at(60) };
  assert.equal(observe(track(60_000), times, first).saved, true);
  assert.equal(observe(paused(60_000), times, first).saved, true);
  assert.equal(observe(otherTrack(0), times, first).saved, null);
});

test('the same playback lasts since its first observation', () => {
  assert.equal(observeAll([track(0), 0], [track(60_000), 60]).since, startOfTest);
  assert.equal(observeAll([track(0), 0], [paused(60_000), 60]).since, startOfTest + minute);
  assert.equal(observeAll([nothing, 0], [nothing, 3_600]).since, startOfTest);
});

test('everything learned is stored with the observation', () => {
  const observation = observeAll([track(200 * second), 0], [track(song), 11.5], [otherTrack(0, hour), 2]);
  const key = 'now-playing:mara';
  const text = observationCodec.encode(observation, key);
  assert.deepEqual(observationCodec.decode(text, key), { state: 'intact', value: observation });
});

function device(name: string): Device {
  const state = {
    active: true,
    restricted: false,
    privateSession: false,
    volumePercent: null,
    supportsVolume: true,
  };
  return { id: 'x', name, type: 'Speaker', ...state };
}
