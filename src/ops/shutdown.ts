/** As much of Node's `process` as stopping takes. */
type Signals = {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  exit(code: number): void;
  stderr: { write(text: string): unknown };
};

/** A class of errors whose words say what to do. */
type Telling = abstract new (...args: never[]) => Error;

/**
 * Runs `stop` once at the first signal to end, then exits with 0, or 1 where stopping failed.
 * A second signal exits at once. Returns a function that stops in the same way, and then exits with this code.
 */
export function stopOnSignal(signals: Signals, stop: () => Promise<void>): (code: number) => void {
  let stopping = false;
  const end = (code: number) => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => signals.exit(code),
      () => signals.exit(1),
    );
  };
  const onSignal = () => (stopping ? signals.exit(1) : end(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) signals.on(signal, onSignal);
  return end;
}

/** What was begun and has to be ended. */
export type Endings = {
  /** Remembers how to end something that was begun just now. */
  add(end: () => unknown): void;
  /** Ends everything, the last begun first. */
  all(): Promise<void>;
  /**
   * Ends everything and exits with 1 after a failure, with its words where it is one of `telling`. Throws it on where it is not.
   */
  after(failure: unknown, telling: readonly Telling[]): Promise<void>;
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
  const after = async (failure: unknown, telling: readonly Telling[]) => {
    // What fails because somebody has interrupted it is no news to them.
    const interrupted = ending.signal.aborted;
    await all();
    if (!(failure instanceof Error) || !telling.some((one) => failure instanceof one)) throw failure;
    if (!interrupted) signals.stderr.write(`${failure.message}\n`);
    signals.exit(1);
  };
  stopOnSignal(signals, all);
  return { add: (end) => void begun.push(end), all, after, signal: ending.signal };
}
