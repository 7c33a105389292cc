import { createHash } from 'node:crypto';
import type { News } from '../../live/messages.ts';
import { isOther, type Seen, shownOf } from '../../live/observation.ts';
import type { Dated, Playback } from '../../spotify/parse.ts';

/** What the card shows, on the page and live. */
export type Card = {
  playback: Playback;
  /** How far it is now, in milliseconds; null where that cannot be told. */
  progressMs: number | null;
  /** Null where it is not known whether the track is in the library. */
  saved: boolean | null;
  /** What was played before, where nothing plays; null where that is not known. */
  recent: readonly Dated[] | null;
  news: Omit<News, 'seen'>;
  seenAt: number;
};

/** The card as it is at `now`, in milliseconds since 1970. */
export function cardOf(
  { playback, at, saved }: Seen,
  news: Card['news'],
  recent: Card['recent'],
  now: number,
): Card {
  return { playback, progressMs: progressAt(now, playback, at), saved, recent, news, seenAt: at };
}

function progressAt(now: number, playback: Playback, seenAt: number): number | null {
  if (playback.state === 'nothing' || playback.progressMs === null) return null;
  const since = playback.state === 'playing' ? now - seenAt : 0;
  const end = playback.item?.durationMs ?? Number.POSITIVE_INFINITY;
  return Math.min(playback.progressMs + since, end);
}

/** The few numbers that the progress bar needs, and the title of the page. */
export function numbers({ playback, progressMs }: Card) {
  const item = playback.state === 'nothing' ? null : playback.item;
  return {
    what: item?.name ?? null,
    by:
      item === null
        ? null
        : item.kind === 'track'
          ? (item.artists[0]?.name ?? null)
          : (item.show?.name ?? item.authors[0]?.name ?? null),
    uri: item?.uri ?? null,
    playing: playback.state === 'playing',
    progressMs,
    durationMs: item?.durationMs ?? null,
  };
}

/** A short name for what the card shows, the same for as long as only the progress moves on. */
export function versionOf({ playback, saved, recent, news }: Card): string {
  const shown = JSON.stringify([shownOf(playback), saved, recent, notesOf(news)]);
  return createHash('sha256').update(shown).digest('base64url').slice(0, 12);
}

/** Whether a card made from `after` shows something else than one made from `before`. */
export function hasChanged(before: News, after: News): boolean {
  if (notesOf(before) !== notesOf(after) || before.seen?.saved !== after.seen?.saved) return true;
  return after.seen !== null && (before.seen === null || isOther(before.seen, after.seen));
}

function notesOf({ waitingUntil, quota, silent, sparingUntil, stalled }: Omit<News, 'seen'>): string {
  return JSON.stringify([waitingUntil, quota, silent, sparingUntil, stalled]);
}
