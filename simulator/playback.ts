import type { Playing, Settings } from './control.ts';
import { type Device, devicesOf } from './devices.ts';
import { createHistory, type Play } from './history.ts';
import type { Listener } from './listeners.ts';
import { Refused } from './refused.ts';
import { type Context, halted, type Item, moved, musicAt, placeOf, type Run, runOf, startOf } from './run.ts';

/** What a player shows at one moment. */
export type Moment = { kind: 'nothing' } | Shown;
export type Shown = {
  kind: 'track' | 'episode' | 'ad' | 'unknown';
  what: Item | null;
  progressMs: number | null;
  /** When this began or was paused: Spotify's "last change of state", in ms since the epoch. */
  changedAt: number;
  isPlaying: boolean;
  isPrivate: boolean;
  context: Context | null;
  device: Device;
};

/** What may not be done just now, in Spotify's names (Spotify: `DisallowsObject`). */
export type Disallowed =
  | 'interrupting_playback'
  | 'pausing'
  | 'resuming'
  | 'seeking'
  | 'skipping_next'
  | 'skipping_prev'
  | 'toggling_repeat_context'
  | 'toggling_repeat_track'
  | 'toggling_shuffle'
  | 'transferring_playback';

/** Advertisements are heard to their end, as the answers of the real player say. */
const inAds: readonly Disallowed[] = [
  'seeking',
  'skipping_next',
  'skipping_prev',
  'toggling_repeat_context',
  'toggling_repeat_track',
  'toggling_shuffle',
];

const onRestricted: readonly Disallowed[] = [
  ...inAds,
  'interrupting_playback',
  'pausing',
  'resuming',
  'transferring_playback',
];

/** One listener's player. Without a run nothing is active. */
type Player = { run: Run | null; device: Device; last: Run };
/** Commands show only after a while, so a player may have several states waiting. */
type Version = Player & { from: number };

/** Where to begin when something new is to be played. */
export type Start = { list: readonly Item[]; index: number; positionMs: number; context: Context | null };

export type Players = ReturnType<typeof createPlayers>;

type Deps = { settings: Settings; listeners: ReadonlyMap<string, Listener>; now: () => number };

/** Everybody's player. `now` gives milliseconds since the epoch. Commands throw {@link Refused} where Spotify refuses them. */
export function createPlayers({ settings, listeners, now }: Deps) {
  const history = createHistory(listeners, now());
  const players = new Map<string, { devices: readonly Device[]; versions: Version[] }>();
  for (const listener of listeners.values()) {
    const devices = devicesOf(listener);
    const player = playerOf(listener.startsWith, devices[0], now());
    players.set(listener.id, { devices, versions: [{ ...player, from: now() }] });
  }

  const known = (listenerId: string) => {
    const player = players.get(listenerId);
    if (!player) throw new Error(`No such listener: ${listenerId}`);
    return player;
  };

  /** The last one that has come into force. */
  const visible = (listenerId: string): Version => {
    const { versions } = known(listenerId);
    const shown = versions.findLast(({ from }) => from <= now()) ?? versions[0];
    if (!shown) throw new Error('A player has no state');
    return shown;
  };

  const newest = (listenerId: string): Version => known(listenerId).versions.at(-1) ?? visible(listenerId);

  /** Which device a command is for; without a word, the active one. */
  const target = (listenerId: string, deviceId: string | null): Device => {
    const { run, device } = newest(listenerId);
    if (deviceId === null) {
      if (!run) {
        throw new Refused(404, 'Player command failed: No active device found', 'NO_ACTIVE_DEVICE');
      }
      return device;
    }
    const named = known(listenerId).devices.find(({ id }) => id === deviceId);
    if (!named) throw new Refused(404, 'Device not found');
    return named;
  };

  /** Carries a command out at once, and shows it after the delay. */
  const command = (
    listenerId: string,
    deviceId: string | null,
    change: (run: Run, device: Device) => Run,
  ) => {
    const device = target(listenerId, deviceId);
    if (device.isRestricted) throw restricted();
    const before = newest(listenerId);
    const at = now();
    const run = change(before.run ?? halted(before.last, at, false), device);
    if (before.run) history.keep(listenerId, before.run, at);
    const { versions } = known(listenerId);
    versions.push({ run, device, last: run, from: at + settings.commandDelayMs });
    while (versions[1] && versions[1].from <= at) versions.shift();
  };

  return {
    /** As if the listener had done it on the device itself, which shows at once; `on` is the device's name. */
    plays(listenerId: string, what: Playing, on?: string) {
      const player = known(listenerId);
      const before = newest(listenerId);
      const device = on === undefined ? before.device : player.devices.find(({ name }) => name === on);
      if (!device) throw new Error(`${listenerId} has no device ${on}`);
      if (before.run) history.keep(listenerId, before.run, now());
      const next = playerOf(what, device, now());
      // Where nothing plays any more, a command goes on with what played before.
      const last = next.run ?? (before.run ? halted(before.run, now(), false) : before.last);
      player.versions = [{ ...next, last, from: now() }];
    },

    at(listenerId: string): Moment {
      const { run, device } = visible(listenerId);
      return run ? momentOf(run, device, now()) : { kind: 'nothing' };
    },

    /** All the devices, and which of them is active. */
    devices(listenerId: string): { device: Device; isActive: boolean; isPrivate: boolean }[] {
      const { run, device: active } = visible(listenerId);
      return known(listenerId).devices.map((device) => {
        const isActive = run !== null && device === active;
        return { device, isActive, isPrivate: isActive && run.isPrivate };
      });
    },

    /** What was heard to its end, newest first, with what the running list has played since. */
    history: (listenerId: string): Play[] => history.of(listenerId, newest(listenerId).run, now()),

    resume: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (run, device) => {
        // Naming another device moves the music there, and that is no resuming.
        if (device === newest(listenerId).device) refuse('resuming', run, device);
        return halted(run, now(), true);
      }),

    pause: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (run, device) => {
        refuse('pausing', run, device);
        return halted(run, now(), false);
      }),

    /** "After a successful skip operation, playback will automatically start" (Spotify's older reference). */
    next: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (run, device) => {
        refuse('skipping_next', run, device);
        return moved(run, now(), 1);
      }),

    /**
     * Always goes back, however far the track is; only the first of a list begins anew (Spotify's older reference: "this
     * will always skip to the previous track, regardless of the current track's progress").
     */
    previous: (listenerId: string, deviceId: string | null) =>
      command(listenerId, deviceId, (run, device) => {
        refuse('skipping_prev', run, device);
        return moved(run, now(), -1);
      }),

    /** Plays something else. */
    start: (listenerId: string, deviceId: string | null, { list, index, positionMs, context }: Start) =>
      command(listenerId, deviceId, (run) => ({
        kind: 'items',
        list,
        positionMs: startOf(list, index) + positionMs,
        since: now(),
        isPlaying: true,
        isPrivate: run.isPrivate,
        context,
      })),

    /** `play` makes sure that it plays afterwards; otherwise it goes on or stays paused (Spotify: "Transfer Playback"). */
    transfer: (listenerId: string, deviceId: string, play: boolean) =>
      command(listenerId, deviceId, (run) => halted(run, now(), run.isPlaying || play)),
  };
}

/** What may not be done with what shows. */
export function disallowed({
  kind,
  isPlaying,
  device,
}: {
  kind: Run['kind'] | Shown['kind'];
  isPlaying: boolean;
  device: Device;
}): readonly Disallowed[] {
  if (device.isRestricted) return onRestricted;
  const now: Disallowed = isPlaying ? 'resuming' : 'pausing';
  return kind === 'ad' ? [now, ...inAds] : [now];
}

/** Spotify says no more than this, whatever the reason. */
const restricted = () => new Refused(403, 'Player command failed: Restriction violated', 'UNKNOWN');

function refuse(wish: Disallowed, run: Run, device: Device) {
  if (disallowed({ ...run, device }).includes(wish)) throw restricted();
}

/** A player set to something; with `nothing`, it would go on with the music. */
function playerOf(playing: Playing, device: Device, at: number): Player {
  const run = runOf(playing, at);
  return { run, device, last: run ?? { ...musicAt(0, at), isPlaying: false } };
}

function momentOf(run: Run, device: Device, now: number): Shown {
  const { kind, since, isPlaying, isPrivate, context } = run;
  const { what, progressMs } = placeOf(run, now);
  return {
    kind: kind !== 'items' ? kind : what?.kind === 'episode' ? 'episode' : 'track',
    what,
    progressMs,
    changedAt: isPlaying && what !== null ? Math.max(since, now - progressMs) : since,
    isPlaying,
    isPrivate,
    context: what?.kind === 'episode' ? { type: 'show', id: what.show.id } : context,
    device,
  };
}
