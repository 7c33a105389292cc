/** Work that no request waits for, or that must not be cut off. */
export type BackgroundTasks = ReturnType<typeof createBackgroundTasks>;

/** This process is stopping, and begins nothing that it might not be able to finish. Nothing was lost. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown';
}

type Deps = {
  /** Called with the name of a task that failed and its error. */
  onFailure: (name: string, error: unknown) => void;
};

/**
 * Knows what is running although no request may be waiting for it. Every promise that nothing awaits goes through here: without a
 * handler, its rejection would be unhandled, and without a record of it, a stop could not wait until it is done.
 */
export function createBackgroundTasks({ onFailure }: Deps) {
  const running = new Map<Promise<void>, string>();
  let stopping = false;

  function add(name: string, task: Promise<void>): void {
    running.set(task, name);
    void task.finally(() => running.delete(task));
  }

  return {
    /** Lets `work` go on by itself; its failure is reported under `name` and goes no further. */
    run(name: string, work: Promise<unknown>): void {
      const reported = work.then(
        () => undefined,
        (error: unknown) => onFailure(name, error),
      );
      add(name, reported);
    },

    /**
     * Does work that a stop waits for, even when the browser that asked for it has left; returns what it returns and throws what it
     * throws. Throws {@link ShuttingDown} once a stop has begun, and then nothing has been done.
     */
    async finish<T>(name: string, work: () => Promise<T>): Promise<T> {
      // safeguard: no-critical-work-while-stopping
      if (stopping) throw new ShuttingDown(`Not begun while stopping: ${name}`);
      const result = work();
      const settled = result.then(
        () => undefined,
        () => undefined,
      );
      add(name, settled);
      return result;
    },

    /** From now on `finish` begins nothing. */
    beginStop(): void {
      stopping = true;
    },

    /** The names of the tasks that are running. */
    running: (): string[] => [...new Set(running.values())],

    /** Resolves when no task is running, or after `timeoutMs` milliseconds; returns whether all had finished. */
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
