import { type Episode, episodes, type LocalTrack, localTracks, type Track } from './catalogue.ts';
import type { Playing } from './control.ts';
import { playlists } from './playlists.ts';

export type Item = Track | Episode | LocalTrack;
export type Context = { type: 'album' | 'artist' | 'playlist' | 'show'; id: string };

/** Something that plays, or is paused, from one change of state to the next. */
export type Run = {
  kind: 'items' | 'ad' | 'unknown';
  /** What plays one after another, for ever; empty for what Spotify does not name. */
  list: readonly Item[];
  /** How far along the list it was at `since`, in milliseconds. */
  positionMs: number;
  since: number;
  isPlaying: boolean;
  isPrivate: boolean;
  context: Context | null;
};

/** The list the music comes from: the first on Mara's shelf. */
const source = playlists[0];
const queue: readonly Track[] = (source?.entries ?? [])
  .map(({ what }) => what)
  .filter((what) => what?.kind === 'track');

/** How far into the podcast it starts: nobody demonstrates a podcast from its jingle. */
const episodeStartMs = 17 * 60_000;
const adMs = 30_000;

/** What plays when a listener puts something on at a moment; nothing is null. */
export function runOf(playing: Playing, at: number): Run | null {
  const paused = 'paused' in playing && playing.paused === true;
  switch (playing.kind) {
    case 'nothing':
      return null;
    case 'music':
      return { ...musicAt(at, at), isPlaying: !paused };
    case 'private':
      return { ...musicAt(at, at), isPrivate: true, context: null };
    case 'track': {
      const positionMs = startOf(queue, playing.index % queue.length) + playing.progressMs;
      return { ...musicAt(positionMs, at), isPlaying: !paused };
    }
    case 'episode':
      return { ...plain, list: episodes, positionMs: episodeStartMs, since: at, isPlaying: !paused };
    case 'local':
      return { ...plain, list: localTracks, positionMs: paused ? 60_000 : 0, since: at, isPlaying: !paused };
    case 'ad':
    case 'unknown':
      return { ...plain, kind: playing.kind, since: at };
  }
}

const plain: Run = {
  kind: 'items',
  list: [],
  positionMs: 0,
  since: 0,
  isPlaying: true,
  isPrivate: false,
  context: null,
};

export function musicAt(positionMs: number, since: number): Run {
  const context: Context | null = source ? { type: 'playlist', id: source.id } : null;
  return { ...plain, list: queue, positionMs, since, context };
}

/** Where a run is: what of its list, and how far. */
export function placeOf(
  { kind, list, positionMs, since, isPlaying }: Run,
  now: number,
): { what: Item; index: number; progressMs: number } | { what: null; index: -1; progressMs: number | null } {
  const position = positionMs + (isPlaying ? now - since : 0);
  const wholeMs = startOf(list, list.length);
  let progressMs = ((position % wholeMs) + wholeMs) % wholeMs;
  for (const [index, what] of list.entries()) {
    if (progressMs < what.durationMs) return { what, index, progressMs };
    progressMs -= what.durationMs;
  }
  return { what: null, index: -1, progressMs: kind === 'ad' ? position % adMs : null };
}

/** How far along a list its nth begins. */
export function startOf(list: readonly Item[], index: number): number {
  return list.slice(0, index).reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** The same place, from now on playing or not. */
export function halted(run: Run, at: number, isPlaying: boolean): Run {
  const positionMs = run.positionMs + (run.isPlaying ? at - run.since : 0);
  return { ...run, positionMs, since: at, isPlaying };
}

/** The item so many further, from its beginning. Where Spotify names no list, the music comes next. */
export function moved(run: Run, at: number, by: 1 | -1): Run {
  const { index } = placeOf(run, at);
  if (index < 0) return musicAt(0, at);
  const positionMs = startOf(run.list, Math.max(0, index + by));
  return { ...run, positionMs, since: at, isPlaying: true };
}
