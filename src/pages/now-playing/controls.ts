import type { Playback } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import type { Card } from './card.ts';

export type Controls = ReturnType<typeof controlsOf>;

/** Returns which controls of the card can work: those that the listener permits, the device takes and Spotify allows at the moment. */
export function controlsOf(listener: SignedInListener, { playback }: Pick<Card, 'playback'>) {
  const can = {
    control: listener.hasScopesFor('play'),
    save: listener.hasScopesFor('saveToLibrary'),
    seeQueue: listener.hasScopesFor('queue'),
  };
  // As of now: the stream of the page may have begun long ago.
  const playAccess = listener.playAccess();
  const player = playback.state === 'nothing' ? null : playback;
  const device = player?.device ?? null;
  // safeguard: controls-with-premium-only
  const takesCommands = playAccess === 'granted' && device !== null && !device.restricted;
  return {
    can,
    // safeguard: access-in-live-cards
    playAccess,
    takesCommands,
    // safeguard: bar-skips-if-possible
    canSkip: takesCommands && player?.disallows.includes('skipping_next') === false,
    canSeek: takesCommands && player !== null && !player.disallows.includes('seeking') && hasLength(player),
    /** From 0 to 100; null if it can't be changed. */
    // safeguard: volume-if-supported
    volume: takesCommands && device.supportsVolume ? device.volumePercent : null,
  };
}

/** Whether the card has a progress bar. */
function hasLength({ item, progressMs }: Exclude<Playback, { state: 'nothing' }>): boolean {
  return Boolean(item?.durationMs) && progressMs !== null;
}

/** Returns the part of the card that shows why one of its commands was refused; null if that part isn't there. */
export function noticePlaceOf(
  { takesCommands, canSeek, volume }: Controls,
  command: string | null | undefined,
): 'seek' | 'volume' | 'transport' | null {
  if (!command || !takesCommands) return null;
  if (command === 'seek') return canSeek ? 'seek' : 'transport';
  if (command === 'volume') return volume === null ? 'transport' : 'volume';
  return 'transport';
}
