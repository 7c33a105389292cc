import type { JobEvent } from '../../access/export-job-records.ts';
import type { ExportedEntry } from '../../spotify/exported.ts';
import { countPlaylist } from './all-playlists.ts';
import type { Summary } from './format.ts';
import { countRows, type Manifest, nothingWritten, type Source } from './source.ts';
import type { Stop } from './stop.ts';

type Options = {
  /** Counts the lists, if given. */
  summary?: Summary;
  /** Why nothing was read after these events; null if they are all there is. */
  stop?: Stop | null;
  /** Whether the last list was read to its end before that. */
  isLastWhole?: boolean;
  /** The manifests of the lists, from an earlier replay. */
  manifests?: readonly Manifest[];
};

/** Rows that are missing are known already, and are in the file's name. */
const run = { allowsGaps: () => true, onRows: () => undefined };

/** Yields the lists that a job has read as sources, as if they were read from Spotify. Throws what `events` throws. */
export async function* replay(
  events: AsyncIterable<JobEvent>,
  { summary, stop = null, isLastWhole = false, manifests = [] }: Options,
): AsyncGenerator<Source & { isOwnOrShared: boolean }> {
  const iterator = events[Symbol.asyncIterator]();
  let next = await iterator.next();
  for (let index = 0; !next.done; index += 1) {
    if (!('list' in next.value)) throw new Error('Rows without a list');
    const { isOwnOrShared, ...list } = next.value.list;
    const manifest: Manifest = { ...list, changedSince: false, from: 0, ...nothingWritten };
    next = await iterator.next();
    const known = manifests[index];
    yield { manifest, pages: pagesOf(manifest), isOwnOrShared, final: () => known ?? null };
    if (summary) countPlaylist(manifest, isOwnOrShared, summary);
  }
  if (summary && stop) summary.stopped = stop;

  async function* pagesOf(manifest: Manifest): AsyncGenerator<readonly (ExportedEntry | null)[]> {
    while (!next.done && 'rows' in next.value) {
      yield countRows(manifest, next.value.rows, run);
      next = await iterator.next();
    }
    const { readable, written, announced, missing } = manifest;
    // The last list may be only a part, and whether it has changed since is unknown.
    if (next.done && !isLastWhole) manifest.stopped = stop;
    manifest.complete = manifest.stopped === null && readable && written >= announced && missing === 0;
  }
}
