import type { Slice } from '../spotify/send.ts';
import type { Episode, Page, Track } from '../spotify/types.ts';
import { partsOf } from '../spotify/uri.ts';
import type { ApiVersions } from './api-version.ts';

/** A row of a list as its button names it: the URI shown, and its position (from 0) if the list may contain another URI there. */
export type ShownEntry = { uri: string; place: number | null };

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
     * Returns the URI that the list contains for the row; null if something else is at its position by now. Makes no call if the URI is known,
     * else one, or two for a relinked track. Throws what `read` throws, and RedisUnavailable.
     */
    async originalUri({ uri, place }: ShownEntry, read: ReadSlice): Promise<string | null> {
      // Only tracks are relinked.
      // safeguard: skip-needless-relinking-call
      if (place === null || partsOf(uri).kind !== 'track' || (await apiVersions.current()) === 'legacy')
        return uri;
      // safeguard: read-original-before-removing
      const original = await uriAt(place, null);
      if (original === uri) return uri;
      // This is another track, or another instance of the same one. Only in the second case is the row still at its position.
      // safeguard: verify-position-before-removing
      return original !== null && (await uriAt(place, market)) === uri ? original : null;

      async function uriAt(from: number, inMarket: string | null): Promise<string | null> {
        const { items } = await read({ from, limit: 1, market: inMarket });
        return items[0]?.item?.uri ?? null;
      }
    },
  };
}
