import { ApiError } from './api-error.ts';
import type { Device } from './devices.ts';
import { assertAllowed } from './disallows.ts';
import { addToQueue, type Item, type Playback, type Repeat, seek, setShuffled } from './playback.ts';
import { createRandom } from './random.ts';

/** Carries out a command to a listener's player, on the active device if none is named. Throws {@link ApiError}. */
export type Command = (
  listenerId: string,
  deviceId: string | null,
  change: (playback: Playback, device: Device) => Playback,
) => void;

/** The commands that change how a player goes on with what it plays: position, volume, shuffle, repeat and queue. */
export function createPlayerSettings(command: Command, now: () => number) {
  return {
    /** Moves within the current item; past its end, the next one begins (Spotify: "Seek To Position"). */
    seek: (listenerId: string, deviceId: string | null, positionMs: number) =>
      command(listenerId, deviceId, (playback, device) => {
        assertAllowed('seeking', playback, device);
        return seek(playback, now(), positionMs);
      }),

    /** Phones refuse (GitHub: thelinmichael/spotify-web-api-node#434). */
    setVolume: (listenerId: string, deviceId: string | null, percent: number) =>
      command(listenerId, deviceId, (playback, device) => {
        if (device.volume === null) {
          throw new ApiError(
            403,
            'Player command failed: Cannot control device volume',
            'VOLUME_CONTROL_DISALLOW',
          );
        }
        device.volume = percent;
        return playback;
      }),

    setShuffle: (listenerId: string, deviceId: string | null, isOn: boolean) =>
      command(listenerId, deviceId, (playback, device) => {
        assertAllowed('toggling_shuffle', playback, device);
        return setShuffled(playback, now(), isOn, createRandom(`shuffle ${now()}`));
      }),

    setRepeat: (listenerId: string, deviceId: string | null, repeat: Repeat) =>
      command(listenerId, deviceId, (playback, device) => {
        assertAllowed(
          repeat === 'track' ? 'toggling_repeat_track' : 'toggling_repeat_context',
          playback,
          device,
        );
        return { ...playback, repeat };
      }),

    addToQueue: (listenerId: string, deviceId: string | null, item: Item) =>
      command(listenerId, deviceId, (playback) => addToQueue(playback, now(), item)),
  };
}
