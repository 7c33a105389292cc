/** Something with an end at which registered functions run, such as a test or a benchmark. */
export type CleanupScope = { after(cleanUp: () => unknown): void };

/** A scope that ends with `close`. Runs the functions in reverse order. */
export function createCleanupScope(): CleanupScope & { close(): Promise<void> } {
  const cleanUps: (() => unknown)[] = [];
  return {
    after: (cleanUp) => void cleanUps.push(cleanUp),
    async close() {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    },
  };
}
