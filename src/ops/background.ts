/** Work that no request waits for. */
export type BackgroundTasks = ReturnType<typeof createBackgroundTasks>;

type Deps = {
  /** Called with the name of a task that failed and its error. */
  onFailure: (name: string, error: unknown) => void;
};

/**
 * Runs work that no request waits for. Every promise that nothing awaits goes through here: without a handler, its rejection
 * would be unhandled, and without a record of it, a stop could not wait until it is done.
 */
export function createBackgroundTasks({ onFailure }: Deps) {
  const running = new Set<Promise<void>>();

  return {
    /** Lets `work` go on by itself; its failure is reported under `name` and goes no further. */
    run(name: string, work: Promise<unknown>): void {
      const task = work.then(
        () => undefined,
        (error: unknown) => onFailure(name, error),
      );
      running.add(task);
      void task.finally(() => running.delete(task));
    },

    /** Resolves when no task is running, or after `timeoutMs` milliseconds; returns whether all had finished. */
    async drain(timeoutMs: number): Promise<boolean> {
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, timeoutMs);
      const expired = timeout.promise.then(() => true);
      while (running.size > 0) {
        if (await Promise.race([Promise.all(running).then(() => false), expired])) break;
      }
      clearTimeout(timer);
      return running.size === 0;
    },
  };
}
