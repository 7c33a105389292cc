import { ApiError } from './api-error.ts';
import { type Device, devicesOf } from './devices.ts';
import { assertAllowed, restrictionViolated } from './disallows.ts';
import { createHistory, type Play } from './history.ts';
import type { Listener } from './listeners.ts';
import {
  type Context,
  currentItem,
  type Item,
  isOver,
  musicAt,
  orderFrom,
  type Playback,
  type Repeat,
  setPlaying,
  settle,
  skip,
  startOf,
  startPlayback,
  upNext,
} from './playback.ts';
import { type Command, createPlayerSettings } from './player-settings.ts';
import { createRandom } from './random.ts';
import type { Playing, Settings } from './types.ts';

/** The display of a player at one moment. */
export type PlayerState = { kind: 'nothing' } | ActivePlayer;
export type ActivePlayer = {
  kind: 'track' | 'episode' | 'ad' | 'unknown';
  item: Item | null;
  progressMs: number | null;
  /** When this item began or was paused: Spotify's "last change of state", in ms since the epoch. */
  changedAt: number;
  isPlaying: boolean;
  isPrivate: boolean;
  context: Context | null;
  repeat: Repeat;
  isShuffled: boolean;
  device: Device;
};

/** One listener's player. It is inactive without a playback, and then resumes with `last`. */
type Player = { playback: Playback | null; device: Device; last: Playback };
/** Commands take effect at once and show after a delay, so a player can have several versions. */
type PlayerVersion = Player & { visibleFrom: number };

/** The items to play, and where to start; `index` is null if the command doesn't say. */
export type Start = {
  list: readonly Item[];
  index: number | null;
  positionMs: number;
  context: Context | null;
};

export type Players = ReturnType<typeof createPlayers>;

type Deps = { settings: Settings; listeners: ReadonlyMap<string, Listener>; now: () => number };
type PlayerStore = ReturnType<typeof createPlayerStore>;

/** The players of all listeners. `now` returns milliseconds since the epoch. Commands throw {@link ApiError} if Spotify would refuse them. */
export function createPlayers({ settings, listeners, now }: Deps) {
  const store = createPlayerStore({ listeners, now });
  const history = createHistory(listeners, now());
  const { latest, visible, devicesFor } = store;

  /** Carries out a command at once and shows its effect after the delay. */
  const command: Command = (listenerId, deviceId, change) => {
    const device = targetDevice(store, listenerId, deviceId);
    if (device.isRestricted) throw restrictionViolated();
    const before = latest(listenerId);
    const at = now();
    const current = before.playback ?? setPlaying(before.last, at, false);
    const playback = change(settle(current, at), device);
    if (before.playback) history.record(listenerId, before.playback, at);
    store.add(listenerId, { playback, device, last: playback, visibleFrom: at + settings.commandDelayMs });
  };

  return {
    /** Changes what a listener plays, as if on the device, which shows at once. `on` is the device's name. */
    plays(listenerId: string, playing: Playing, on?: string) {
      const before = latest(listenerId);
      const device =
        on === undefined ? before.device : devicesFor(listenerId).find(({ name }) => name === on);
      if (!device) throw new Error(`${listenerId} has no device ${on}`);
      if (before.playback) history.record(listenerId, before.playback, now());
      const next = createPlayer(playing, device, now());
      // If nothing plays now, a later command resumes the previous playback.
      const last =
        next.playback ?? (before.playback ? setPlaying(before.playback, now(), false) : before.last);
      store.replace(listenerId, { ...next, last, visibleFrom: now() });
    },

    stateOf(listenerId: string): PlayerState {
      const { playback, device } = visible(listenerId);
      return playback ? stateAt(playback, device, now()) : { kind: 'nothing' };
    },

    devices(listenerId: string): { device: Device; isActive: boolean; isPrivate: boolean }[] {
      const { playback, device: active } = visible(listenerId);
      return devicesFor(listenerId).map((device) => {
        const isActive = playback !== null && device === active;
        return { device, isActive, isPrivate: isActive && playback.isPrivate };
      });
    },

    /** Completed tracks, newest first. */
    history: (listenerId: string): Play[] => history.list(listenerId, latest(listenerId).playback, now()),

    resume: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (playback, device) => {
        // Naming another device transfers the playback, which is allowed while it plays.
        if (device === latest(listenerId).device) assertAllowed('resuming', playback, device);
        return setPlaying(playback, now(), true);
      }),

    pause: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (playback, device) => {
        assertAllowed('pausing', playback, device);
        return setPlaying(playback, now(), false);
      }),

    /** "After a successful skip operation, playback will automatically start" (Spotify's older reference). */
    next: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (playback, device) => {
        assertAllowed('skipping_next', playback, device);
        return skip(playback, now(), 1);
      }),

    /**
     * Restarts the first item of a list, and otherwise goes back by one (Spotify's older reference: "this will always skip to the
     * previous track, regardless of the current track's progress").
     */
    previous: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (playback, device) => {
        assertAllowed('skipping_prev', playback, device);
        return skip(playback, now(), -1);
      }),

    start: (listenerId: string, deviceId: string | null, { list, index, positionMs, context }: Start) =>
      command(listenerId, deviceId, ({ isPrivate, repeat, unshuffled }) => {
        const random = unshuffled === null ? null : createRandom(`start ${now()}`);
        const order = orderFrom(list, index, random);
        return {
          kind: 'items',
          list: order.list,
          positionMs: startOf(order.list, order.index) + positionMs,
          since: now(),
          isPlaying: true,
          isPrivate,
          context,
          repeat,
          unshuffled: order.unshuffled,
          queued: null,
        };
      }),

    ...createPlayerSettings(command, now),

    /** The current item and what follows it; none if nothing is active. */
    queue(listenerId: string): { current: Item | null; upNext: Item[] } {
      const { playback } = visible(listenerId);
      if (!playback) return { current: null, upNext: [] };
      return { current: currentItem(playback, now()).item, upNext: upNext(playback, now()) };
    },

    /** Starts to play if `play` is true; otherwise a paused player stays paused (Spotify: "Transfer Playback"). */
    transfer: (listenerId: string, deviceId: string, play: boolean) =>
      command(listenerId, deviceId, (playback) => setPlaying(playback, now(), playback.isPlaying || play)),
  };
}

/** The versions of each player, the visible one first. */
function createPlayerStore({ listeners, now }: Pick<Deps, 'listeners' | 'now'>) {
  const players = new Map<string, { devices: readonly Device[]; versions: PlayerVersion[] }>();
  for (const listener of listeners.values()) {
    const devices = devicesOf(listener);
    const player = createPlayer(listener.initiallyPlaying, devices[0], now());
    players.set(listener.id, { devices, versions: [{ ...player, visibleFrom: now() }] });
  }

  const playerOf = (listenerId: string) => {
    const player = players.get(listenerId);
    if (!player) throw new Error(`No such listener: ${listenerId}`);
    return player;
  };

  const visible = (listenerId: string): PlayerVersion => {
    const { versions } = playerOf(listenerId);
    const version = versions.findLast(({ visibleFrom }) => visibleFrom <= now()) ?? versions[0];
    if (!version) throw new Error('A player has no state');
    return version;
  };

  return {
    devicesFor: (listenerId: string) => playerOf(listenerId).devices,
    visible,

    /** The state after all commands, including those that don't show yet. */
    latest: (listenerId: string): PlayerVersion =>
      playerOf(listenerId).versions.at(-1) ?? visible(listenerId),

    add(listenerId: string, version: PlayerVersion) {
      const { versions } = playerOf(listenerId);
      versions.push(version);
      while (versions[1] && versions[1].visibleFrom <= now()) versions.shift();
    },

    replace(listenerId: string, version: PlayerVersion) {
      playerOf(listenerId).versions = [version];
    },
  };
}

/** Returns the device that a command names, or else the active one. */
function targetDevice(store: PlayerStore, listenerId: string, deviceId: string | null): Device {
  const { playback, device } = store.latest(listenerId);
  if (deviceId === null) {
    if (!playback)
      throw new ApiError(404, 'Player command failed: No active device found', 'NO_ACTIVE_DEVICE');
    return device;
  }
  const named = store.devicesFor(listenerId).find(({ id }) => id === deviceId);
  if (!named) throw new ApiError(404, 'Device not found');
  return named;
}

/** Returns a new player. If it starts with nothing, resuming it plays the music. */
function createPlayer(playing: Playing, device: Device, at: number): Player {
  const playback = startPlayback(playing, at);
  return { playback, device, last: playback ?? { ...musicAt(0, at), isPlaying: false } };
}

function stateAt(playback: Playback, device: Device, now: number): ActivePlayer {
  const { kind, since, isPrivate, context, repeat, unshuffled } = playback;
  const isPlaying = playback.isPlaying && !isOver(playback, now);
  const { item, progressMs } = currentItem(playback, now);
  return {
    kind: kind !== 'items' ? kind : item?.kind === 'episode' ? 'episode' : 'track',
    item,
    progressMs,
    changedAt: isPlaying && item !== null ? Math.max(since, now - progressMs) : since,
    isPlaying,
    isPrivate,
    context: item?.kind === 'episode' ? { type: 'show', id: item.show.id } : context,
    repeat,
    isShuffled: unshuffled !== null,
    device,
  };
}
