import { routes } from '../../routes.ts';
import {
  DeviceGone,
  NoActiveDevice,
  NotPossibleNow,
  PremiumRequired,
  SpotifyUnavailable,
} from '../../spotify/errors.ts';
import type { PlayerReason } from '../../spotify/player-reasons.ts';
import { type ErrorPage, Problem } from '../../web/errors.ts';
import { isNoticeName, type NoticeName, textOfNotice } from '../../web/notices.ts';
import { NothingPlayable, PartlyQueued, PlayedInOrder } from './multi-call-commands.ts';

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

/** The commands that do more if they are carried out twice. */
const skips = ['next', 'previous', 'play'];

/** Returns the notice for an error of a command, or null if it isn't a refusal by the player. Without a reason, the command decides. */
export function refusalOf(error: unknown, command: string): NoticeName | null {
  if (error instanceof PartlyQueued) return 'partly-queued';
  if (error instanceof PlayedInOrder) return 'played-in-order';
  if (error instanceof NothingPlayable) return 'nothing-playable';
  // It may have been added: sending it again could add it twice.
  // safeguard: no-resend-to-queue
  if (command === 'queue' && error instanceof SpotifyUnavailable) return 'queue-unknown';
  // The same again could skip two tracks.
  // safeguard: no-resend-of-skips
  if (skips.includes(command) && isLost(error)) return 'command-unknown';
  // safeguard: explain-refused-commands
  if (error instanceof PremiumRequired) return 'premium-required';
  if (error instanceof DeviceGone) return 'device-gone';
  if (error instanceof NoActiveDevice) return 'no-active-device';
  if (!(error instanceof NotPossibleNow)) return null;
  const general = `cannot-${command}`;
  if (error.reason !== null) return byReason[error.reason];
  return isNoticeName(general) ? general : null;
}

/** Whether Spotify may have carried out a command nevertheless: its response was lost, or says that it has failed. */
function isLost(error: unknown): boolean {
  return error instanceof SpotifyUnavailable && (error.status === null || error.status >= 500);
}

/** Returns the same for programs, as a {@link Problem}. `added`: the URIs that were added to the queue before it was refused. */
export function refusedCommand(refusal: NoticeName, added?: readonly string[]): Problem {
  const known: Known = problems[refusal] ?? { status: 409, title: 'The player can’t do that right now' };
  const reason = refusal.startsWith('cannot-') ? 'not-possible-now' : (known.reason ?? refusal);
  const details = added && { added, count: added.length };
  // safeguard: say-how-many-were-queued
  const text = added
    ? `Added the first ${added.length} to the queue, then Spotify refused or didn’t respond. Check Up next before you add the rest.`
    : textOfNotice(refusal);
  const actions = [{ label: 'Now playing', href: routes.nowPlaying() }];
  return new Problem({ ...known, reason, text, actions, ...(details && { details }) });
}

type Known = Pick<ErrorPage, 'status' | 'title'> & { reason?: string };

/** Refusals that say more than that it isn't possible right now. */
const problems: Partial<Record<NoticeName, Known>> = {
  'premium-required': { status: 403, title: 'This needs Spotify Premium' },
  'no-active-device': { status: 404, title: 'No active device' },
  'nothing-active': { status: 404, title: 'No active device', reason: 'no-active-device' },
  'device-gone': { status: 404, title: 'Device not available' },
  'queue-unknown': { status: 502, title: 'Spotify didn’t respond' },
  'command-unknown': { status: 502, title: 'Spotify didn’t respond' },
  'played-in-order': { status: 502, title: 'It’s playing, but not shuffled' },
  'partly-queued': { status: 502, title: 'Not all of these were added' },
};
