import { setTimeout as sleep } from 'node:timers/promises';
import { Cooldown } from '../../access/errors.ts';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import type { OnResponse } from '../../spotify/export-calls.ts';

/**
 * Makes a read call to Spotify; waits and retries if that may help. A call that reports its response with `onResponse` makes way for the next one, and
 * waits until it may be parsed.
 */
export type Reader = <T>(call: (onResponse: OnResponse) => Promise<T>) => Promise<T>;

type Deps = {
  now: () => number;
  /** Aborted when the client has gone: no more calls are made, and a pause ends. */
  signal: AbortSignal;
  /** The longest pause that is acceptable now, in milliseconds. */
  maxPauseMs: () => number;
  /** Called when a pause begins, with its end in milliseconds since 1970, and when it is over. `onResume` throws if the export must not go on. */
  onPause: (until: number) => void;
  onResume: () => Promise<void>;
};

/** The limit for all pauses of an export together, so that it ends even if Spotify lets a few calls through between them. */
const maxTotalPauseMs = 5 * 60_000;
/** How many calls an export makes at once. */
// safeguard: export-concurrency
const maxAtOnce = 8;
/** How often a pause checks the clock: it is the clock of Redis, and may be corrected while we wait. */
const stepMs = 250;
/** A 502 of Spotify's can be retried at once (GitHub: spotify/web-api#515); a short delay also covers a restart. */
const retryAfterMs = 500;
/** How many reads may be retried: a tenth of them, but always a few, so that retries don't double the load on a failing Spotify. */
const minRetries = 3;
const maxRetryShare = 0.1;

/**
 * The one place where an export waits. A short cooldown is waited out, and a read without a usable answer is retried once, within a budget for the
 * whole export. Throws the error of the call, or the reason of `signal`.
 */
export function createReader({ now, signal, maxPauseMs, onPause, onResume }: Deps): Reader {
  const spent = { reads: 0, retries: 0, pausedMs: 0, pausedUntil: 0 };
  const withSlot = createSlots(maxAtOnce);
  const nextTurn = createTurns();

  return async function read(call) {
    for (let hasRetried = false; ; ) {
      try {
        return await withSlot((release) => {
          signal.throwIfAborted();
          spent.reads += 1;
          return call(() => {
            release();
            return nextTurn();
          });
        });
      } catch (error) {
        // safeguard: pause-export-in-cooldown
        if (error instanceof Cooldown && reservePause(error.until)) await pause(error.until);
        // safeguard: retry-failed-export-read
        else if (error instanceof SpotifyUnavailable && !hasRetried && reserveRetry()) {
          hasRetried = true;
          await wait(retryAfterMs);
        } else throw error;
      }
    }
  };

  /** Counts a retry against the budget. Returns false if the budget is used up. */
  function reserveRetry(): boolean {
    // safeguard: export-retry-budget
    if (spent.retries >= Math.max(minRetries, spent.reads * maxRetryShare)) return false;
    spent.retries += 1;
    return true;
  }

  /**
   * Counts a pause against the budget. Returns false if it would be too long. Several reads are in flight at once and pause together, so the time
   * they share counts once.
   */
  function reservePause(until: number): boolean {
    const addedMs = Math.max(0, until - Math.max(now(), spent.pausedUntil));
    // safeguard: export-pause-budget
    if (until - now() > maxPauseMs() || spent.pausedMs + addedMs > maxTotalPauseMs) return false;
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

/**
 * Returns a function whose promises resolve one after the other, each in its own turn of the event loop, and none within a millisecond of the
 * last response. Responses often arrive together; if they were parsed at once, the next calls, and everyone else's, would wait for all of them.
 */
function createTurns(): () => Promise<void> {
  let last = Promise.resolve();
  let respondedAt = 0;
  return () => {
    respondedAt = performance.now();
    last = last.then(async () => {
      do await sleep(1);
      while (performance.now() - respondedAt < 1);
    });
    return last;
  };
}

/**
 * Returns a function that runs work as soon as less than `count` others have a slot, in the order of its calls. Work has its slot until it releases it,
 * or ends.
 */
function createSlots(count: number) {
  const waiting: (() => void)[] = [];
  let free = count;
  return async <T>(work: (release: () => void) => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    let hasSlot = true;
    const release = () => {
      if (!hasSlot) return;
      hasSlot = false;
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    };
    try {
      return await work(release);
    } finally {
      release();
    }
  };
}
