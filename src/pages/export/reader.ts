import { setTimeout as sleep } from 'node:timers/promises';
import { Cooldown } from '../../access/errors.ts';
import { SpotifyUnavailable } from '../../spotify/errors.ts';

/** Makes a call that reads from Spotify, and does not give up at the first failure. */
export type Reader = <T>(call: () => Promise<T>) => Promise<T>;

type Deps = {
  now: () => number;
  /** Aborted when nobody waits for the file any more: then no call is made, and no pause goes on. */
  signal: AbortSignal;
  /** How long a pause may last now, in milliseconds. */
  longestPauseMs: () => number;
  /** Called with the end of each pause, in milliseconds since 1970, and when it is over. Throws if the export must not go on. */
  onPause: (until: number) => void;
  onResume: () => Promise<void>;
};

/** Of all pauses of an export together: Spotify that lets through a few calls between them is not to be asked for ever. */
const pausesMs = 5 * 60_000;
/** A pause looks at the clock this often: the clock is that of Redis, and may be put right while we wait. */
const stepMs = 250;
/** Before a read is repeated. A 502 of Spotify's may be repeated at once (GitHub: spotify/web-api#515); a moment lets a restart pass as well. */
const repeatAfterMs = 500;
/** How many reads may be repeated: a tenth of them, and a few in any case, so that a Spotify in trouble is not asked twice as often. */
const repeatsAtLeast = 3;
const repeatsShare = 0.1;

/**
 * The one place where an export waits: a cooldown that is short is waited out, and a read that brought no answer, a 5xx or nothing that can be
 * read is repeated once, within a budget for the whole export. Throws what the call throws, and the reason of `signal`.
 */
export function createReader({ now, signal, longestPauseMs, onPause, onResume }: Deps): Reader {
  const spent = { reads: 0, repeats: 0, pausedMs: 0, pausedUntil: 0 };

  return async function read(call) {
    for (let repeated = false; ; ) {
      signal.throwIfAborted();
      spent.reads += 1;
      try {
        return await call();
      } catch (error) {
        // safeguard: pause-export-in-cooldown
        if (error instanceof Cooldown && mayPause(error.until)) await pause(error.until);
        // safeguard: retry-failed-export-read
        else if (error instanceof SpotifyUnavailable && !repeated && mayRepeat()) {
          repeated = true;
          await wait(repeatAfterMs);
        } else throw error;
      }
    }
  };

  function mayRepeat(): boolean {
    // safeguard: export-retry-budget
    if (spent.repeats >= Math.max(repeatsAtLeast, spent.reads * repeatsShare)) return false;
    spent.repeats += 1;
    return true;
  }

  /** Several reads are under way at once and pause together: what they wait for counts once. */
  function mayPause(until: number): boolean {
    const addedMs = Math.max(0, until - Math.max(now(), spent.pausedUntil));
    // safeguard: export-pause-budget
    if (until - now() > longestPauseMs() || spent.pausedMs + addedMs > pausesMs) return false;
    spent.pausedMs += addedMs;
    spent.pausedUntil = Math.max(spent.pausedUntil, until);
    return true;
  }

  async function pause(until: number): Promise<void> {
    onPause(spent.pausedUntil);
    while (now() < until) await wait(Math.min(stepMs, until - now()));
    await onResume();
  }

  async function wait(ms: number): Promise<void> {
    // safeguard: end-pause-without-client
    await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
