/** Work that no request waits for, or that must not be interrupted. */
export type BackgroundTasks = ReturnType<typeof createBackgroundTasks>;

/** This process is stopping, so it starts no work that it might not finish. Nothing was lost. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown';
}

type Deps = {
  /** Called with the name and the error of a task that failed. */
  onFailure: (name: string, error: unknown) => void;
};

/**
 * Tracks work that may outlive its request. Every promise that nothing awaits goes through here: otherwise its rejection would be
 * unhandled, and a shutdown couldn't wait for it.
 */
export function createBackgroundTasks({ onFailure }: Deps) {
  const running = new Map<Promise<void>, string>();
  let isStopping = false;

  function add(name: string, task: Promise<void>): void {
    running.set(task, name);
    void task.finally(() => running.delete(task));
  }

  return {
    /** Tracks `work` in the background. If it fails, that is reported under `name` and otherwise ignored. */
    run(name: string, work: Promise<unknown>): void {
      const reported = work.then(
        () => undefined,
        (error: unknown) => onFailure(name, error),
      );
      add(name, reported);
    },

    /**
     * Runs work that a shutdown waits for, even if the browser has disconnected. Returns its result, and throws its errors. Throws
     * {@link ShuttingDown} without running it if a shutdown has started.
     */
    async finish<T>(name: string, work: () => Promise<T>): Promise<T> {
      // safeguard: no-critical-work-while-stopping
      if (isStopping) throw new ShuttingDown(`Not started while stopping: ${name}`);
      const result = work();
      const settled = result.then(
        () => undefined,
        () => undefined,
      );
      add(name, settled);
      return result;
    },

    /** From now on, `finish` runs nothing. */
    beginStop(): void {
      isStopping = true;
    },

    running: (): string[] => [...new Set(running.values())],

    /** Waits until no task is running, for at most `timeoutMs` milliseconds. Returns whether all have finished. */
    async drain(timeoutMs: number): Promise<boolean> {
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, timeoutMs);
      const expired = timeout.promise.then(() => true);
      while (running.size > 0) {
        if (await Promise.race([Promise.all(running.keys()).then(() => false), expired])) break;
      }
      clearTimeout(timer);
      return running.size === 0;
    },
  };
}
