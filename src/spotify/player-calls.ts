import type { TrustedUrls } from './fields.ts';
import { tracksPerPage } from './limits.ts';
import * as parse from './parse.ts';
import type { Send } from './send.ts';

export type Command = keyof typeof commands;

/** The player's commands and how each is sent ("Start/Resume Playback" and the pages beside it). */
const commands = {
  play: { method: 'PUT', path: '/me/player/play' },
  pause: { method: 'PUT', path: '/me/player/pause' },
  next: { method: 'POST', path: '/me/player/next' },
  previous: { method: 'POST', path: '/me/player/previous' },
} as const;

/** The calls about the player. They throw what web-api.ts lists. */
export function createPlayerCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns what the player is doing ("Get Playback State"). */
    async player(accessToken: string): Promise<parse.Playback> {
      // Without additional_types Spotify sends no item for an episode.
      const query = { additional_types: 'track,episode' };
      const response = await send(accessToken, { method: 'GET', path: '/me/player', query });
      return parse.parsePlayback(response, trusted);
    },

    /** Returns the devices on which the listener can play ("Get Available Devices"). */
    async devices(accessToken: string): Promise<parse.Device[]> {
      return parse.parseDevices(await send(accessToken, { method: 'GET', path: '/me/player/devices' }));
    },

    /** Sends a command to the player, on the active device or the one that was active last. */
    async command(accessToken: string, command: Command): Promise<void> {
      await send(accessToken, commands[command]);
    },

    /** Continues on another device; if playback is paused, it stays paused ("Transfer Playback"). */
    async transfer(accessToken: string, deviceId: string): Promise<void> {
      await send(accessToken, { method: 'PUT', path: '/me/player', body: { device_ids: [deviceId] } });
    },

    /** Returns the tracks that the listener played last, the newest first ("Get Recently Played Tracks"). */
    async recentlyPlayed(accessToken: string): Promise<parse.TimestampedItem[]> {
      const request = { path: '/me/player/recently-played', query: { limit: tracksPerPage } };
      return parse.parseRecentlyPlayed(await send(accessToken, { method: 'GET', ...request }), trusted);
    },
  };
}
