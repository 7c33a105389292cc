import { CoolDown, GrantLost } from '../../access/errors.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import type { Entry, Page } from '../../spotify/answers.ts';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import { entriesPerPage } from '../../spotify/web-api.ts';

/** Why a file ends before its time, and where to go on. */
export type Stop = {
  reason: 'cool-down' | 'spotify-unavailable' | 'sign-in-ended' | 'sessions-unavailable';
  /** When Spotify may be asked again, in ISO 8601, where that is known. */
  until: string | null;
  /** The address that gives the rest. */
  resume: string;
};

/** What a file says at its end about a playlist in it. */
export type Manifest = {
  id: string | null;
  name: string | null;
  /** As of the version that the file was made from. */
  snapshotId: string | null;
  /** Whether it is another version than the one that the part before was made from. */
  changedSince: boolean;
  /** False for a playlist of somebody else's: Spotify does not tell what is in it. */
  readable: boolean;
  /** How many rows Spotify announced, where this file begins (0 is the start), and how many it holds. */
  announced: number;
  from: number;
  written: number;
  tracks: number;
  episodes: number;
  /** Chapters of audiobooks, and audiobooks. */
  chapters: number;
  /** Files of the listener's own. */
  local: number;
  /** Places that hold nothing any more. */
  gone: number;
  complete: boolean;
  stopped: Stop | null;
};

/** A playlist on its way into a file: read the pages to their end, then the manifest is right. */
export type Source = { manifest: Manifest; pages: AsyncIterable<readonly Entry[]> };

/** Asks for the entries from this place on; null where Spotify does not tell them. */
export type Load = (from: number) => Promise<Page<Entry> | null>;

type Begin = {
  playlist: { id: string | null; name: string | null; count: number | null; snapshotId: string | null };
  from: number;
  /** The snapshot that the part before was made from; null for a file from the start. */
  known: string | null;
  load: Load;
  /** The address of a file that goes on at this place. */
  resume: (from: number) => string;
};

/** How many pages of a playlist are on their way at once. */
const width = 4;

/** Begins with a playlist: asks for its first page, and throws what that throws. */
export async function openSource({ playlist, from, known, load, resume }: Begin): Promise<Source> {
  const first = await load(from);
  const { id, name, snapshotId, count } = playlist;
  const manifest: Manifest = {
    id,
    name,
    snapshotId,
    changedSince: known !== null && known !== snapshotId,
    readable: first !== null,
    announced: first?.total ?? count ?? 0,
    from,
    ...{ written: 0, tracks: 0, episodes: 0, chapters: 0, local: 0, gone: 0 },
    complete: false,
    stopped: null,
  };

  async function* pages(): AsyncGenerator<readonly Entry[]> {
    if (first === null) return;
    const more = Math.max(0, Math.ceil((manifest.announced - from) / entriesPerPage) - 1);
    try {
      yield counted(manifest, first.items);
      const rest = inOrder(more, (index) => load(from + (index + 1) * entriesPerPage));
      for await (const page of rest) yield counted(manifest, page?.items ?? []);
      manifest.complete = manifest.from + manifest.written >= manifest.announced;
    } catch (error) {
      manifest.stopped = stopFor(error, resume(from + manifest.written));
    }
  }
  return { manifest, pages: pages() };
}

/** The reason in a file for what went wrong, for as far as it is foreseen. Throws everything else. */
export function stopFor(error: unknown, resume: string): Stop {
  if (error instanceof CoolDown) {
    return { reason: 'cool-down', until: new Date(error.until).toISOString(), resume };
  }
  const reason =
    error instanceof SpotifyUnavailable
      ? 'spotify-unavailable'
      : error instanceof GrantLost
        ? 'sign-in-ended'
        : error instanceof RedisUnavailable
          ? 'sessions-unavailable'
          : null;
  if (reason === null) throw error;
  return { reason, until: null, resume };
}

function counted(manifest: Manifest, entries: readonly Entry[]): readonly Entry[] {
  for (const { item } of entries) {
    manifest.written += 1;
    if (item === null) manifest.gone += 1;
    else if (item.kind === 'episode') manifest.episodes += 1;
    else if (item.kind !== 'track') manifest.chapters += 1;
    else if (item.local) manifest.local += 1;
    else manifest.tracks += 1;
  }
  return entries;
}

/** The results of `load` for 0 to `count - 1` in their order, a few of them under way at a time and never more. */
async function* inOrder<T>(count: number, load: (index: number) => Promise<T>): AsyncGenerator<T> {
  const underWay: Promise<T>[] = [];
  try {
    for (let index = 0; index < count || underWay.length > 0; ) {
      while (underWay.length < width && index < count) {
        const next = load(index);
        // Its turn to fail comes when it is waited for; without this Node would end the process sooner.
        next.catch(() => undefined);
        underWay.push(next);
        index += 1;
      }
      yield (await underWay.shift()) as T;
    }
  } finally {
    // A file that has ended early leaves no calls behind.
    await Promise.allSettled(underWay);
  }
}
