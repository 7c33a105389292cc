import type { Page, Playlist } from '../../spotify/types.ts';
import { playlistsPerPage } from '../../spotify/web-api.ts';
import type { Place } from './about.ts';
import type { Summary } from './formats.ts';
import { hasChanged, type Run, type Source } from './source.ts';
import { stopFor } from './stop.ts';

type Begin = {
  place: Place;
  /** The page of playlists that the place is on. */
  first: Page<Playlist>;
  /** Right when the playlists have come to their end. */
  summary: Summary;
  run: Run;
  readPage: (page: number) => Promise<Page<Playlist>>;
  open: (playlist: Playlist, at: Place) => Promise<Source>;
  /** The address of a file that goes on at this place. */
  resume: (at: Place) => string;
};

/** The playlists from a place on, one at a time; what ends a part early stands in the summary, what ends a whole file is thrown. */
export async function* everything(begin: Begin): AsyncGenerator<Source> {
  const { place, first, summary, run, readPage, open, resume } = begin;
  const last = Math.ceil(summary.announced / playlistsPerPage);
  let at = place;
  try {
    for (let { items, total } = first; ; { items, total } = await readPage(at.page)) {
      if (total !== first.total) throw hasChanged();
      for (const playlist of items.slice(at.skip)) {
        if (run.isFull()) {
          summary.stopped = { reason: 'part-full', until: null, resume: resume(at) };
          return;
        }
        const source = await open(playlist, at);
        yield source;
        summary.playlists += 1;
        // safeguard: missing-rows-in-name-file-all-playlists
        summary.missing += source.manifest.missing;
        summary.stopped = source.manifest.stopped;
        if (summary.stopped) return;
        at = { page: at.page, skip: at.skip + 1, from: 0 };
      }
      at = { page: at.page + 1, skip: 0, from: 0 };
      if (at.page > last) break;
    }
    summary.complete = summary.missing === 0;
  } catch (error) {
    if (!run.part) throw error;
    summary.stopped = stopFor(error, resume(at));
  }
}
