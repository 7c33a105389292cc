import type { ApiVersions } from '../access/api-version.ts';
import type { Episode, Page, Track } from '../spotify/types.ts';
import { partsOf } from '../spotify/uri.ts';
import type { Stretch } from '../spotify/web-api.ts';

/** What a button beside a row says: the URI the row shows, and its place in the list (0 is the first) if the list may hold another URI. */
export type ShownEntry = { uri: string; place: number | null };

/** Reads a stretch of the list that the row is in. */
type Read = (stretch: Stretch) => Promise<Page<{ item: Track | Episode | null }>>;

export type Relinking = ReturnType<typeof createRelinking>;

/**
 * Pages ask for lists with a market, so that Spotify says what it plays there; it then shows another instance of some tracks, under another URI.
 * Where an app gets the classic version of the Web API, `linked_from` names the original. The one that new apps get does not say ("February 2026
 * Web API changes"), so before something is removed from a list, its place is read once more without a market.
 */
export function createRelinking({ apiVersions, market }: { apiVersions: ApiVersions; market: string }) {
  return {
    /**
     * The URI by which a list holds what a row shows; null if something else stands in its place by now. Takes no call if that is known, else
     * one, or two for a track that was relinked. Throws what `read` throws, and RedisUnavailable.
     */
    async heldUri({ uri, place }: ShownEntry, read: Read): Promise<string | null> {
      // Only tracks are relinked.
      // safeguard: skip-needless-relinking-call
      if (place === null || partsOf(uri).kind !== 'track' || (await apiVersions.expected()) === 'legacy')
        return uri;
      // safeguard: read-original-before-removing
      const held = await uriAt(place, null);
      if (held === uri) return uri;
      // Another track, or another instance of the same? Only in the second case does the row still stand there.
      // safeguard: verify-position-before-removing
      return held !== null && (await uriAt(place, market)) === uri ? held : null;

      async function uriAt(from: number, inMarket: string | null): Promise<string | null> {
        const { items } = await read({ from, limit: 1, market: inMarket });
        return items[0]?.item?.uri ?? null;
      }
    },
  };
}
