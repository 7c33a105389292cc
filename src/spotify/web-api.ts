import { type ApiVersion, names } from './api-version.ts';
import { trustedPlaces } from './fields.ts';
import type { Answer, Call, Http } from './http.ts';
import * as answers from './parse.ts';
import { refusal } from './refusal.ts';
import { partsOf, pathTo } from './uri.ts';

export type WebApi = ReturnType<typeof createWebApi>;

/** How many entries of a playlist one call brings: the most that Spotify gives in both dialects ("Get Playlist Items"). */
export const entriesPerPage = 50;
/** How many playlists one call brings: the most Spotify gives (its reference, "Get Current User's Playlists"). */
export const playlistsPerPage = 50;
/** The furthest offset into a list that Spotify takes (same page). */
export const furthestOffset = 100_000;

/** How many results of each kind one search brings: the most that Spotify gives new apps ("February 2026 Web API changes"). */
// safeguard: ten-search-results
export const resultsPerPage = 10;
/** The furthest offset into search results that Spotify takes ("Search for Item"). */
export const furthestResult = 1_000;
/** How many saved tracks one call brings, and how many of what was played or is played most: the most that Spotify gives. */
export const tracksPerPage = 50;

/** What can be searched for, by Spotify's names. */
export const searchTypes = ['artist', 'track', 'album', 'playlist'] as const;
export type SearchType = (typeof searchTypes)[number];

/** The time over which something was played most: about four weeks, about six months, about a year ("Get User's Top Items"). */
export const timeRanges = ['short_term', 'medium_term', 'long_term'] as const;
export type TimeRange = (typeof timeRanges)[number];

export type Command = keyof typeof commands;

/** The player's commands and how each is sent ("Start/Resume Playback" and the pages beside it). */
const commands = {
  play: { method: 'PUT', path: '/me/player/play' },
  pause: { method: 'PUT', path: '/me/player/pause' },
  next: { method: 'POST', path: '/me/player/next' },
  previous: { method: 'POST', path: '/me/player/previous' },
} as const;

/** What the calls below need the listener to have agreed to, by what they are for. */
export const scopes = {
  /** Get Playback State, Get Available Devices */
  player: ['user-read-playback-state'],
  /** Get Current User's Playlists; without both, some playlists are silently left out */
  playlists: ['playlist-read-private', 'playlist-read-collaborative'],
  /** Get User's Saved Tracks, Check User's Saved Items */
  library: ['user-library-read'],
  /** Get Recently Played Tracks */
  recent: ['user-read-recently-played'],
  /** Get User's Top Items */
  top: ['user-top-read'],
  /** Start, pause, skip, Transfer Playback */
  control: ['user-modify-playback-state'],
  /** Create Playlist, Change Playlist Details, Add and Remove Playlist Items */
  editPlaylists: ['playlist-modify-public', 'playlist-modify-private'],
  /** Save and Remove Items to and from the library */
  editLibrary: ['user-library-modify'],
} as const;

/** Fields of an item that pages and files show. */
const itemFields =
  'type,uri,name,duration_ms,explicit,is_local,is_playable,restrictions(reason),linked_from(uri,external_urls),external_urls,images,' +
  'show(type,name,external_urls,images),audiobook(name,authors(name),external_urls,images),authors(name),' +
  'artists(name,external_urls),album(name,external_urls,images)';

type Deps = {
  http: Http;
  /** Origins beside Spotify's own that covers and links may point to. */
  otherOrigins: readonly string[];
};

/**
 * Part of a list, from the place `from` on (0 is the first). With a `market` Spotify says what it plays there, and shows another instance of a
 * track that it does not play but has elsewhere ("Track Relinking"); the country of a listener's account goes before it. With null it does
 * neither.
 */
export type Stretch = { from: number; limit?: number; market: string | null };

/** Name, description and the rest that a playlist is made with, or changed to. */
export type PlaylistDetails = { name: string; description: string; public: boolean };

/**
 * Spotify's Web API: each call takes an access token and gives our types.
 * All throw SpotifyUnavailable, AccessTokenRejected, RateLimited, MissingScope, NotInvited, OwnerNeedsPremium, NotFound,
 * BadRequest or Refused; the player's commands also PremiumRequired, NoActiveDevice or NotPossibleNow.
 */
export function createWebApi({ http, otherOrigins }: Deps) {
  const trusted = trustedPlaces(otherOrigins);

  function get(accessToken: string, path: string, query?: Call['query']): Promise<Answer> {
    return send(accessToken, { method: 'GET', path, ...(query && { query }) });
  }

  async function send(accessToken: string, call: Omit<Call, 'authorization'>): Promise<Answer> {
    const answer = await http({ ...call, authorization: `Bearer ${accessToken}` });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(answer, call);
  }

  return {
    /** Who the token belongs to. */
    async me(accessToken: string): Promise<answers.Profile> {
      return answers.profile(await get(accessToken, '/me'), trusted);
    },

    /** What is playing, and where. */
    async player(accessToken: string): Promise<answers.Playback> {
      // Without additional_types an episode comes as nothing.
      return answers.playback(
        await get(accessToken, '/me/player', { additional_types: 'track,episode' }),
        trusted,
      );
    },

    /** One page of the listener's playlists; `page` counts from 1. */
    async playlists(accessToken: string, page: number): Promise<answers.PlaylistPage> {
      const offset = (page - 1) * playlistsPerPage;
      const answer = await get(accessToken, '/me/playlists', { limit: playlistsPerPage, offset });
      return answers.playlists(answer, offset, trusted);
    },

    /** A playlist as its card, without what is in it. */
    async playlist(accessToken: string, id: string): Promise<answers.PlaylistCard> {
      // Both dialects' names at once: one that is not known is ignored.
      const contents = (['2026-02', 'legacy'] as const).map((one) => `${names[one].contents}(total)`);
      const fields = `id,name,description,images,owner(id,display_name,external_urls),external_urls,public,collaborative,snapshot_id,${contents}`;
      return answers.playlistCard(await get(accessToken, pathTo('playlists', id), { fields }), trusted);
    },

    /**
     * What is in a playlist, a stretch of it, asked for in a dialect. Throws Refused where the playlist is somebody else's, or the dialect is not
     * spoken.
     */
    async playlistEntries(
      accessToken: string,
      id: string,
      { from, limit = entriesPerPage, market }: Stretch,
      apiVersion: ApiVersion,
    ): Promise<answers.Page<answers.Entry>> {
      const { contents, entry } = names[apiVersion];
      const answer = await get(accessToken, pathTo('playlists', id, contents), {
        limit,
        offset: from,
        // safeguard: playlist-market
        ...(market && { market }),
        fields: `total,items(added_at,added_by(id,external_urls),is_local,${entry}(${itemFields}))`,
        additional_types: 'track,episode',
      });
      return answers.entries(answer, from, trusted);
    },

    /** Looks for `query` in everything of Spotify's; `page` counts from 1. */
    async search(
      accessToken: string,
      query: string,
      { types, page, market }: { types: readonly SearchType[]; page: number; market: string },
    ): Promise<answers.Found> {
      const offset = (page - 1) * resultsPerPage;
      const answer = await get(accessToken, '/search', {
        q: query,
        type: types.join(','),
        // With a token of the app's own there is no listener whose country would count.
        market,
        limit: resultsPerPage,
        offset,
      });
      return answers.found(answer, offset, trusted);
    },

    /** One track or episode. */
    async item(accessToken: string, uri: string): Promise<answers.Track | answers.Episode> {
      const { kind, id } = partsOf(uri);
      return answers.single(await get(accessToken, pathTo(`${kind}s`, id)), trusted);
    },

    /** The tracks the listener saved, a stretch of them, the newest first. */
    async savedTracks(
      accessToken: string,
      { from, limit = tracksPerPage, market }: Stretch,
    ): Promise<answers.Page<answers.Saved>> {
      // safeguard: saved-tracks-market
      const query = { limit, offset: from, ...(market && { market }) };
      return answers.savedTracks(await get(accessToken, '/me/tracks', query), from, trusted);
    },

    /** Whether the listener saved this. */
    async isSaved(accessToken: string, uri: string, apiVersion: ApiVersion): Promise<boolean> {
      const { library, saved } = names[apiVersion];
      const path = `${library(partsOf(uri).kind)}/contains`;
      return answers.saved(await get(accessToken, path, { [saved]: called(uri, apiVersion) }));
    },

    /** Saves this to the listener's library, or removes it from there. Doing it twice changes nothing. */
    async setSaved(accessToken: string, uri: string, wanted: boolean, apiVersion: ApiVersion): Promise<void> {
      const { library, saved } = names[apiVersion];
      const { kind, id } = partsOf(uri);
      const method = wanted ? 'PUT' : 'DELETE';
      // The classic ways to save want to be told in their body as well, and the one for tracks there alone ("Save Tracks for
      // Current User", "Save Episodes for Current User").
      const classicSave = apiVersion === 'legacy' && wanted;
      await send(accessToken, {
        method,
        path: library(kind),
        ...(classicSave && { body: { ids: [id] } }),
        ...(!(classicSave && kind === 'track') && { query: { [saved]: called(uri, apiVersion) } }),
      });
    },

    /** The tracks the listener heard last, the newest first. */
    async recentlyPlayed(accessToken: string): Promise<answers.Dated[]> {
      const answer = await get(accessToken, '/me/player/recently-played', { limit: tracksPerPage });
      return answers.recentlyPlayed(answer, trusted);
    },

    /** The artists the listener played most. */
    async topArtists(accessToken: string, range: TimeRange): Promise<answers.Artist[]> {
      const query = { time_range: range, limit: tracksPerPage };
      return answers.topArtists(await get(accessToken, '/me/top/artists', query), trusted);
    },

    /** The tracks the listener played most. */
    async topTracks(accessToken: string, range: TimeRange): Promise<(answers.Track | answers.Episode)[]> {
      const query = { time_range: range, limit: tracksPerPage };
      return answers.topTracks(await get(accessToken, '/me/top/tracks', query), trusted);
    },

    /** Where the listener can play. */
    async devices(accessToken: string): Promise<answers.Device[]> {
      return answers.devices(await get(accessToken, '/me/player/devices'));
    },

    /** Tells the player what to do, where it plays now or where it played last. */
    async command(accessToken: string, command: Command): Promise<void> {
      await send(accessToken, commands[command]);
    },

    /** Goes on playing on another device; what was paused stays paused. */
    async transfer(accessToken: string, deviceId: string): Promise<void> {
      await send(accessToken, { method: 'PUT', path: '/me/player', body: { device_ids: [deviceId] } });
    },

    /** Makes a playlist for a listener, and gives its id. Without a description Spotify would write "null" (GitHub: Peter-Schorn/SpotifyAPI#75). */
    async createPlaylist(
      accessToken: string,
      listenerId: string,
      details: PlaylistDetails,
      apiVersion: ApiVersion,
    ): Promise<string> {
      const path = names[apiVersion].newPlaylist(listenerId);
      return answers.newPlaylistId(await send(accessToken, { method: 'POST', path, body: details }));
    },

    /** Changes what stands on the card of a playlist. An empty description leaves the one there is. */
    async changePlaylist(
      accessToken: string,
      id: string,
      { description, ...rest }: PlaylistDetails,
    ): Promise<void> {
      // Spotify refuses to empty it: "Attribute description is empty" (GitHub: spotify/web-api#1011).
      const body = { ...rest, ...(description !== '' && { description }) };
      await send(accessToken, { method: 'PUT', path: pathTo('playlists', id), body });
    },

    /** Adds this to the end of a playlist. */
    async addToPlaylist(accessToken: string, id: string, uri: string, apiVersion: ApiVersion): Promise<void> {
      const path = pathTo('playlists', id, names[apiVersion].contents);
      await send(accessToken, { method: 'POST', path, body: { uris: [uri] } });
    },

    /** Removes this from a playlist as it was at that snapshot, wherever in it it stands. */
    async removeFromPlaylist(
      accessToken: string,
      id: string,
      { uri, snapshotId }: { uri: string; snapshotId: string },
      apiVersion: ApiVersion,
    ): Promise<void> {
      const { contents } = names[apiVersion];
      // safeguard: snapshot-when-removing
      const body = { [contents]: [{ uri }], snapshot_id: snapshotId };
      await send(accessToken, { method: 'DELETE', path: pathTo('playlists', id, contents), body });
    },
  };
}

/** What a library call says to name this: the whole URI in the new dialect, the id alone in the classic one. */
function called(uri: string, apiVersion: ApiVersion): string {
  return apiVersion === '2026-02' ? uri : partsOf(uri).id;
}
