import type { Json } from './api-version.ts';
import { albums, artists, episodes, everyTrack, liveAlbums, shows, tracks } from './catalogue.ts';
import type { Settings } from './control.ts';
import { type Endpoints, namesMarket, pageOf } from './endpoints.ts';
import type { Shelves } from './playlist-store.ts';
import { notFound, Refused } from './refused.ts';

type Deps = { settings: Settings; endpoints: Endpoints; shelves: Shelves };

/** Search and single things: all that an app token is good for. */
export function addCatalogue({ settings, endpoints, shelves }: Deps) {
  const { open } = endpoints;

  open('/search', {}, ({ shapes, url, query }) => {
    const words = (query.get('q') ?? '').trim().toLowerCase();
    if (!words) throw new Refused(400, 'No search query');
    const types = (query.get('type') ?? '').split(',');
    if (types[0] === '') throw new Refused(400, 'Missing parameter type');
    const reach =
      settings.apiVersion === '2026-02'
        ? { normal: 5, most: 10, farthest: 1000 }
        : { normal: 20, most: 50, farthest: 1000 };
    const matches = (...names: string[]) => names.join(' ').toLowerCase().includes(words);
    const answer: { [name: string]: Json } = {};
    const found = <T>(type: string, all: readonly T[], shape: (item: T) => Json) => {
      const ofType = new URL(url);
      ofType.searchParams.set('type', type);
      answer[`${type}s`] = shapes.paging(ofType, pageOf(all, query, reach), shape);
    };
    const by = ({ name, artists }: { name: string; artists: readonly { name: string }[] }) =>
      matches(name, ...artists.map((artist) => artist.name));

    for (const type of types) {
      switch (type) {
        case 'artist': {
          const hits = artists.filter(({ name }) => matches(name));
          found(type, hits, shapes.artist);
          break;
        }
        case 'album':
          found(type, albums.filter(by), shapes.albumInBrief);
          break;
        case 'track':
          found(type, tracks.filter(by), shapes.track);
          break;
        case 'show': {
          const hits = shows.filter(({ name, description }) => matches(name, description));
          found(type, hits, shapes.show);
          break;
        }
        case 'episode': {
          const hits = episodes.filter(({ name, description }) => matches(name, description));
          found(type, hits, shapes.episodeInBrief);
          break;
        }
        case 'audiobook':
          // Sold in a few countries only, and in none of ours.
          found(type, [], () => null);
          break;
        case 'playlist': {
          const hits = shelves.all().filter(({ isPublic, name }) => isPublic && matches(name));
          // Spotify's own lists are found too, come as null and are counted.
          found(type, [...hits.slice(0, 1), null, ...hits.slice(1)], shapes.playlistOrHole);
          break;
        }
        default:
          throw new Refused(400, `Bad search type field ${type}`);
      }
    }
    return answer;
  });

  open('/tracks/:id', {}, ({ shapes, params, query }) =>
    shapes.trackIn(namesMarket(query), byId(everyTrack, params.id)),
  );
  open('/artists/:id', {}, ({ shapes, params }) => shapes.artist(byId(artists, params.id)));
  open('/albums/:id', {}, ({ shapes, params }) => shapes.album(byId([...albums, ...liveAlbums], params.id)));
  open('/shows/:id', {}, ({ shapes, params }) => shapes.wholeShow(byId(shows, params.id)));
  open('/episodes/:id', {}, ({ shapes, params }) => shapes.episode(byId(episodes, params.id)));
}

function byId<T extends { id: string }>(all: readonly T[], id: string | undefined): T {
  const found = all.find((thing) => thing.id === id);
  if (!found) throw notFound();
  return found;
}
