import * as v from '@badrap/valita';
import { type Codec, jsonCodec, timestamp } from '../redis/codec.ts';
import type { Playback } from '../spotify/parse.ts';
import { amount, playbackSchema } from '../spotify/schemas.ts';

/** Spotify's latest answer about a listener's player, with what earlier answers add to it. Times are milliseconds since 1970. */
export type Observation = {
  playback: Playback;
  /** When the answer arrived. Progress counts from here. */
  answeredAt: number;
  /** When the request was sent. Of two observations, the one with the later request is the newer. */
  askedAt: number;
  /** Since when the same item has been playing or paused, or nothing has been playing. */
  since: number;
  /** Whether the item is in the listener's library; null if unknown. */
  saved: boolean | null;
  /** How many polls in a row found the player stuck: it reports that it is playing, but does not advance. */
  stuckPolls: number;
  /** Reporting lag: how long after the expected end of a track to poll, so that Spotify already reports the next one. */
  reportingLagMs: number;
};

/** When a request was sent and when its answer arrived, in milliseconds since 1970. */
export type RequestTimes = Pick<Observation, 'askedAt' | 'answeredAt'>;

/** The reporting lag: first guess, bounds and steps. A poll that was too early raises it a lot; one that was in time lowers it a little. */
const lag = { first: 1_500, min: 1_000, max: 6_000, up: 500, down: 20 };
/** Progress within this of the expected value counts as expected: responses take time, and Spotify rounds. */
const toleranceMs = 2_500;
/** An item with at most this much left is at its end. In milliseconds. */
export const nearEndMs = 1_500;

/** Returns Spotify's answer as an observation, with what the observation before it adds. */
export function observe(
  playback: Playback,
  { askedAt, answeredAt }: RequestTimes,
  before: Observation | null,
): Observation {
  const after: Observation = {
    playback,
    answeredAt,
    askedAt,
    since: answeredAt,
    saved: null,
    stuckPolls: 0,
    reportingLagMs: lag.first,
  };
  if (before === null) return after;
  return {
    ...after,
    saved: uriOf(before) === uriOf(after) ? before.saved : null,
    since: hasPlaybackChanged(before, after) ? answeredAt : before.since,
    stuckPolls: countStuckPolls(before, after),
    reportingLagMs: adjustReportingLag(before, after),
  };
}

/** The Spotify URI of the current item; null if it has none. */
export function uriOf({ playback }: Pick<Observation, 'playback'>): string | null {
  return playback.state === 'nothing' ? null : (playback.item?.uri ?? null);
}

/** The duration of the current item in milliseconds; null if unknown. */
export function durationOf(playback: Playback): number | null {
  return playback.state === 'nothing' ? null : (playback.item?.durationMs ?? null);
}

/** How much of the current item remains, in milliseconds; null if unknown. */
export function remainingOf(playback: Playback): number | null {
  if (playback.state === 'nothing' || !playback.item?.durationMs || playback.progressMs === null) return null;
  return playback.item.durationMs - playback.progressMs;
}

/** When the current item will end, in milliseconds since 1970; null if it is not playing or its end is unknown. */
export function expectedEndOf({ playback, answeredAt }: Observation): number | null {
  const remainingMs = playback.state === 'playing' ? remainingOf(playback) : null;
  return remainingMs === null ? null : answeredAt + remainingMs;
}

/** Everything that is displayed of a playback except its progress, as one string to compare. */
export function displayKeyOf(playback: Playback): string {
  if (playback.state === 'nothing') return playback.state;
  const { state, kind, item, device, disallows, shuffle, repeat, context } = playback;
  return JSON.stringify([state, kind, item, device, disallows, shuffle, repeat, context]);
}

/** Whether the display has to change, other than by the expected progress. */
export function hasPlaybackChanged(before: Observation, after: Observation): boolean {
  const [a, b] = [before.playback, after.playback];
  if (a.state === 'nothing' || b.state === 'nothing') return a.state !== b.state;
  if (displayKeyOf(a) !== displayKeyOf(b)) return true;
  const elapsedMs = a.state === 'playing' ? after.answeredAt - before.answeredAt : 0;
  return Math.abs(progressOf(after) - (progressOf(before) + elapsedMs)) > toleranceMs;
}

/** Whether Spotify still reports a track, at its end, that should be over by now. */
function isOverdue(before: Observation, after: Observation): boolean {
  const [expected, end] = [expectedEndOf(before), expectedEndOf(after)];
  if (expected === null || end === null) return false;
  const isAtItsEnd = end - after.answeredAt <= nearEndMs;
  return expected <= after.answeredAt && isAtItsEnd && uriOf(before) === uriOf(after);
}

/** Whether a track has started between the two: another one, or the same one again, by itself or because the listener went back. */
function hasTrackStarted(before: Observation, after: Observation): boolean {
  if (uriOf(before) !== uriOf(after)) return uriOf(after) !== null;
  if (isOverdue(before, after)) return false;
  if (progressOf(after) < progressOf(before) - toleranceMs) return true;
  const [end, durationMs] = [expectedEndOf(before), durationOf(after.playback)];
  if (end === null || end > after.answeredAt || durationMs === null) return false;
  return Math.abs(((after.answeredAt - end) % durationMs) - progressOf(after)) <= toleranceMs;
}

/** A player is stuck if its track is overdue, or if it reports that it is playing and its progress has not advanced. */
function countStuckPolls(before: Observation, after: Observation): number {
  if (before.playback.state !== 'playing' || after.playback.state !== 'playing') return 0;
  const elapsedMs = after.answeredAt - before.answeredAt;
  // Two polls within a second are too close to tell.
  if (elapsedMs < 1_000 && uriOf(before) === uriOf(after)) return before.stuckPolls;
  const advancedMs = progressOf(after) - progressOf(before);
  const isStuck =
    durationOf(after.playback) !== null && !hasTrackStarted(before, after) && advancedMs < elapsedMs / 20;
  // safeguard: detect-stuck-player
  return isStuck || isOverdue(before, after) ? before.stuckPolls + 1 : 0;
}

/** Learns the reporting lag from polls just after the expected end of a track. */
function adjustReportingLag(before: Observation, after: Observation): number {
  const { reportingLagMs } = before;
  if (isOverdue(before, after)) {
    // safeguard: learn-reporting-lag
    return before.stuckPolls === 0 ? Math.min(lag.max, reportingLagMs + lag.up) : reportingLagMs;
  }
  const end = expectedEndOf(before);
  const isJustAfterEnd =
    end !== null && end <= after.answeredAt && after.answeredAt - end <= reportingLagMs + toleranceMs;
  return isJustAfterEnd && hasTrackStarted(before, after)
    ? Math.max(lag.min, reportingLagMs - lag.down)
    : reportingLagMs;
}

function progressOf({ playback }: Observation): number {
  return playback.state === 'nothing' ? 0 : (playback.progressMs ?? 0);
}

/** The shape of records and messages that contain an observation. */
export const observationShape = 6;

export const observationSchema: v.Type<Observation> = v.object({
  playback: playbackSchema,
  answeredAt: timestamp,
  askedAt: timestamp,
  since: timestamp,
  saved: v.boolean().nullable(),
  stuckPolls: amount.assert(Number.isSafeInteger),
  reportingLagMs: amount,
});

/** Stores the latest observation for other processes, and for this one after a restart. */
export const observationCodec: Codec<Observation> = jsonCodec({
  shape: observationShape,
  bound: true,
  schema: observationSchema,
});
