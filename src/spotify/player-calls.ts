import type { TrustedUrls } from './fields.ts';
import { tracksPerPage } from './limits.ts';
import * as parse from './parse.ts';
import { parseDevices, parsePlayback, parseQueue } from './parse-player.ts';
import type { Send } from './send.ts';
import type { Device, Playback, Queue, Repeat } from './types.ts';

export type Command = keyof typeof commands;

/** The music to play: a list, from its beginning or from an item in it; or these items, at most 100. */
export type Start =
  | { context: string; offset: { uri: string } | { position: number } | null }
  | { uris: readonly string[] };

/** A command to play. Without `start`, the player resumes. Null: on the active device, from the beginning. */
export type PlayCommand = { start: Start | null; deviceId: string | null; positionMs: number | null };

/** The commands without arguments, and how each is sent ("Pause Playback" and the pages beside it). */
const commands = {
  pause: { method: 'PUT', path: '/me/player/pause' },
  next: { method: 'POST', path: '/me/player/next' },
  previous: { method: 'POST', path: '/me/player/previous' },
} as const;

/** The calls about the player. They throw what web-api.ts lists. */
export function createPlayerCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns what the player is doing ("Get Playback State"). */
    async player(accessToken: string): Promise<Playback> {
      // Without additional_types Spotify sends no item for an episode.
      const query = { additional_types: 'track,episode' };
      const response = await send(accessToken, { method: 'GET', path: '/me/player', query });
      return parsePlayback(response, trusted);
    },

    /** Returns the devices on which the listener can play ("Get Available Devices"). */
    async devices(accessToken: string): Promise<Device[]> {
      return parseDevices(await send(accessToken, { method: 'GET', path: '/me/player/devices' }));
    },

    /** Sends a command to the player, on the active device or the one that was active last. */
    async command(accessToken: string, command: Command): Promise<void> {
      await send(accessToken, commands[command]);
    },

    /** Plays something, or resumes ("Start/Resume Playback"). */
    async play(accessToken: string, { start, deviceId, positionMs }: PlayCommand): Promise<void> {
      const what = start && ('uris' in start ? { uris: start.uris } : contextBody(start));
      const body = { ...what, ...(positionMs !== null && { position_ms: positionMs }) };
      await send(accessToken, {
        method: 'PUT',
        path: '/me/player/play',
        ...(deviceId !== null && { query: { device_id: deviceId } }),
        ...(Object.keys(body).length > 0 && { body }),
      });
    },

    /** Moves within the current item; past its end, the next one plays ("Seek To Position"). */
    async seek(accessToken: string, positionMs: number): Promise<void> {
      await send(accessToken, { method: 'PUT', path: '/me/player/seek', query: { position_ms: positionMs } });
    },

    /** Sets the volume of the active device, from 0 to 100 ("Set Playback Volume"). */
    async setVolume(accessToken: string, percent: number): Promise<void> {
      await send(accessToken, {
        method: 'PUT',
        path: '/me/player/volume',
        query: { volume_percent: percent },
      });
    },

    /** Turns shuffle on or off, on this device or else the active one ("Toggle Playback Shuffle"). */
    async setShuffle(accessToken: string, on: boolean, deviceId: string | null = null): Promise<void> {
      const query = { state: String(on), ...(deviceId !== null && { device_id: deviceId }) };
      await send(accessToken, { method: 'PUT', path: '/me/player/shuffle', query });
    },

    /** Sets what is repeated ("Set Repeat Mode"). */
    async setRepeat(accessToken: string, mode: Repeat): Promise<void> {
      await send(accessToken, { method: 'PUT', path: '/me/player/repeat', query: { state: mode } });
    },

    /** Adds a track or an episode to the end of what the listener has added ("Add Item to Playback Queue"). */
    async addToQueue(accessToken: string, uri: string): Promise<void> {
      await send(accessToken, { method: 'POST', path: '/me/player/queue', query: { uri } });
    },

    /** Returns what is up next ("Get the User's Queue"). */
    async queue(accessToken: string): Promise<Queue> {
      return parseQueue(await send(accessToken, { method: 'GET', path: '/me/player/queue' }), trusted);
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

function contextBody({ context, offset }: Extract<Start, { context: string }>) {
  return { context_uri: context, ...(offset !== null && { offset }) };
}
