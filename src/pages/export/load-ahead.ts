/** How many pages of a list are loaded before they are needed. More than are requested at once, so that a slow one doesn't hold up the others. */
const maxAhead = 12;

/**
 * Loads the pages of a list ahead of their use. `expect` says how many there are and starts loading the next ones; `take` returns a page, from 0,
 * each of them once and in order; `close` waits for those that are loading and ignores them. `isSequential`: a page can only be loaded after the one before
 * it.
 */
export function createAheadLoader<T>(load: (index: number) => Promise<T>, isSequential = false) {
  // safeguard: pages-by-cursor-in-order
  const ahead = isSequential ? 1 : maxAhead;
  const loading = new Map<number, Promise<T>>();
  let expected = 1;
  let started = 0;
  let taken = 0;

  function startMore(): void {
    for (; started < Math.min(expected, taken + ahead); started += 1) {
      const page = load(started);
      // Its error is thrown when it is taken; without this, Node would report it as unhandled before.
      page.catch(() => undefined);
      loading.set(started, page);
    }
  }

  return {
    expect(count: number): void {
      expected = Math.max(1, count);
      startMore();
    },

    async take(index: number): Promise<T> {
      startMore();
      // safeguard: export-page-order
      const page = loading.get(index) as Promise<T>;
      loading.delete(index);
      taken = index + 1;
      const loaded = await page;
      startMore();
      return loaded;
    },

    async close(): Promise<void> {
      expected = 0;
      await Promise.allSettled(loading.values());
      loading.clear();
    },
  };
}
