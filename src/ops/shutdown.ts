import { setTimeout as sleep } from 'node:timers/promises';
import type { BackgroundTasks } from './background.ts';
import type { Log } from './log.ts';
import type { RunningServer } from './serve.ts';

/** The parts of Node's `process` that are needed to stop it. */
type Process = {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  exit(code: number): void;
  stderr: { write(text: string): unknown };
};

/** A class of errors whose messages are written for users. */
type UserError = abstract new (...args: never[]) => Error;

/**
 * Ctrl-C reaches every process of the terminal, and npm passes its own copy on, so one press arrives as two signals within milliseconds.
 */
const samePressMs = 1_000;

/**
 * Stops everything that was started, in reverse order, at the first signal or on request. Another signal, a second or more after the
 * first, exits at once.
 */
export function createShutdown(node: Process) {
  const stack = new AsyncDisposableStack();
  const started = new AbortController();
  let finished: Promise<void> | null = null;

  // A second call to disposeAsync() would resolve before the first one has finished.
  function run(): Promise<void> {
    started.abort();
    finished ??= stack.disposeAsync();
    return finished;
  }

  let isExiting = false;
  let signaledAt = Number.NEGATIVE_INFINITY;
  function exit(code: number): void {
    if (isExiting) return;
    isExiting = true;
    run().then(
      // safeguard: exit-code-after-exception
      () => node.exit(code),
      () => node.exit(1),
    );
  }
  function onSignal(): void {
    // safeguard: ignore-duplicate-signals
    if (performance.now() - signaledAt < samePressMs) return;
    signaledAt = performance.now();
    // safeguard: exit-at-second-signal
    if (isExiting) node.exit(1);
    exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) node.on(signal, onSignal);

  return {
    /** Adds a function that stops something. During a shutdown it is ignored: what starts then ends with the process. */
    defer(stop: () => unknown): void {
      if (!stack.disposed) stack.defer(async () => void (await stop()));
    },

    /** Stops everything once. If something can't be stopped, rejects after everything else has been. */
    run,

    /** Stops everything, then exits with this code, or with 1 if something couldn't be stopped. */
    exit,

    /** Stops everything after a failure. Prints its message and exits with 1 if it is one of `userErrors`, and rethrows it otherwise. */
    async fail(failure: unknown, userErrors: readonly UserError[]): Promise<void> {
      // A failure during a shutdown is caused by it, so its message would only confuse.
      const wasInterrupted = started.signal.aborted;
      await run();
      if (!(failure instanceof Error) || !userErrors.some((one) => failure instanceof one)) throw failure;
      if (!wasInterrupted) node.stderr.write(`${failure.message}\n`);
      node.exit(1);
    },

    /** Aborted when the shutdown starts. */
    signal: started.signal,
  };
}

type StopOptions = {
  server: Pick<RunningServer, 'close'>;
  background: Pick<BackgroundTasks, 'beginStop' | 'drain' | 'running'>;
  /** Closes all streams, and stops everything that starts work by itself. */
  closeStreams: () => void;
  log: Log;
  /** Milliseconds in which requests that have arrived may begin work that can't be repeated. */
  beginMs?: number | undefined;
  /** Milliseconds for requests in flight. */
  requestsMs?: number;
  /** Milliseconds for everything. */
  totalMs?: number;
};

/**
 * Stops serving without losing anything: accepts no more connections, starts no more work that can't be repeated, waits for requests, then
 * for background work. Close anything that this work needs, such as Redis, afterwards.
 *
 * The accounts service has 8 s to answer a refresh, and its answer must be saved: with rotation it contains the only refresh token that
 * Spotify still accepts. Docker kills a container 10 s after its signal. So what begins within the first second can be finished, and
 * requests that had arrived by then are served as usual.
 */
export async function stopServing(options: StopOptions): Promise<void> {
  // safeguard: shutdown-deadline
  const {
    server,
    background,
    closeStreams,
    log,
    beginMs = 1_000,
    requestsMs = 8_500,
    totalMs = 9_500,
  } = options;
  const stopAt = performance.now() + totalMs;
  log.info('Stopping');
  // safeguard: no-polling-while-stopping
  closeStreams();
  const closed = server.close(requestsMs);
  // safeguard: serve-arrived-requests
  await Promise.race([closed, sleep(beginMs, undefined, { ref: false })]);
  background.beginStop();
  log.info('Finishing what has begun');
  await closed;
  if (await background.drain(stopAt - performance.now())) return;
  log.error('Stopped before everything was finished', { unfinished: background.running().join(', ') });
}
