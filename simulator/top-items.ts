import { type Artist, artists, type Track, tracks } from './catalog.ts';
import { createRandom } from './random.ts';

/** Spotify: "Get User's Top Items", `time_range`. */
export const timeRanges = ['short_term', 'medium_term', 'long_term'] as const;
export type TimeRange = (typeof timeRanges)[number];

/** How many top items each listener has. New listeners have none. */
const counts = new Map([
  ['mara', { artists: 16, tracks: 90 }],
  ['noor', { artists: 9, tracks: 30 }],
]);

/** Returns a listener's top items over a time range, the same on every call (Spotify: "Get User's Top Items"). */
export function topItems(listenerId: string, range: TimeRange): { artists: Artist[]; tracks: Track[] } {
  const count = counts.get(listenerId) ?? { artists: 0, tracks: 0 };
  const random = createRandom(`favourites ${listenerId} ${range}`);
  return {
    artists: random.shuffle(artists).slice(0, count.artists),
    tracks: random.shuffle(tracks).slice(0, count.tracks),
  };
}
