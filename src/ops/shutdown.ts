import type { BackgroundTasks } from './background.ts';
import type { Log } from './log.ts';
import type { Serving } from './serve.ts';

/** As much of Node's `process` as stopping takes. */
type Signals = {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  exit(code: number): void;
  stderr: { write(text: string): unknown };
};

/** A class of errors whose words say what to do. */
type Telling = abstract new (...args: never[]) => Error;

/** What was begun and has to be ended. */
export type ShutdownSequence = ReturnType<typeof createShutdownSequence>;

/**
 * Ctrl-C reaches every process of the terminal, and npm passes its own copy on, so one press arrives as two signals within milliseconds.
 */
const samePressMs = 1_000;

/**
 * Ends whatever was begun, at the first signal or when told to. Another signal, a second or more after the first, exits at once.
 */
export function createShutdownSequence(signals: Signals) {
  const begun = new AsyncDisposableStack();
  const ending = new AbortController();
  let ended: Promise<void> | null = null;

  function all(): Promise<void> {
    ending.abort();
    ended ??= begun.disposeAsync();
    return ended;
  }

  let exiting = false;
  let signaledAt = Number.NEGATIVE_INFINITY;
  function exit(code: number): void {
    if (exiting) return;
    exiting = true;
    all().then(
      // safeguard: exit-code-after-exception
      () => signals.exit(code),
      () => signals.exit(1),
    );
  }
  function onSignal(): void {
    // safeguard: ignore-duplicate-signals
    if (performance.now() - signaledAt < samePressMs) return;
    signaledAt = performance.now();
    // safeguard: exit-at-second-signal
    if (exiting) signals.exit(1);
    exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) signals.on(signal, onSignal);

  return {
    /** Remembers how to end something that was begun just now. What is begun during the end goes with the process. */
    add(end: () => unknown): void {
      if (!begun.disposed) begun.defer(async () => void (await end()));
    },

    /** Ends everything once, the last begun first; rejects if something could not be ended, when all the rest has been. */
    all,

    /** Ends everything, then exits with this code, or with 1 if something could not be ended. */
    exit,

    /** Ends everything and exits with 1 after a failure, with its words if it is one of `telling`. Otherwise throws it on. */
    async after(failure: unknown, telling: readonly Telling[]): Promise<void> {
      // What fails because somebody has interrupted it is no news to them.
      const interrupted = ending.signal.aborted;
      await all();
      if (!(failure instanceof Error) || !telling.some((one) => failure instanceof one)) throw failure;
      if (!interrupted) signals.stderr.write(`${failure.message}\n`);
      signals.exit(1);
    },

    /** Aborted once ending has begun. */
    signal: ending.signal,
  };
}

type Stopping = {
  serving: Pick<Serving, 'close'>;
  background: Pick<BackgroundTasks, 'beginStop' | 'drain' | 'running'>;
  /** Ends what would stay open for ever, and whatever begins work by itself. */
  closeStreams: () => void;
  log: Log;
  /** Milliseconds for requests under way. */
  requestsMs?: number;
  /** Milliseconds for everything. */
  totalMs?: number;
};

/**
 * Stops serving without losing anything: begins nothing more that can't be repeated, lets requests finish, then the work that goes
 * on without one. What that work needs, Redis above all, is to be closed after this.
 *
 * The accounts service has 8 s to answer a refresh, and its answer must be saved: with rotation it is the only token that Spotify
 * still honours. Docker kills a container 10 s after its signal.
 */
export async function stopServing(stopping: Stopping): Promise<void> {
  // safeguard: shutdown-deadline
  const { serving, background, closeStreams, log, requestsMs = 8_500, totalMs = 9_500 } = stopping;
  const stopAt = performance.now() + totalMs;
  log.info('Stopping');
  background.beginStop();
  // safeguard: no-polling-while-stopping
  closeStreams();
  await serving.close(requestsMs);
  if (await background.drain(stopAt - performance.now())) return;
  log.error('Stopped before everything was finished', { unfinished: background.running().join(', ') });
}
