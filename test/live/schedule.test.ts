import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Observation, observe } from '../../src/live/observation.ts';
import { isPollDue, postponePoll, requestPoll, schedulePoll } from '../../src/live/schedule.ts';
import { initialState, type ListenerState, type LiveState, unknownState } from '../../src/live/state.ts';
import type { Playback } from '../../src/spotify/parse.ts';
import { hour, minute, startOfTest as now, second, track } from '../support/playback.ts';

/** An observation of this many milliseconds ago. */
const observed = (agoMs: number, playback: Playback = track(0)): Observation =>
  observe(playback, { askedAt: now - agoMs, answeredAt: now - agoMs }, null);

type Known = Omit<Partial<ListenerState>, 'live'> & { live?: Partial<LiveState> };

/** A listener last polled ten seconds ago. */
const state = ({ live, ...rest }: Known = {}): ListenerState => ({
  ...initialState,
  ...rest,
  live: { ...unknownState, observation: observed(10 * second), ...live },
});
const throttled = { throttledUntil: now + hour };
const cooldown = { until: now + minute, quota: false };

const inMs = (at: number) => at - now;

const requests: readonly (readonly [title: string, Known, nextPollInMs: number])[] = [
  ['is made at once', {}, 0],
  ['waits for the least time between polls', { earliestPollAt: now + 700 }, 700],
  ['is not needed if one is due sooner', { nextPollAt: now - 1 }, -1],
  ['is not made during a cooldown', { live: { cooldown } }, minute],
  ['is made after a cooldown', { live: { cooldown: { until: now - 1, quota: false } } }, 0],
  ['is not made while throttled, if the last one was recent', { live: throttled }, minute],
  [
    'is made while throttled, if the last one is old',
    { live: { ...throttled, observation: observed(minute) } },
    0,
  ],
  ['is made while throttled, after a command', { live: throttled, commandAt: now, isFollowUpDue: true }, 0],
  ['is not made if the answer came after the request', { live: { observation: observed(-1) } }, minute],
  ['is made if nothing is known yet', { live: { observation: null } }, 0],
];

for (const [title, known, expectedMs] of requests) {
  test(`a requested poll ${title}`, () => {
    const after = requestPoll(state({ nextPollAt: now + minute, ...known }), now, now);
    assert.equal(inMs(after.nextPollAt), expectedMs);
    assert.equal(after.pollRequestedAt, now);
  });
}

/** A command two and a half seconds ago, and an observation made `agoMs` ago. */
const afterCommand = (agoMs = 2_200): Known => ({
  commandAt: now - 2_500,
  isFollowUpDue: true,
  live: { observation: observed(agoMs) },
});

const schedules: readonly (readonly [title: string, Known, nextPollInMs: number])[] = [
  ['by the cadence', {}, minute],
  ['not before it may be', { earliestPollAt: now + 2 * minute }, 2 * minute],
  ['now, if a poll is requested', { pollRequestedAt: now - second }, 0],
  ['when a request asks for it', { pollRequestedAt: now + second }, second],
  ['by the cadence, if the request is answered', { pollRequestedAt: now - 20 * second }, minute],
  [
    'after a cooldown, even if the cadence is slower',
    { live: { cooldown }, earliestPollAt: now + 61_000 },
    61_000,
  ],
  ['once more two seconds after a command, if that is past', afterCommand(), 0],
  [
    'once more two seconds after a command, if that is to come',
    { ...afterCommand(), commandAt: now - 500, live: { observation: observed(100) } },
    1_500,
  ],
  ['by the cadence, if the answer came two seconds after the command', afterCommand(400), minute],
  ['by the cadence, if the answer is older than the command', afterCommand(2_600), minute],
];

for (const [title, known, expectedMs] of schedules) {
  test(`the next poll is planned ${title}`, () => {
    const cadenceMs = title.includes('slower') ? hour : minute;
    const after = schedulePoll(state(known), { at: now + cadenceMs, throttledUntil: null }, now);
    assert.equal(inMs(after.nextPollAt), expectedMs);
  });
}

test('a command is followed by a further poll even while polls are throttled', () => {
  const known = state(afterCommand());
  const cadence = { at: now + hour, ...throttled };
  assert.equal(inMs(schedulePoll(known, cadence, now).nextPollAt), 0);
});

test('after a command one further poll is made, and not another', () => {
  const first = schedulePoll(state(afterCommand()), { at: now + minute, throttledUntil: null }, now);
  assert.equal(first.isFollowUpDue, false);
  const answered = { ...first, live: { ...first.live, observation: observed(0) } };
  const second = schedulePoll(answered, { at: now + minute, throttledUntil: null }, now);
  assert.equal(inMs(second.nextPollAt), minute);
});

const throttling: readonly (readonly [title: string, number | null, number | null, number | null])[] = [
  ['begins', null, now + hour, now + hour],
  ['ends', now + hour, null, null],
  ['moves by a lot', now + hour, now + 2 * hour, now + 2 * hour],
  ['moves by too little to show', now + hour, now + hour + 5 * minute, now + hour],
  ['stays off', null, null, null],
];

for (const [title, before, cadence, expected] of throttling) {
  test(`throttling ${title}`, () => {
    const known = state({ live: { throttledUntil: before } });
    const { live } = schedulePoll(known, { at: now, throttledUntil: cadence }, now);
    assert.equal(live.throttledUntil, expected);
    assert.equal(live === known.live, before === expected, 'subscribers get changes only');
  });
}

const due: readonly (readonly [title: string, nextPollInMs: number, isDue: boolean])[] = [
  ['whose time has come', 0, true],
  ['in a moment', 1, false],
  ['in a day', 24 * hour, false],
  ['in four days, planned before the clock jumped,', 96 * hour, true],
];

for (const [title, nextPollInMs, isDue] of due) {
  test(`a poll ${title} is ${isDue ? 'due' : 'not due'}`, () => {
    assert.equal(isPollDue(state({ nextPollAt: now + nextPollInMs }), now), isDue);
  });
}

test('while Redis is down the next poll is in a minute', () => {
  assert.equal(inMs(postponePoll(state(), now).nextPollAt), minute);
});
