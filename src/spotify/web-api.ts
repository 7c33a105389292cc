import * as answers from './answers.ts';
import { type Dialect, names } from './dialect.ts';
import {
  AccessTokenRejected,
  MissingScope,
  NotFound,
  NotInvited,
  OwnerNeedsPremium,
  RateLimited,
  Refused,
  SpotifyUnavailable,
} from './errors.ts';
import type { Answer, Http } from './http.ts';

export type WebApi = ReturnType<typeof createWebApi>;

/** How many entries of a playlist one call brings: the most that Spotify gives in both dialects ("Get Playlist Items"). */
export const entriesPerPage = 50;
/** How many playlists one call brings: the most Spotify gives (its reference, "Get Current User's Playlists"). */
export const playlistsPerPage = 50;
/** The furthest offset into a list that Spotify takes (same page). */
export const furthestOffset = 100_000;

/** What the calls below need the listener to have agreed to. */
export const scopes = {
  /** Get Playback State */
  player: ['user-read-playback-state'],
  /** Get Current User's Playlists; without both, some playlists are silently left out */
  playlists: ['playlist-read-private', 'playlist-read-collaborative'],
} as const;

type Needs = {
  http: Http;
  /** Origins beside Spotify's own that covers and links may point to. */
  otherOrigins: readonly string[];
};

/**
 * Spotify's Web API: each call takes an access token and gives our types.
 * All throw SpotifyUnavailable, AccessTokenRejected, RateLimited, MissingScope, NotInvited, OwnerNeedsPremium, NotFound or
 * Refused.
 */
export function createWebApi({ http, otherOrigins }: Needs) {
  const trusted = answers.trustedPlaces(otherOrigins);

  async function get(
    accessToken: string,
    path: string,
    query?: Record<string, string | number>,
  ): Promise<Answer> {
    const answer = await http({
      method: 'GET',
      path,
      authorization: `Bearer ${accessToken}`,
      ...(query && { query }),
    });
    if (answer.status === 200 || answer.status === 204) return answer;
    throw refusal(answer, path);
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
    async playlists(accessToken: string, page: number): Promise<answers.Page<answers.Playlist>> {
      const offset = (page - 1) * playlistsPerPage;
      const answer = await get(accessToken, '/me/playlists', { limit: playlistsPerPage, offset });
      return answers.playlists(answer, trusted);
    },

    /** A playlist as its card, without what is in it. */
    async playlist(accessToken: string, id: string): Promise<answers.PlaylistCard> {
      // Both dialects' names at once: one that is not known is ignored.
      const contents = (['new', 'classic'] as const).map((one) => `${names[one].contents}(total)`);
      const fields = `id,name,description,images,owner(id,display_name,external_urls),external_urls,public,collaborative,snapshot_id,${contents}`;
      return answers.playlistCard(await get(accessToken, `/playlists/${id}`, { fields }), trusted);
    },

    /**
     * One page of what is in a playlist, asked for in a dialect; `page` counts from 1. Throws Refused where the playlist is
     * somebody else's, or the dialect is not spoken.
     */
    async playlistEntries(
      accessToken: string,
      id: string,
      page: number,
      dialect: Dialect,
    ): Promise<answers.Page<answers.Entry>> {
      const { contents, entry } = names[dialect];
      const what =
        'type,name,duration_ms,explicit,is_local,is_playable,external_urls,images,show(name,external_urls,images),' +
        'artists(name,external_urls),album(name,external_urls,images)';
      const answer = await get(accessToken, `/playlists/${id}/${contents}`, {
        limit: entriesPerPage,
        offset: (page - 1) * entriesPerPage,
        fields: `total,items(added_at,added_by(id,external_urls),is_local,${entry}(${what}))`,
        additional_types: 'track,episode',
      });
      return answers.entries(answer, trusted);
    },
  };
}

/** The reason behind an answer that is none, told by status and words: Spotify has no codes for it. */
function refusal(answer: Answer, path: string): Error {
  const { status, text, call } = answer;
  const said = `${call} answered ${status}`;
  if (status === 429) return new RateLimited(said, answer.retryAfter);
  if (status === 401) {
    // A missing scope is a 401 on the player's endpoints and a 403 elsewhere. A renewal cures neither.
    return /permissions missing/i.test(text) ? new MissingScope(said) : new AccessTokenRejected(said);
  }
  if (status === 403) {
    if (/premium subscription required for the owner/i.test(text)) return new OwnerNeedsPremium(said);
    if (/not approved|registered/i.test(text)) return new NotInvited(said);
    if (/insufficient client scope/i.test(text)) return new MissingScope(said);
    return new Refused(said);
  }
  // Of what belongs to the listener a 404 says nothing: it comes at times, and passes. Only a thing that was named can be missing.
  if (status === 404 && !path.startsWith('/me')) return new NotFound(said);
  return new SpotifyUnavailable(said);
}
