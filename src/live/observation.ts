import * as v from '@badrap/valita';
import { type Codec, jsonCodec, moment } from '../redis/codec.ts';
import type { Playback } from '../spotify/parse.ts';
import { amount, playbackSchema } from '../spotify/schemas.ts';

/** What Spotify last said plays. Moments are milliseconds since 1970. */
export type Seen = {
  playback: Playback;
  /** When it was heard: progress counts from here. */
  at: number;
  /** When it was asked: of two answers the one that was asked for later is true. */
  askedAt: number;
  /** Since when the same has been playing, paused or silent. */
  since: number;
  /** When a track was last seen to have begun. */
  begunAt: number;
  /** Whether it is in the library; null where nobody has asked. */
  saved: boolean | null;
  /** How many looks in a row have found it at a standstill, though it plays. */
  stillLooks: number;
  /** How long tracks last here, as far as looks have shown: smoothed, and less where they are left early. Null where nothing is known. */
  usualMs: number | null;
  /** How long after the predicted end of a track to look, so that Spotify tells of the next one. */
  lateMs: number;
};

/** How fast the usual length follows what is heard. */
const usualWeight = 1 / 8;
/** Of Spotify being late: what is supposed at first, and its bounds. A look that came too early moves it much, one in time a little back. */
const late = { first: 1_500, least: 1_000, most: 6_000, up: 500, down: 20 };
/** Progress that differs by no more is what was expected: answers take a while, and Spotify rounds. */
const slackMs = 2_500;

/** What was heard just now, with what is known of it from before. */
export function seenNow(playback: Playback, at: number, askedAt: number, before: Seen | null): Seen {
  const usualMs = lengthOf(playback);
  const seen = {
    playback,
    at,
    askedAt,
    since: at,
    begunAt: at,
    saved: null,
    stillLooks: 0,
    usualMs,
    lateMs: late.first,
  };
  if (before === null) return seen;
  return {
    ...seen,
    saved: uriOf(before) === uriOf(seen) ? before.saved : null,
    since: isOther(before, seen) ? at : before.since,
    begunAt: hasBegun(before, seen) ? at : before.begunAt,
    stillLooks: stillLooks(before, seen),
    usualMs: usualLength(before, seen),
    lateMs: lateness(before, seen),
  };
}

/** Spotify's name for what plays; null where it has none. */
export function uriOf({ playback }: Pick<Seen, 'playback'>): string | null {
  return playback.state === 'nothing' ? null : (playback.item?.uri ?? null);
}

/** How much is left of what plays or is paused, in milliseconds; null where that cannot be told. */
export function leftOf(playback: Playback): number | null {
  if (playback.state === 'nothing' || !playback.item?.durationMs || playback.progressMs === null) return null;
  return playback.item.durationMs - playback.progressMs;
}

/** When what plays will be over, in milliseconds since 1970; null where that cannot be told. */
export function endOf({ playback, at }: Seen): number | null {
  const left = playback.state === 'playing' ? leftOf(playback) : null;
  return left === null ? null : at + left;
}

/** All that is shown of a playback but how far it is, as one text. */
export function shownOf(playback: Playback): string {
  if (playback.state === 'nothing') return playback.state;
  const { state, kind, item, device, disallows } = playback;
  return JSON.stringify([state, kind, item, device, disallows]);
}

/** Whether something else is to be seen: not only the same, further on. */
export function isOther(before: Seen, after: Seen): boolean {
  const [a, b] = [before.playback, after.playback];
  if (a.state === 'nothing' || b.state === 'nothing') return a.state !== b.state;
  if (shownOf(a) !== shownOf(b)) return true;
  const expected = (a.progressMs ?? 0) + (a.state === 'playing' ? after.at - before.at : 0);
  return Math.abs((b.progressMs ?? 0) - expected) > slackMs;
}

/** Whether the track that should have been over by now is still there, at its end. */
function isOverdue(before: Seen, after: Seen): boolean {
  const [expected, end] = [endOf(before), endOf(after)];
  if (expected === null || end === null) return false;
  return expected <= after.at && end - after.at <= 1_500 && uriOf(before) === uriOf(after);
}

/** Whether a track has begun since: another one, or the same anew, by itself or because somebody went back. */
function hasBegun(before: Seen, after: Seen): boolean {
  if (uriOf(before) !== uriOf(after)) return uriOf(after) !== null;
  if (isOverdue(before, after)) return false;
  if (progressOf(after) < progressOf(before) - slackMs) return true;
  const [end, lengthMs] = [endOf(before), lengthOf(after.playback)];
  if (end === null || end > after.at || lengthMs === null) return false;
  return Math.abs(((after.at - end) % lengthMs) - progressOf(after)) <= slackMs;
}

/** A track at its end that should be over stands still, and so does one that has not moved for all that it plays. */
function stillLooks(before: Seen, after: Seen): number {
  if (before.playback.state !== 'playing' || after.playback.state !== 'playing') return 0;
  const elapsed = after.at - before.at;
  // Two looks within a moment tell nothing of it.
  if (elapsed < 1_000 && uriOf(before) === uriOf(after)) return before.stillLooks;
  const moved = progressOf(after) - progressOf(before);
  const still = lengthOf(after.playback) !== null && !hasBegun(before, after) && moved < elapsed / 20;
  // safeguard: telling-player-stands-still
  return still || isOverdue(before, after) ? before.stillLooks + 1 : 0;
}

/** Takes in how long the track before was heard, where one has begun since. */
function usualLength(before: Seen, after: Seen): number | null {
  const lengthMs = lengthOf(after.playback);
  if (lengthMs === null || !hasBegun(before, after)) return before.usualMs ?? lengthMs;
  const heardMs = Math.min(lengthMs, after.at - before.begunAt);
  // safeguard: learning-how-long-tracks-last
  return before.usualMs === null ? heardMs : before.usualMs + usualWeight * (heardMs - before.usualMs);
}

/** Learns how late Spotify is from looks just after the end of a track. */
function lateness(before: Seen, after: Seen): number {
  const { lateMs } = before;
  if (isOverdue(before, after)) {
    // safeguard: learning-how-late-spotify
    return before.stillLooks === 0 ? Math.min(late.most, lateMs + late.up) : lateMs;
  }
  const end = endOf(before);
  const inTime = end !== null && end <= after.at && after.at - end <= lateMs + slackMs;
  return inTime && hasBegun(before, after) ? Math.max(late.least, lateMs - late.down) : lateMs;
}

function progressOf({ playback }: Seen): number {
  return playback.state === 'nothing' ? 0 : (playback.progressMs ?? 0);
}

/** How long what plays or is paused takes in all; null where that cannot be told. */
export function lengthOf(playback: Playback): number | null {
  return playback.state === 'nothing' ? null : (playback.item?.durationMs ?? null);
}

/** The shape of records and messages. */
export const shape = 3;

export const seenSchema: v.Type<Seen> = v.object({
  playback: playbackSchema,
  at: moment,
  askedAt: moment,
  since: moment,
  begunAt: moment,
  saved: v.boolean().nullable(),
  stillLooks: amount.assert(Number.isSafeInteger),
  usualMs: amount.nullable(),
  lateMs: amount,
});

/** Records of what was seen, for other processes and later ones. */
export const seenCodec: Codec<Seen> = jsonCodec({ shape, bound: true, schema: seenSchema });
