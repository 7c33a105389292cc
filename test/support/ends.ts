/** Something that ends, and ends what was started for it: a test, or a measurement. */
export type Ends = { after(end: () => unknown): void };

/** One that ends when it is told to: the last thing first. */
export function createEnds(): Ends & { end(): Promise<void> } {
  const all: (() => unknown)[] = [];
  return {
    after: (end) => void all.push(end),
    async end() {
      for (const end of all.splice(0).reverse()) await end();
    },
  };
}
