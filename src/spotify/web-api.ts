import { createCatalogCalls } from './catalog-calls.ts';
import { createExportCalls } from './export-calls.ts';
import { trustedUrls } from './fields.ts';
import type { Http } from './http.ts';
import { createLibraryCalls } from './library-calls.ts';
import { createPlayerCalls } from './player-calls.ts';
import { createPlaylistCalls } from './playlist-calls.ts';
import { createPlaylistChangeCalls } from './playlist-change-calls.ts';
import { createSend } from './send.ts';

export type WebApi = ReturnType<typeof createWebApi>;

type Deps = {
  http: Http;
  /** Origins, other than Spotify's own, that covers and links may point to. */
  otherOrigins: readonly string[];
};

/**
 * Spotify's Web API: each method takes an access token and returns the parsed response.
 *
 * All throw SpotifyUnavailable, AccessTokenRejected, RateLimited, MissingScope, NotInvited, OwnerNeedsPremium, NotFound, BadRequest or Refused;
 * the player's commands also PremiumRequired, NoActiveDevice, DeviceGone or NotPossibleNow.
 */
export function createWebApi({ http, otherOrigins }: Deps) {
  const send = createSend(http);
  const trusted = trustedUrls(otherOrigins);
  return {
    ...createPlayerCalls(send, trusted),
    ...createLibraryCalls(send, trusted),
    ...createPlaylistCalls(send, trusted),
    ...createPlaylistChangeCalls(send),
    ...createCatalogCalls(send, trusted),
    ...createExportCalls(send, trusted),
  };
}
