import type { JobEvent } from '../../access/export-job-records.ts';
import type { ExportedEntry } from '../../spotify/exported.ts';
import { countPlaylist } from './all-playlists.ts';
import type { Summary } from './format.ts';
import { countRows, type Manifest, nothingWritten, type Source } from './source.ts';

/** Rows that are missing are known already, and are in the file's name. */
const run = { allowsGaps: () => true, onRows: () => undefined };

/**
 * Yields the lists that a job has read as sources, as if they were read from Spotify. Counts them in `summary`, unless that is null. Throws what
 * `events` throws.
 */
export async function* replay(
  events: AsyncIterable<JobEvent>,
  summary: Summary | null,
): AsyncGenerator<Source & { isOwnOrShared: boolean }> {
  const iterator = events[Symbol.asyncIterator]();
  let next = await iterator.next();
  while (!next.done) {
    if (!('list' in next.value)) throw new Error('Rows without a list');
    const { isOwnOrShared, ...list } = next.value.list;
    const manifest: Manifest = { ...list, changedSince: false, from: 0, ...nothingWritten };
    next = await iterator.next();
    yield { manifest, pages: pagesOf(manifest), isOwnOrShared };
    if (summary) countPlaylist(manifest, isOwnOrShared, summary);
  }

  async function* pagesOf(manifest: Manifest): AsyncGenerator<readonly (ExportedEntry | null)[]> {
    while (!next.done && 'rows' in next.value) {
      yield countRows(manifest, next.value.rows, run);
      next = await iterator.next();
    }
    const { readable, written, announced, missing } = manifest;
    manifest.complete = readable && written >= announced && missing === 0;
  }
}
