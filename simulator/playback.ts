import { type Episode, episodes, type LocalTrack, localTracks, type Track } from './catalogue.ts';
import { playlists } from './playlists.ts';
import type { Playing } from './types.ts';

export type Item = Track | Episode | LocalTrack;
export type Context = { type: 'album' | 'artist' | 'playlist' | 'show'; id: string };

/** What a player plays, or has paused, since its last change of state. The current item follows from this and the time. */
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
};

/** Returns the music, playing. `positionMs` is the position in the whole list at `since`, which is in milliseconds since the epoch. */
export function musicAt(positionMs: number, since: number): Playback {
  const context: Context | null = source ? { type: 'playlist', id: source.id } : null;
  return { ...defaults, list: musicTracks, positionMs, since, context };
}

/** Returns the item that is current at a time, with its index in the list and its progress. */
export function currentItem(
  { kind, list, positionMs, since, isPlaying }: Playback,
  now: number,
): { item: Item; index: number; progressMs: number } | { item: null; index: -1; progressMs: number | null } {
  const position = positionMs + (isPlaying ? now - since : 0);
  const totalMs = startOf(list, list.length);
  let progressMs = ((position % totalMs) + totalMs) % totalMs;
  for (const [index, item] of list.entries()) {
    if (progressMs < item.durationMs) return { item, index, progressMs };
    progressMs -= item.durationMs;
  }
  return { item: null, index: -1, progressMs: kind === 'ad' ? position % adMs : null };
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
