import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Observation, observe } from '../../src/live/observation.ts';
import {
  applyAnswer,
  applyCommand,
  applyFailure,
  applyNoGrant,
  applyRedisDown,
  applySaved,
  applyUpdate,
  type Failure,
  freshObservation,
  hasChanged,
  initialState,
  isClockSetBack,
  isFromTheFuture,
  type ListenerState,
  type LiveState,
  resetClock,
  startPoll,
  type Update,
  unknownState,
  updateFromStored,
} from '../../src/live/state.ts';
import type { Playback } from '../../src/spotify/parse.ts';
import { minute, nothing, startOfTest as now, otherTrack, second, song, track } from '../support/playback.ts';

const uri = String(track(0).item.uri);
/** No spread of polls after a cooldown. */
const instant = { now, jitter: 0 };

/** An observation of this many milliseconds ago. */
const observed = (playback: Playback, agoMs = 0): Observation =>
  observe(playback, { askedAt: now - agoMs, answeredAt: now - agoMs }, null);

const live = (part: Partial<LiveState> = {}): LiveState => ({
  ...unknownState,
  observation: observed(track(0), minute),
  ...part,
});
const state = ({
  live: part,
  ...rest
}: Omit<Partial<ListenerState>, 'live'> & { live?: Partial<LiveState> }) => ({
  ...initialState,
  ...rest,
  live: live(part),
});
const cooldown = (inMs: number, quota = false) => ({ until: now + inMs, quota });

const changes: readonly (readonly [
  title: string,
  Partial<LiveState>,
  Partial<LiveState>,
  isChange: boolean,
])[] = [
  ['a state without differences', {}, {}, false],
  [
    'progress as expected',
    { observation: observed(track(0), minute) },
    { observation: observed(track(minute)) },
    false,
  ],
  [
    'a skip',
    { observation: observed(track(0), minute) },
    { observation: observed(track(90 * second)) },
    true,
  ],
  ['another track', {}, { observation: observed(otherTrack(0)) }, true],
  ['a pause', {}, { observation: observed(track(minute, song, 'paused')) }, true],
  ['the first observation', { observation: null }, {}, true],
  ['the loss of the observation', {}, { observation: null }, true],
  ['that the track is saved', {}, { observation: { ...observed(track(0), minute), saved: true } }, true],
  ['the start of a cooldown', {}, { cooldown: cooldown(minute) }, true],
  ['the end of a cooldown', { cooldown: cooldown(minute) }, {}, true],
  ['the same cooldown', { cooldown: cooldown(minute) }, { cooldown: cooldown(minute) }, false],
  ['a longer cooldown', { cooldown: cooldown(minute) }, { cooldown: cooldown(2 * minute) }, true],
  ['that the quota is used up', { cooldown: cooldown(minute) }, { cooldown: cooldown(minute, true) }, true],
  ['that Spotify is down', {}, { spotifyDown: true }, true],
  ['that Redis is down', {}, { redisDown: true }, true],
  ['the start of throttling', {}, { throttledUntil: now + minute }, true],
];

for (const [title, before, after, isChange] of changes) {
  test(`${title} ${isChange ? 'is sent to subscribers' : 'is not sent to subscribers'}`, () => {
    assert.equal(hasChanged(live(before), live(after)), isChange);
  });
}

const answers: readonly (readonly [
  title: string,
  ListenerState,
  askedMsAgo: number,
  isApplied: boolean,
  pollRequestedAt: number,
])[] = [
  ['the first answer', initialState, 0, true, 0],
  ['a newer answer', state({}), 0, true, 0],
  ['an answer to an earlier request than the one that is known', state({}), 2 * minute, false, 0],
  ['an answer to a request before a command', state({ commandAt: now - 1 }), 2, false, 0],
  ['an answer to a request after a command', state({ commandAt: now - 3 }), 2, true, 0],
  ['an answer to a requested poll', state({ pollRequestedAt: now - 3 }), 2, true, 0],
  ['an answer asked for before a poll was requested', state({ pollRequestedAt: now - 1 }), 2, true, now - 1],
];

for (const [title, before, agoMs, isApplied, pollRequestedAt] of answers) {
  test(`${title} is ${isApplied ? 'applied' : 'out of date'}`, () => {
    const times = { askedAt: now - agoMs, answeredAt: now };
    const after = applyAnswer({ ...before, failures: 3 }, otherTrack(0), times);
    assert.equal(after.live !== before.live, isApplied);
    assert.equal(after.failures, 0);
    assert.equal(after.pollRequestedAt, pollRequestedAt);
  });
}

test('a response ends a cooldown and resets failures, but not throttling', () => {
  const throttledUntil = now + minute;
  const before = state({
    live: { cooldown: cooldown(-second), spotifyDown: true, redisDown: true, throttledUntil },
  });
  const { live } = applyAnswer(before, track(0), { askedAt: now, answeredAt: now });
  assert.deepEqual(live, { ...unknownState, observation: live.observation, throttledUntil });
});

const failures: readonly (readonly [
  title: string,
  Failure,
  failuresBefore: number,
  Partial<LiveState>,
  nextPollInMs: number,
  earliestPollInMs: number | null,
])[] = [
  ['a first failure is not shown', { kind: 'spotify-down' }, 0, {}, 5_000, 5_000],
  ['a second failure is shown', { kind: 'spotify-down' }, 1, { spotifyDown: true }, 15_000, 15_000],
  [
    'a fifth failure is followed by a long wait',
    { kind: 'spotify-down' },
    4,
    { spotifyDown: true },
    300_000,
    300_000,
  ],
  ['all later ones by a longer one', { kind: 'spotify-down' }, 40, { spotifyDown: true }, 600_000, 600_000],
  ['a failure of ours is not blamed on Spotify', { kind: 'ours' }, 1, {}, 15_000, null],
  ['a refusal is not shown here: the streams end', { kind: 'refused' }, 1, {}, 15_000, 15_000],
  [
    'a cooldown is shown, and polls resume a second after it',
    { kind: 'cooldown', ...cooldown(minute, true) },
    0,
    { cooldown: cooldown(minute, true) },
    61_000,
    61_000,
  ],
];

for (const [title, failure, failuresBefore, expected, nextPollInMs, earliestPollInMs] of failures) {
  test(title, () => {
    const after = applyFailure(state({ failures: failuresBefore }), failure, instant);
    assert.deepEqual(after.live, live(expected));
    assert.equal(after.nextPollAt, now + nextPollInMs);
    assert.equal(after.earliestPollAt, earliestPollInMs === null ? 0 : now + earliestPollInMs);
    assert.equal(after.failures, failure.kind === 'cooldown' ? failuresBefore : failuresBefore + 1);
  });
}

test('after a cooldown listeners are not all polled at the same moment', () => {
  const failure: Failure = { kind: 'cooldown', ...cooldown(minute) };
  const { nextPollAt } = applyFailure(state({}), failure, { now, jitter: 0.5 });
  assert.equal(nextPollAt, now + minute + 3_000);
});

const nothingNew: Update = { ...unknownState, observation: null };
const updates: readonly (readonly [
  title: string,
  Omit<Partial<ListenerState>, 'live'> & { live?: Partial<LiveState> },
  Partial<Update>,
  expected: Partial<LiveState> | 'ignored',
])[] = [
  [
    'a newer observation',
    {},
    { observation: observed(otherTrack(0)) },
    { observation: observed(otherTrack(0)) },
  ],
  ['an older observation', {}, { observation: observed(otherTrack(0), 2 * minute) }, 'ignored'],
  [
    'an observation from before a command',
    { commandAt: now },
    { observation: observed(otherTrack(0), 1) },
    'ignored',
  ],
  ['an observation from the future', {}, { observation: observed(otherTrack(0), -minute) }, 'ignored'],
  [
    'a slight difference between clocks',
    {},
    { observation: observed(nothing, -second) },
    { observation: observed(nothing, -second) },
  ],
  ['a cooldown without an observation', {}, { cooldown: cooldown(minute) }, { cooldown: cooldown(minute) }],
  ['the end of a cooldown', { live: { cooldown: cooldown(minute) } }, {}, {}],
  ['Spotify being down', {}, { spotifyDown: true }, { spotifyDown: true }],
  ['throttling', {}, { throttledUntil: now + minute }, { throttledUntil: now + minute }],
  ['the end of throttling', { live: { throttledUntil: now } }, { throttledUntil: null }, {}],
  [
    'an update of a page, which does not know of throttling',
    { live: { throttledUntil: now } },
    { throttledUntil: undefined },
    { throttledUntil: now },
  ],
];

for (const [title, before, update, expected] of updates) {
  test(`an update: ${title} ${expected === 'ignored' ? 'is ignored' : 'is applied'}`, () => {
    const known = state(before);
    const after = applyUpdate(known, { ...nothingNew, ...update }, instant);
    if (expected === 'ignored') assert.equal(after, known);
    else assert.deepEqual(after.live, live(expected));
  });
}

const waits: readonly (readonly [
  title: string,
  Partial<Update>,
  earliestPollInMs: number,
  failures: number,
])[] = [
  ['an answer ends the wait after failures', {}, 1_500, 0],
  ['a cooldown sets the wait', { cooldown: cooldown(minute) }, 61_000, 3],
  ['a failure elsewhere leaves the wait as it is', { spotifyDown: true }, 300_000, 3],
];

for (const [title, update, earliestPollInMs, failures] of waits) {
  test(`an update: ${title}`, () => {
    const before = state({ earliestPollAt: now + 300_000, failures: 3 });
    const after = applyUpdate(before, { ...nothingNew, ...update }, instant);
    assert.deepEqual([after.earliestPollAt - now, after.failures], [earliestPollInMs, failures]);
  });
}

test('an update answers a requested poll if its request was made later', () => {
  const before = state({ pollRequestedAt: now - second });
  const update = (agoMs: number) => ({ ...nothingNew, observation: observed(track(0), agoMs) });
  assert.equal(applyUpdate(before, update(500), instant).pollRequestedAt, 0);
  assert.equal(applyUpdate(before, update(1_500), instant).pollRequestedAt, now - second);
});

const older = observed(otherTrack(0), 2 * minute);
const newer = observed(otherTrack(0));
const stored: readonly (readonly [
  title: string,
  Partial<LiveState>,
  Observation | null,
  LiveState['cooldown'],
  expected: Partial<LiveState> | null,
])[] = [
  ['nothing is stored', {}, null, null, null],
  ['the stored observation is older', {}, older, null, null],
  ['the stored observation is newer', {}, newer, null, { observation: newer }],
  ['nothing was known', { observation: null }, older, null, { observation: older }],
  ['a cooldown has begun', {}, older, cooldown(minute), { cooldown: cooldown(minute) }],
  ['the cooldown is known', { cooldown: cooldown(minute) }, older, cooldown(minute), null],
  ['the cooldown is over', { cooldown: cooldown(-second) }, newer, null, { observation: newer }],
  ['Spotify has answered since', { spotifyDown: true }, newer, null, { observation: newer }],
];

for (const [title, before, observation, gate, expected] of stored) {
  test(`reading the stored state, ${title}: ${expected ? 'that is an update' : 'nothing follows'}`, () => {
    assert.deepEqual(updateFromStored(live(before), observation, gate), expected && live(expected));
  });
}

test('a command makes earlier answers out of date, and plans a second poll', () => {
  const before = state({});
  const after = applyCommand(before, now);
  assert.deepEqual([after.commandAt, after.isFollowUpDue], [now, true]);
  assert.equal(applyCommand(after, now - second).commandAt, now, 'messages may overtake each other');
});

test('that a track is saved changes the observation of that track only', () => {
  const before = state({});
  assert.equal(applySaved(before, uri, true).live.observation?.saved, true);
  assert.equal(applySaved(before, 'spotify:track:another', true), before);
  assert.equal(applySaved(initialState, uri, true), initialState);
});

test('Redis going down or up changes the live state, Redis staying so does not', () => {
  const up = state({});
  const down = applyRedisDown(up, true);
  assert.equal(down.live.redisDown, true);
  assert.equal(applyRedisDown(down, true), down);
  assert.equal(applyRedisDown(up, false), up);
});

test('polls are at least a second and a half apart', () => {
  assert.equal(startPoll(state({}), now).earliestPollAt, now + 1_500);
});

test('without a grant that allows it, the next attempt is in ten seconds', () => {
  const after = applyNoGrant(state({ failures: 2 }), now);
  assert.deepEqual([after.nextPollAt, after.failures], [now + 10_000, 0]);
});

const fresh: readonly (readonly [title: string, ListenerState, isFresh: boolean])[] = [
  ['an observation of a second ago', state({ live: { observation: observed(track(0), second) } }), true],
  [
    'an observation of three seconds ago',
    state({ live: { observation: observed(track(0), 3 * second) } }),
    false,
  ],
  [
    'an observation of before a command',
    state({ live: { observation: observed(track(0), second) }, commandAt: now }),
    false,
  ],
  [
    'an observation by a clock that was put back',
    state({ live: { observation: observed(track(0), -second) } }),
    false,
  ],
  ['no observation', initialState, false],
];

for (const [title, known, isFresh] of fresh) {
  test(`a page ${isFresh ? 'shows' : 'does not rely on'} ${title}`, () => {
    assert.equal(freshObservation(known, now) !== null, isFresh);
  });
}

test('when the clock is put back everything planned and observed is dropped, but not that Redis is down', () => {
  const before = state({
    commandAt: now,
    nextPollAt: now,
    failures: 2,
    live: { redisDown: true, spotifyDown: true },
  });
  const expected = { ...initialState, failures: 2, live: { ...unknownState, redisDown: true } };
  assert.deepEqual(resetClock(before), expected);
  assert.equal(isClockSetBack(now, now + minute), true);
  assert.equal(isClockSetBack(now, now + second), false, 'a small correction');
  assert.equal(isFromTheFuture(observed(track(0), -minute), now), true);
  assert.equal(isFromTheFuture(observed(track(0), -second), now), false);
});
