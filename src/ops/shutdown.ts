/** As much of Node's `process` as stopping takes. */
type Signals = {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  exit(code: number): void;
};

/**
 * Runs `stop` once at the first signal to end, then exits with 0, or 1 where stopping failed.
 * A second signal exits at once.
 */
export function stopOnSignal(signals: Signals, stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) return signals.exit(1);
    stopping = true;
    stop().then(
      () => signals.exit(0),
      () => signals.exit(1),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) signals.on(signal, onSignal);
}

/** What was begun and has to be ended. */
export type Endings = {
  /** Remembers how to end something that was begun just now. */
  add(end: () => unknown): void;
  /** Ends everything, the last begun first. */
  all(): Promise<void>;
  /** Aborted once ending has begun. */
  signal: AbortSignal;
};

/** Ends whatever was begun at the first signal, or when told to; also what was begun before a later step failed. */
export function createEndings(signals: Signals): Endings {
  const begun: (() => unknown)[] = [];
  const ending = new AbortController();
  const all = async () => {
    ending.abort();
    for (const end of begun.splice(0).reverse()) await end();
  };
  stopOnSignal(signals, all);
  return { add: (end) => void begun.push(end), all, signal: ending.signal };
}
