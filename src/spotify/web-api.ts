import * as answers from './answers.ts';
import {
  AccessTokenRejected,
  MissingScope,
  NotInvited,
  OwnerNeedsPremium,
  RateLimited,
  Refused,
  SpotifyUnavailable,
} from './errors.ts';
import type { Answer, Http } from './http.ts';

export type WebApi = ReturnType<typeof createWebApi>;

/** How many playlists one call brings: the most Spotify gives (its reference, "Get Current User's Playlists"). */
export const playlistsPerPage = 50;
/** The furthest Spotify counts in lists of playlists (same page). */
export const furthestPlaylist = 100_000;

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
 * All throw SpotifyUnavailable, AccessTokenRejected, RateLimited, MissingScope, NotInvited, OwnerNeedsPremium or Refused.
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
    throw refusal(answer);
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
  };
}

/** The reason behind an answer that is none, told by status and words: Spotify has no codes for it. */
function refusal(answer: Answer): Error {
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
  return new SpotifyUnavailable(said);
}
