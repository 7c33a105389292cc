import { type Episode, episodes, type LocalTrack, localTracks, type Track } from './catalogue.ts';
import type { Playing } from './control.ts';
import { listeners } from './listeners.ts';
import { type Playlist, playlists } from './playlists.ts';

/** What a player shows at one moment. */
export type Moment =
  | { kind: 'nothing' }
  | {
      kind: 'track' | 'episode' | 'ad' | 'unknown';
      what: Track | Episode | LocalTrack | null;
      progressMs: number | null;
      /** When this began or was paused: Spotify's "last change of state", in ms since the epoch. */
      changedAt: number;
      isPlaying: boolean;
      isPrivate: boolean;
      context: Playlist | null;
    };

/** The list the music comes from: the first on Mara's shelf. */
const source = playlists[0] ?? null;
const queue: readonly Track[] = (source?.entries ?? [])
  .map(({ what }) => what)
  .filter((what) => what?.kind === 'track');
const queueMs = queue.reduce((sum, track) => sum + track.durationMs, 0);

/** How far into the podcast it starts: nobody demonstrates a podcast from its jingle. */
const episodeStartMs = 17 * 60_000;

export type Players = {
  plays(listenerId: string, what: Playing): void;
  at(listenerId: string): Moment;
};

/** Everybody's player. `now` gives milliseconds since the epoch. */
export function createPlayers(now: () => number): Players {
  const set = new Map(listeners.map(({ id, startsWith }) => [id, { what: startsWith, at: now() }]));
  return {
    plays(listenerId, what) {
      if (!set.has(listenerId)) throw new Error(`No such listener: ${listenerId}`);
      set.set(listenerId, { what, at: now() });
    },
    at(listenerId) {
      const known = set.get(listenerId);
      return known ? momentOf(known.what, known.at, now()) : { kind: 'nothing' };
    },
  };
}

/** What shows at `now` on a player that was set to `playing` at `since`; both in ms since the epoch. */
export function momentOf(playing: Playing, since: number, now: number): Moment {
  switch (playing.kind) {
    case 'nothing':
      return { kind: 'nothing' };
    case 'music':
      return music(playing.paused ? since : now, playing.paused === true, since, now);
    case 'private': {
      const moment = music(now, false, since, now);
      return moment.kind === 'nothing' ? moment : { ...moment, isPrivate: true, context: null };
    }
    case 'track': {
      const before = queue.slice(0, playing.index % queue.length);
      const start = before.reduce((sum, track) => sum + track.durationMs, playing.progressMs);
      return music(start + (playing.paused ? 0 : now - since), playing.paused === true, since, now);
    }
    case 'episode': {
      const what = episodes[0] ?? null;
      const progressMs = (episodeStartMs + (playing.paused ? 0 : now - since)) % (what?.durationMs ?? 1);
      return moment({ kind: 'episode', what, progressMs, changedAt: since, isPlaying: !playing.paused });
    }
    case 'local': {
      const what = localTracks[0] ?? null;
      const progressMs = (playing.paused ? 60_000 : now - since) % (what?.durationMs ?? 1);
      return moment({ kind: 'track', what, progressMs, changedAt: since, isPlaying: !playing.paused });
    }
    case 'ad':
      return moment({ kind: 'ad', progressMs: (now - since) % 30_000, changedAt: since });
    case 'unknown':
      return moment({ kind: 'unknown', changedAt: since });
  }
}

type Running = Exclude<Moment, { kind: 'nothing' }>;

function moment(known: Partial<Running> & Pick<Running, 'kind' | 'changedAt'>): Moment {
  return {
    what: null,
    progressMs: null,
    isPlaying: true,
    isPrivate: false,
    context: null,
    ...known,
  };
}

/** The queue goes round for ever; `position` is any number of milliseconds along it. */
function music(position: number, paused: boolean, since: number, now: number): Moment {
  let progressMs = ((position % queueMs) + queueMs) % queueMs;
  const what = queue.find((track) => {
    if (progressMs < track.durationMs) return true;
    progressMs -= track.durationMs;
    return false;
  });
  return moment({
    kind: 'track',
    what: what ?? null,
    progressMs,
    changedAt: paused ? since : now - progressMs,
    isPlaying: !paused,
    context: source,
  });
}
