import {
  AccessTokenRejected,
  BadRequest,
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
import type { Answer } from './http.ts';

/** The reason behind an answer that is none, told by status and words: Spotify has few codes for it. */
export function refusal(answer: Answer, { method, path }: { method: string; path: string }): Error {
  const { status, text, call } = answer;
  const said = `${call} answered ${status}`;
  if (status === 429) return new RateLimited(said, answer.retryAfter, /QUOTA_EXCEEDED/.test(text));
  if (status === 401) {
    // A missing scope is a 401 on the player's endpoints and a 403 elsewhere. A renewal cures neither.
    return /permissions missing/i.test(text) ? new MissingScope(said) : new AccessTokenRejected(said);
  }
  if (status === 400) {
    // What was named does not exist: "Invalid base62 id" (GitHub: WilliamNT/tunesynctool#12), and in a body "Payload contains a
    // non-existing ID" (GitHub: spotify/web-api#214).
    // safeguard: invalid-id-is-not-found
    return /invalid (base62 )?id|non-existing id/i.test(text) ? new NotFound(said) : new BadRequest(said);
  }
  if (status === 403) {
    if (/premium subscription required for the owner/i.test(text)) return new OwnerNeedsPremium(said);
    if (/not approved|registered/i.test(text)) return new NotInvited(said);
    if (/insufficient client scope/i.test(text)) return new MissingScope(said);
    if (/premium_required|premium required/i.test(text)) return new PremiumRequired(said);
    if (/player command failed/i.test(text)) return new NotPossibleNow(said);
    return new Refused(said);
  }
  if (status === 404) {
    if (/no_active_device|no active device|device not found/i.test(text)) return new NoActiveDevice(said);
    // Of the listener's player, and of their lists, a 404 says nothing: it comes at times, and passes. Only a thing that was
    // named can be missing, or a call that this dialect does not have.
    const ofPlayer = path.startsWith('/me/player');
    const ofLists = method === 'GET' && path.startsWith('/me') && !path.startsWith('/me/library');
    const passing = ofPlayer || ofLists;
    if (!passing) return new NotFound(said);
  }
  return new SpotifyUnavailable(said);
}
