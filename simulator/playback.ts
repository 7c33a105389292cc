import { type Episode, episodes, type LocalTrack, localTracks, type Track } from './catalog.ts';
import { playlists } from './playlists.ts';
import type { Random } from './random.ts';
import type { Playing } from './types.ts';

export type Item = Track | Episode | LocalTrack;
export type Repeat = 'off' | 'context' | 'track';
export type Context = { type: 'album' | 'artist' | 'playlist' | 'show'; id: string };

/** The music that a player plays, or has paused, since its last change of state. The current item follows from this and the time. */
export type Playback = {
  kind: 'items' | 'ad' | 'unknown';
  /** Played in this order, over and over. Empty for kinds that Spotify doesn't name. */
  list: readonly Item[];
  /** The position in the whole list at `since`, in milliseconds. */
  positionMs: number;
  since: number;
  isPlaying: boolean;
  isPrivate: boolean;
  context: Context | null;
  /** At the end: stop, start the list over, or start the item over. */
  repeat: Repeat;
  /** The list in its own order while it is shuffled, otherwise null. */
  unshuffled: readonly Item[] | null;
  /** The place in the list of the items that were added to the queue. They play once and then leave it. Null if there are none. */
  queued: { from: number; count: number } | null;
};

/** The music comes from Mara's first playlist. */
const source = playlists[0];
const musicTracks: readonly Track[] = (source?.entries ?? [])
  .map(({ item }) => item)
  .filter((item) => item?.kind === 'track');

/** A podcast starts in the middle, past its introduction. */
const episodeStartMs = 17 * 60_000;
const adMs = 30_000;

/** Returns the playback of a player that starts to play this at the given time, or null for nothing. */
export function startPlayback(playing: Playing, at: number): Playback | null {
  const isPlaying = !('paused' in playing && playing.paused === true);
  switch (playing.kind) {
    case 'nothing':
      return null;
    case 'music':
      return { ...musicAt(at, at), isPlaying };
    case 'private':
      return { ...musicAt(at, at), isPrivate: true, context: null };
    case 'track': {
      const positionMs = startOf(musicTracks, playing.index % musicTracks.length) + playing.progressMs;
      return { ...musicAt(positionMs, at), isPlaying };
    }
    case 'episode':
      return { ...defaults, list: episodes, positionMs: episodeStartMs, since: at, isPlaying };
    case 'local':
      return { ...defaults, list: localTracks, positionMs: isPlaying ? 0 : 60_000, since: at, isPlaying };
    case 'ad':
    case 'unknown':
      return { ...defaults, kind: playing.kind, since: at };
  }
}

const defaults: Playback = {
  kind: 'items',
  list: [],
  positionMs: 0,
  since: 0,
  isPlaying: true,
  isPrivate: false,
  context: null,
  repeat: 'context',
  unshuffled: null,
  queued: null,
};

/** Returns the music, playing. `positionMs` is the position in the whole list at `since`, which is in milliseconds since the epoch. */
export function musicAt(positionMs: number, since: number): Playback {
  const context: Context | null = source ? { type: 'playlist', id: source.id } : null;
  return { ...defaults, list: musicTracks, positionMs, since, context };
}

/** Returns the item that is current at a time, with its index in the list and its progress. */
export function currentItem(
  playback: Playback,
  now: number,
): { item: Item; index: number; progressMs: number } | { item: null; index: -1; progressMs: number | null } {
  const round = currentRound(playback, now);
  const { kind, list } = round;
  const position = isOver(playback, now) ? 0 : positionAt(round, now);
  const totalMs = startOf(list, list.length);
  let progressMs = ((position % totalMs) + totalMs) % totalMs;
  for (const [index, item] of list.entries()) {
    if (progressMs < item.durationMs) return { item, index, progressMs };
    progressMs -= item.durationMs;
  }
  return { item: null, index: -1, progressMs: kind === 'ad' ? position % adMs : null };
}

/** Returns the playback without the items that were added to the queue, once its list has started over: they play once. */
export function currentRound(playback: Playback, now: number): Playback {
  return positionAt(playback, now) < startOf(playback.list, playback.list.length)
    ? playback
    : withoutQueue(playback);
}

function withoutQueue(playback: Playback): Playback {
  const { list, queued, positionMs } = playback;
  if (queued === null) return playback;
  const queuedMs = startOf(list, queued.from + queued.count) - startOf(list, queued.from);
  const rest = list.toSpliced(queued.from, queued.count);
  return { ...playback, list: rest, positionMs: positionMs - queuedMs, queued: null };
}

/** Returns the position in the whole list, in milliseconds. It goes on past the end of a list that is repeated. */
function positionAt({ list, positionMs, since, isPlaying, repeat }: Playback, now: number): number {
  const position = positionMs + (isPlaying ? now - since : 0);
  const totalMs = startOf(list, list.length);
  if (repeat !== 'track' || totalMs === 0) return position;
  const index = list.findIndex((_, one) => positionMs % totalMs < startOf(list, one + 1));
  const start = startOf(list, index);
  return start + ((position - start) % (list[index]?.durationMs ?? 1));
}

/** Whether the list has ended and isn't repeated: the player then stops at its beginning. */
export function isOver(playback: Playback, now: number): boolean {
  const totalMs = startOf(playback.list, playback.list.length);
  return playback.repeat === 'off' && totalMs > 0 && positionAt(playback, now) >= totalMs;
}

/** Returns the playback as of a time, with its position within the list: to change the list, or how it is repeated. */
export function settle(before: Playback, at: number): Playback {
  const { list, queued } = before;
  const isPlayed = queued !== null && positionAt(before, at) >= startOf(list, queued.from + queued.count);
  const playback = isPlayed ? withoutQueue(before) : before;
  const { index, progressMs } = currentItem(playback, at);
  const isPlaying = playback.isPlaying && !isOver(playback, at);
  const positionMs = index < 0 ? positionAt(playback, at) : startOf(playback.list, index) + (progressMs ?? 0);
  return { ...playback, positionMs, since: at, isPlaying };
}

/** Returns the playback at a position within its current item; past its end, at the beginning of the next one. */
export function seek(playback: Playback, at: number, toMs: number): Playback {
  const { index, item } = currentItem(playback, at);
  if (index < 0) return playback;
  const positionMs = startOf(playback.list, index) + Math.min(toMs, item?.durationMs ?? 0);
  return { ...playback, positionMs, since: at };
}

/** Returns the playback with what follows the current item in random order, or in its own again. */
export function setShuffled(playback: Playback, at: number, isOn: boolean, random: Random): Playback {
  const { list, unshuffled } = playback;
  const { index, item, progressMs } = currentItem(playback, at);
  if (isOn === (unshuffled !== null) || item === null) return playback;
  const next = isOn ? shuffledFrom(list, index, random) : (unshuffled ?? list);
  const positionMs = startOf(next, next.indexOf(item)) + progressMs;
  return { ...playback, list: next, unshuffled: isOn ? list : null, positionMs, since: at, queued: null };
}

/**
 * Returns the order in which a list plays from an index on. `random` is null while shuffle is off; then no index means the first item. While shuffle is
 * on, and it stays on when another list is played, it means a random one.
 */
export function orderFrom(list: readonly Item[], index: number | null, random: Random | null) {
  if (random === null) return { list, index: index ?? 0, unshuffled: null };
  const first = index ?? random.between(0, list.length - 1);
  return { list: shuffledFrom(list, first, random), index: 0, unshuffled: list };
}

/** The item at an index, and then the others in random order. */
function shuffledFrom(list: readonly Item[], index: number, random: Random): Item[] {
  const others = list.filter((_, one) => one !== index);
  return [...list.slice(index, index + 1), ...random.shuffle(others)];
}

/** Returns the playback with an item after the current one, and after those that were added before. */
export function addToQueue(playback: Playback, at: number, item: Item): Playback {
  const settled = settle(playback, at);
  const { from, count } = settled.queued ?? { from: currentItem(settled, at).index + 1, count: 0 };
  const list = settled.list.toSpliced(from + count, 0, item);
  return { ...settled, list, queued: { from, count: count + 1 } };
}

/** How many items Spotify lists as the queue, starting over at the end of the list (GitHub: aome510/spotify-player#178). */
const queueLength = 20;

export function upNext(playback: Playback, at: number): Item[] {
  const { list, queued } = currentRound(playback, at);
  const { index } = currentItem(playback, at);
  if (index < 0) return [];
  const following = list.slice(index + 1);
  const cycle = queued === null ? list : list.toSpliced(queued.from, queued.count);
  while (following.length < queueLength && cycle.length > 0) following.push(...cycle);
  return following.slice(0, queueLength);
}

/** Returns the position in a list, in milliseconds, at which the item with this index starts. */
export function startOf(list: readonly Item[], index: number): number {
  return list.slice(0, index).reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** Returns the playback paused or resumed at a time, at the same position. */
export function setPlaying(playback: Playback, at: number, isPlaying: boolean): Playback {
  const positionMs = playback.positionMs + (playback.isPlaying ? at - playback.since : 0);
  return { ...playback, positionMs, since: at, isPlaying };
}

/** Returns the playback at the beginning of the next or previous item. From an ad or something unknown it goes to the music. */
export function skip(playback: Playback, at: number, by: 1 | -1): Playback {
  const { index } = currentItem(playback, at);
  if (index < 0) return musicAt(0, at);
  const positionMs = startOf(playback.list, Math.max(0, index + by));
  return { ...playback, positionMs, since: at, isPlaying: true };
}
