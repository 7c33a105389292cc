import { entriesPerPage } from '../spotify/limits.ts';
import type { Slice } from '../spotify/send.ts';
import type { Episode, Page, Track } from '../spotify/types.ts';
import { partsOf } from '../spotify/uri.ts';
import type { ApiVersions } from './api-version.ts';

/** A row of a list as its button names it: the URI shown, and its position (from 0) if the list may contain another URI there. */
export type ShownEntry = { uri: string; position: number | null };

/** Reads a slice of the list that the row is in. */
type ReadSlice = (slice: Slice) => Promise<Page<{ item: Track | Episode | null }>>;

type Deps = { apiVersions: ApiVersions; market: string };

/**
 * Pages request lists with a market, so that Spotify says what is playable there. For some tracks it then shows another instance, with another
 * URI. Legacy apps get the URI of the original in `linked_from`; new apps don't ("February 2026 Web API changes"), so before something is removed
 * from a list, its position is read once more without a market.
 */
export function createRelinking({ apiVersions, market }: Deps) {
  return {
    /**
     * Returns the URI that the list contains for each of these rows; null if something else is at its position by now. Makes no call if the URIs
     * are known, else one for rows that are less than a page apart, and one more if one of them is relinked. Throws what `read` throws, and
     * RedisUnavailable.
     */
    async originalUris(entries: readonly ShownEntry[], read: ReadSlice): Promise<(string | null)[]> {
      // Only tracks are relinked.
      const tracks = entries.filter(
        ({ uri, position }) => position !== null && partsOf(uri).kind === 'track',
      );
      // safeguard: skip-needless-relinking-call
      const unknown = tracks.length > 0 && (await apiVersions.current()) !== 'legacy' ? tracks : [];
      // safeguard: read-original-before-removing
      const originals = await urisAt(unknown, null);
      const relinked = unknown.filter(({ uri, position }) => (originals.get(position) ?? uri) !== uri);
      const shown = await urisAt(relinked, market);
      return entries.map(({ uri, position }) => {
        const original = originals.get(position);
        if (original === undefined || original === uri) return uri;
        // This is another track, or another instance of the same one. Only in the second case is the row still at its position.
        // safeguard: verify-position-before-removing
        return shown.get(position) === uri ? original : null;
      });

      /** Returns what is at the positions of these rows, by position. */
      async function urisAt(rows: readonly ShownEntry[], inMarket: string | null) {
        const found = new Map<number | null, string | null>();
        const positions = rows.flatMap(({ position }) => position ?? []).sort((a, b) => a - b);
        for (const from of positions) {
          if (found.has(from)) continue;
          // safeguard: read-rows-together
          const last = Math.max(...positions.filter((position) => position < from + entriesPerPage));
          const { items } = await read({ from, limit: last - from + 1, market: inMarket });
          for (let position = from; position <= last; position += 1)
            found.set(position, items[position - from]?.item?.uri ?? null);
        }
        return found;
      }
    },
  };
}
