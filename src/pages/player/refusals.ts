import { routes } from '../../routes.ts';
import { DeviceGone, NoActiveDevice, NotPossibleNow, PremiumRequired } from '../../spotify/errors.ts';
import type { PlayerReason } from '../../spotify/player-reasons.ts';
import { type ErrorPage, Problem } from '../../web/errors.ts';
import { isNoticeName, type NoticeName, textOfNotice } from '../../web/notices.ts';

/* Why Spotify refuses a command, in words that belong to its control. */

const byReason: Readonly<Record<PlayerReason, NoticeName>> = {
  NO_PREV_TRACK: 'no-previous-track',
  NO_NEXT_TRACK: 'no-next-track',
  NO_SPECIFIC_TRACK: 'not-in-list',
  ALREADY_PAUSED: 'already-paused',
  NOT_PAUSED: 'already-playing',
  NOT_PLAYING_LOCALLY: 'playing-elsewhere',
  NOT_PLAYING_TRACK: 'no-track-playing',
  NOT_PLAYING_CONTEXT: 'no-list-playing',
  ENDLESS_CONTEXT: 'endless-list',
  CONTEXT_DISALLOW: 'list-disallows',
  ALREADY_PLAYING: 'already-playing',
  RATE_LIMITED: 'too-many-commands',
  REMOTE_CONTROL_DISALLOW: 'device-uncontrollable',
  DEVICE_NOT_CONTROLLABLE: 'device-uncontrollable',
  VOLUME_CONTROL_DISALLOW: 'volume-uncontrollable',
};

/** Returns the notice for an error of a command, or null if it isn't a refusal by the player. Without a reason, the command decides. */
export function refusalOf(error: unknown, command: string): NoticeName | null {
  // safeguard: explain-refused-commands
  if (error instanceof PremiumRequired) return 'premium-required';
  if (error instanceof DeviceGone) return 'device-gone';
  if (error instanceof NoActiveDevice) return 'no-active-device';
  if (!(error instanceof NotPossibleNow)) return null;
  const general = `cannot-${command}`;
  if (error.reason !== null) return byReason[error.reason];
  return isNoticeName(general) ? general : null;
}

/** Returns the same for programs, as a {@link Problem}. */
export function refusedCommand(refusal: NoticeName, error: unknown): Problem {
  const known: Pick<ErrorPage, 'status' | 'reason' | 'title'> =
    error instanceof PremiumRequired
      ? { status: 403, reason: refusal, title: 'This needs Spotify Premium' }
      : error instanceof NoActiveDevice
        ? { status: 404, reason: refusal, title: 'No active device' }
        : {
            status: 409,
            reason: refusal.startsWith('cannot-') ? 'not-possible-now' : refusal,
            title: 'The player can’t do that right now',
          };
  const actions = [{ label: 'Now playing', href: routes.nowPlaying() }];
  return new Problem({ ...known, text: textOfNotice(refusal), actions });
}
