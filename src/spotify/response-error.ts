import {
  AccessTokenRejected,
  BadRequest,
  DeviceGone,
  MissingScope,
  NoActiveDevice,
  NotFound,
  NotInvited,
  NotPossibleNow,
  OwnerNeedsPremium,
  PremiumRequired,
  RateLimited,
  Refused,
  SpotifyUnavailable,
} from './errors.ts';
import { isObject } from './fields.ts';
import type { HttpResponse } from './http.ts';
import { type PlayerReason, playerReasons } from './player-reasons.ts';

/** Returns the error for a response whose status isn't 2xx. Spotify has few error codes, so status and message text tell the reasons apart. */
export function errorFor(response: HttpResponse, { method, path }: { method: string; path: string }): Error {
  const { status, text, call } = response;
  const message = `${call} answered ${status}`;
  if (status === 429) return new RateLimited(message, response.retryAfter, /QUOTA_EXCEEDED/.test(text));
  if (status === 401) {
    // A missing scope is a 401 on the player's endpoints (GitHub: dupontgu/retro-ipod-spotify-client#6) and a 403 elsewhere (GitHub:
    // spotipy-dev/spotipy#830). Refreshing the token helps with neither.
    return /permissions missing/i.test(text) ? new MissingScope(message) : new AccessTokenRejected(message);
  }
  if (status === 400) {
    // The object that the request named does not exist: "Invalid base62 id" (GitHub: WilliamNT/tunesynctool#12), or for ids in a body "Payload
    // contains a non-existing ID" (GitHub: spotify/web-api#214).
    // safeguard: invalid-id-is-not-found
    return /invalid (base62 )?id|non-existing id/i.test(text)
      ? new NotFound(message)
      : new BadRequest(message);
  }
  if (status === 403) {
    if (/premium subscription required for the owner/i.test(text)) return new OwnerNeedsPremium(message);
    if (/not approved|registered/i.test(text)) return new NotInvited(message);
    if (/insufficient client scope/i.test(text)) return new MissingScope(message);
    if (/premium_required|premium required/i.test(text)) return new PremiumRequired(message);
    const reason = playerReasonIn(response);
    if (reason !== null || /player command failed/i.test(text)) return new NotPossibleNow(message, reason);
    return new Refused(message);
  }
  if (status === 404) {
    // safeguard: device-gone
    if (/device not found/i.test(text)) return new DeviceGone(message);
    if (/no_active_device|no active device/i.test(text)) return new NoActiveDevice(message);
    // A 404 for the listener's own player or lists is a temporary fault at Spotify. A 404 only means something if the request named an object,
    // which may be missing, or if this API version lacks the endpoint.
    const isPlayer = path.startsWith('/me/player');
    const isList = method === 'GET' && path.startsWith('/me') && !path.startsWith('/me/library');
    if (!isPlayer && !isList) return new NotFound(message);
  }
  return new SpotifyUnavailable(message, status);
}

function playerReasonIn({ json }: HttpResponse): PlayerReason | null {
  const error = isObject(json) && isObject(json.error) ? json.error : {};
  return playerReasons.find((one) => one === error.reason) ?? null;
}
