import { createHash } from 'node:crypto';
import { displayKeyOf, expectedEndOf, nearEndMs, type Observation } from '../../live/observation.ts';
import { conditionKeyOf, type LiveState } from '../../live/state.ts';
import type { Image, Playback, TimestampedItem } from '../../spotify/types.ts';

/** The contents of the card, when the page loads and with each live update. */
export type Card = {
  playback: Playback;
  /** Progress at the moment of rendering, in milliseconds; null if unknown. */
  progressMs: number | null;
  /** When the item should end, in milliseconds from the moment of rendering; negative if that is past, null if unknown or not playing. */
  endsInMs: number | null;
  /** Whether it should have ended a while ago. Then it isn't shown as playing, because it probably isn't. */
  isOverdue: boolean;
  /** Whether Spotify was asked after its end, more than once, and still reports it. Polls become rare then. */
  isStuck: boolean;
  /** How long after its end it is overdue, in milliseconds. */
  overdueAfterMs: number;
  /** Whether the item is in the library; null if unknown. */
  saved: boolean | null;
  /** Recently played tracks, shown while nothing is playing; null if unknown. */
  recent: readonly TimestampedItem[] | null;
  live: Omit<LiveState, 'observation'>;
  observedAt: number;
  /** When Spotify was asked, in milliseconds since 1970. It shows whether this can be the effect of a command. */
  askedAt: number;
};

/** For this long after its expected end, an item is still shown as playing: Spotify may report the next one late. In milliseconds. */
const reportedLateMs = 10_000;
/** Polls that must find the player stuck before another one is unlikely to find the next track soon. */
const fewStuckPolls = 3;

/** The width of the cover in a bar, in pixels. */
export const barCoverSize = 48;

/** Returns the card as of `now`, which is in milliseconds since 1970. */
export function cardOf(
  observation: Observation,
  live: Card['live'],
  recent: Card['recent'],
  now: number,
): Card {
  const { playback, answeredAt, askedAt, saved } = observation;
  const progressMs = progressAt(now, playback, answeredAt);
  const endsInMs = endIn(observation, now);
  // Without updates, there is nothing to wait for.
  // safeguard: overdue-at-once-without-updates
  const overdueAfterMs = live.cooldown || live.redisDown || live.spotifyDown ? 0 : reportedLateMs;
  // safeguard: overdue-is-not-playing
  const isOverdue = endsInMs !== null && endsInMs < -overdueAfterMs;
  const isStuck = observation.stuckPolls > fewStuckPolls;
  const shown = { progressMs, endsInMs, isOverdue, isStuck, overdueAfterMs };
  return { playback, ...shown, saved, recent, live, observedAt: answeredAt, askedAt };
}

/** A player that is stuck at the end of a track should have ended it before Spotify was asked. */
function endIn(observation: Observation, now: number): number | null {
  const end = expectedEndOf(observation);
  if (end === null) return null;
  const isStuckAtEnd = observation.stuckPolls > 0 && end - observation.answeredAt <= nearEndMs;
  // safeguard: stuck-is-not-playing
  return isStuckAtEnd ? -reportedLateMs - 1 : end - now;
}

function progressAt(now: number, playback: Playback, observedAt: number): number | null {
  if (playback.state === 'nothing' || playback.progressMs === null) return null;
  const elapsedMs = playback.state === 'playing' ? now - observedAt : 0;
  const durationMs = playback.item?.durationMs ?? Number.POSITIVE_INFINITY;
  return Math.min(playback.progressMs + elapsedMs, durationMs);
}

/** Returns what the scripts need for the progress bar, the controls, the page title and announcements. Null where unknown. */
export function playerData({ playback, progressMs, endsInMs, askedAt, saved }: Card) {
  const item = playback.state === 'nothing' ? null : playback.item;
  return {
    title: item?.name ?? null,
    byline: item === null ? null : bylineOf(item),
    uri: item?.uri ?? null,
    playing: playback.state === 'playing',
    progressMs,
    durationMs: item?.durationMs ?? null,
    endsInMs,
    askedAt,
    saved,
    shuffle: playback.state === 'nothing' ? null : playback.shuffle,
    repeat: playback.state === 'nothing' ? null : playback.repeat,
    context: playback.state === 'nothing' ? null : playback.context,
    volume: playback.state === 'nothing' ? null : (playback.device?.volumePercent ?? null),
  };
}

export function coversOf({ playback }: Pick<Card, 'playback'>): readonly Image[] {
  return playback.state === 'nothing' ? [] : (playback.item?.covers ?? []);
}

function bylineOf(item: NonNullable<Exclude<Playback, { state: 'nothing' }>['item']>): string | null {
  if (item.kind === 'track') return item.artists[0]?.name ?? null;
  return item.show?.name ?? item.authors[0]?.name ?? null;
}

/** A short hash that stays the same for as long as nothing but the progress of a card changes. */
export function versionOf({ playback, isStuck, saved, recent, live, observedAt }: Card): string {
  const shownAt = live.throttledUntil === null ? null : observedAt;
  const content = JSON.stringify([
    displayKeyOf(playback),
    isStuck,
    saved,
    recent,
    conditionKeyOf(live),
    shownAt,
  ]);
  return createHash('sha256').update(content).digest('base64url').slice(0, 12);
}
