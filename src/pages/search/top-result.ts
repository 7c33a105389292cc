import { type SearchType, searchTypes } from '../../spotify/limits.ts';
import type { Image, SearchResults } from '../../spotify/types.ts';

/** The result that is shown first, whatever its type. `uri` is null if Spotify sent none that can be used. */
export type TopResult = {
  type: SearchType;
  name: string | null;
  link: string | null;
  uri: string | null;
  covers: readonly Image[];
};

// Without regard to case and accents.
const names = new Intl.Collator('en', { sensitivity: 'base', usage: 'search' });

/**
 * Returns the result that best answers a search: the first one with exactly the name that was searched for, artists before tracks before albums,
 * playlists, podcasts and episodes; otherwise the first one whose name begins with it; otherwise Spotify's first. Null if nothing was found.
 */
export function topResultOf(found: SearchResults, query: string): TopResult | null {
  const all = searchTypes.flatMap((type) => ofType(found, type));
  const isExact = ({ name }: TopResult) => names.compare(name ?? '', query) === 0;
  const begins = ({ name }: TopResult) => names.compare((name ?? '').slice(0, query.length), query) === 0;
  // safeguard: exact-result-first
  return all.find(isExact) ?? all.find(begins) ?? all[0] ?? null;
}

function ofType(found: SearchResults, type: SearchType): TopResult[] {
  if (type === 'playlist')
    return (found.playlists?.items ?? []).map(({ id, name, link, covers }) => ({
      type,
      name,
      link,
      covers,
      uri: id && `spotify:playlist:${id}`,
    }));
  return (found[`${type}s`]?.items ?? []).map(({ name, link, uri, covers }) => ({
    type,
    name,
    link,
    uri,
    covers,
  }));
}
