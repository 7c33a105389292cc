import { type Artist, artists, type Track, tracks } from './catalogue.ts';
import { chanceOf } from './random.ts';

export const timeRanges = ['short_term', 'medium_term', 'long_term'] as const;
export type TimeRange = (typeof timeRanges)[number];

/** How many of their favourites Spotify knows; of who is new here, none. */
const known = new Map([
  ['mara', { artists: 16, tracks: 90 }],
  ['noor', { artists: 9, tracks: 30 }],
]);

/** A listener's favourites over a time, the same each time it is asked (Spotify: "Get User's Top Items"). */
export function favourites(listenerId: string, range: TimeRange): { artists: Artist[]; tracks: Track[] } {
  const count = known.get(listenerId) ?? { artists: 0, tracks: 0 };
  const chance = chanceOf(`favourites ${listenerId} ${range}`);
  return {
    artists: chance.shuffled(artists).slice(0, count.artists),
    tracks: chance.shuffled(tracks).slice(0, count.tracks),
  };
}
