import type { Playback } from '../spotify/answers.ts';

/** What Spotify last said plays. Moments are milliseconds since 1970. */
export type Seen = {
  playback: Playback;
  /** When it was heard: progress counts from here. */
  at: number;
  /** When it was asked: of two answers the one that was asked for later is true. */
  askedAt: number;
  /** Since when the same has been playing, paused or silent. */
  since: number;
  /** Whether it is in the library; null where nobody has asked. */
  saved: boolean | null;
};

/** What was heard just now, with what is known of it from before. */
export function seenNow(playback: Playback, at: number, askedAt: number, before: Seen | null): Seen {
  const seen = { playback, at, askedAt, since: at, saved: null };
  if (before === null) return seen;
  const saved = uriOf(before) === uriOf(seen) ? before.saved : null;
  return { ...seen, saved, since: isOther(before, seen) ? at : before.since };
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

/** Whether something else is to be seen: not only the same, further on. */
export function isOther(before: Seen, after: Seen): boolean {
  const [a, b] = [before.playback, after.playback];
  if (a.state === 'nothing' || b.state === 'nothing') return a.state !== b.state;
  const facts = ({ state, kind, item, device, disallows }: typeof a) =>
    JSON.stringify([state, kind, item, device, disallows]);
  if (facts(a) !== facts(b)) return true;
  const expected = (a.progressMs ?? 0) + (a.state === 'playing' ? after.at - before.at : 0);
  return Math.abs((b.progressMs ?? 0) - expected) > 2_500;
}

/** Whether the track that should have been over by now is still there, at its end. */
export function isOverdue(before: Seen, after: Seen): boolean {
  const [expected, end] = [endOf(before), endOf(after)];
  if (expected === null || end === null) return false;
  return expected <= after.at && end - after.at <= 1_500 && uriOf(before) === uriOf(after);
}

/** The shape of records and messages: those of another version of this program are not read. */
export const shape = 1;

/** A record of what was seen, for other processes and later ones. */
export function recordOf(seen: Seen): string {
  return JSON.stringify({ shape, ...seen });
}

/** Reads {@link recordOf}; null for anything else. */
export function seenIn(record: string | null): Seen | null {
  try {
    const { shape: its, ...seen } = JSON.parse(record ?? 'null') as Seen & { shape: number };
    return its === shape ? seen : null;
  } catch {
    return null;
  }
}
