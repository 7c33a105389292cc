import type { Command, PlayCommand } from '../spotify/player-calls.ts';
import type { Repeat } from '../spotify/types.ts';
import { defineCall, ttl, type UsedBy } from './spotify-call.ts';
import { topics } from './topics.ts';

const playerScopes = ['user-read-playback-state'] as const;

/** The properties that all commands share. */
const controls = {
  scopes: ['user-modify-playback-state'],
  family: 'player-write',
  invalidates: topics.player,
} as const;

/** The calls about the player, for the table of listener-calls.ts. */
export const playerCalls = {
  player: defineCall({
    endpoints: ['GET /me/player'],
    scopes: playerScopes,
    family: 'player-read',
    usedBy: {
      'Now playing': 'and live updates',
      Wall: true,
      'Playback bar': 'without scripts, once after a command',
    },
    async request({ webApi, accessToken, now }) {
      const askedAt = now();
      return { playback: await webApi.player(accessToken), askedAt };
    },
    cache: { key: () => 'player', ttlMs: ttl.second },
  }),

  devices: defineCall({
    endpoints: ['GET /me/player/devices'],
    scopes: playerScopes,
    family: 'player-read',
    usedBy: { Devices: true },
    request: ({ webApi, accessToken }) => webApi.devices(accessToken),
    cache: { key: () => 'devices', ttlMs: ttl.second },
  }),

  play: defineCall({
    ...controls,
    endpoints: ['PUT /me/player/play'],
    usedBy: { 'Now playing': '"Play"', 'Lists of tracks': '"Play", "Shuffle"' },
    request: ({ webApi, accessToken }, command: PlayCommand) => webApi.play(accessToken, command),
  }),

  pause: defineCommand('pause', 'PUT /me/player/pause', { 'Now playing': '"Pause"' }),
  next: defineCommand('next', 'POST /me/player/next', { 'Now playing': '"Next"' }),
  previous: defineCommand('previous', 'POST /me/player/previous', { 'Now playing': '"Previous"' }),

  transfer: defineCall({
    ...controls,
    endpoints: ['PUT /me/player'],
    usedBy: { Devices: '"Play here"' },
    request: ({ webApi, accessToken }, deviceId: string) => webApi.transfer(accessToken, deviceId),
  }),

  seek: defineCall({
    ...controls,
    endpoints: ['PUT /me/player/seek'],
    usedBy: { 'Now playing': 'the progress bar' },
    request: ({ webApi, accessToken }, positionMs: number) => webApi.seek(accessToken, positionMs),
  }),

  setVolume: defineCall({
    ...controls,
    endpoints: ['PUT /me/player/volume'],
    usedBy: { 'Now playing': 'the volume' },
    request: ({ webApi, accessToken }, percent: number) => webApi.setVolume(accessToken, percent),
  }),

  setShuffle: defineCall({
    ...controls,
    endpoints: ['PUT /me/player/shuffle'],
    usedBy: { 'Now playing': '"Shuffle"', 'Lists of tracks': '"Shuffle"' },
    request: ({ webApi, accessToken }, on: boolean, deviceId: string | null = null) =>
      webApi.setShuffle(accessToken, on, deviceId),
  }),

  setRepeat: defineCall({
    ...controls,
    endpoints: ['PUT /me/player/repeat'],
    usedBy: { 'Now playing': '"Repeat"' },
    request: ({ webApi, accessToken }, mode: Repeat) => webApi.setRepeat(accessToken, mode),
  }),

  /** Sent once: a second attempt would add the track twice. */
  addToQueue: defineCall({
    ...controls,
    endpoints: ['POST /me/player/queue'],
    usedBy: { 'Lists of tracks': '"Add to queue", once for each track' },
    request: ({ webApi, accessToken }, uri: string) => webApi.addToQueue(accessToken, uri),
  }),

  queue: defineCall({
    endpoints: ['GET /me/player/queue'],
    scopes: ['user-read-currently-playing', ...playerScopes],
    family: 'player-read',
    usedBy: { 'Up next': true, Wall: 'once for each list that plays' },
    request: ({ webApi, accessToken }) => webApi.queue(accessToken),
    cache: { key: () => 'queue', ttlMs: ttl.second },
  }),
};

function defineCommand(name: Command, endpoint: string, usedBy: UsedBy) {
  return defineCall({
    ...controls,
    endpoints: [endpoint],
    usedBy,
    request: ({ webApi, accessToken }) => webApi.command(accessToken, name),
  });
}
