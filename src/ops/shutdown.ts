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
