import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';

export type ResponseCache = ReturnType<typeof createResponseCache>;

type Deps = {
  now: () => number;
  /** Size of all cached responses together, in characters of JSON, or bytes if packed; the least recently used are evicted first. */
  maxCharacters?: number;
};

/** A packed value is the compressed JSON of it. */
type Entry = { value: unknown; isPacked: boolean; cachedAt: number; characters: number };

type Options<T> = {
  /** Whether a value may be cached. */
  isCacheable?: ((value: T) => boolean) | undefined;
  /** Whether to keep the compressed JSON instead of the value: a tenth of the memory, for values that are many and seldom read again. */
  isPacked?: boolean | undefined;
};

/** Spotify's Developer Terms require fresh data, so nothing is cached for longer, whether or not it is read again. */
const maxTtlMs = 10 * 60_000;
const sweepEveryMs = 60_000;

/**
 * Spotify's responses, cached in this process for a moment, so that double clicks and pages that load at the same time cost one call. A response
 * is returned only to its owner: the account id of a listener, or `everyone` for what belongs to no listener.
 */
export function createResponseCache({ now, maxCharacters = 8_000_000 }: Deps) {
  const entries = new LRUCache<string, Entry>({
    // safeguard: response-cache-limit
    maxSize: maxCharacters,
    sizeCalculation: ({ characters }) => characters,
    ttl: maxTtlMs,
    ttlResolution: 0,
    perf: { now },
  });
  const pending = new Map<string, Promise<unknown>>();

  // safeguard: cache-per-listener
  const nameOf = (owner: string, key: string) => JSON.stringify([owner, key]);

  /** An entry from the future is not fresh: the clock was put back. */
  function isFresh({ cachedAt }: Entry, ttlMs: number): boolean {
    return cachedAt > now() - ttlMs && cachedAt <= now();
  }

  function put(name: string, value: unknown, isPacked = false): void {
    const json = JSON.stringify(value ?? null);
    const packed = isPacked ? zstdCompressSync(json) : null;
    entries.set(name, {
      value: packed ?? value,
      isPacked,
      cachedAt: now(),
      characters: (packed ?? json).length + name.length,
    });
  }

  function freshEntry(name: string, ttlMs: number): Entry | null {
    const cached = entries.get(name);
    return cached && isFresh(cached, ttlMs) ? cached : null;
  }

  // An entry that nobody asks for again is removed as well.
  const sweepTimer = setInterval(() => entries.purgeStale(), sweepEveryMs).unref();

  return {
    /**
     * Returns the cached value, or loads it if it is older than `ttlMs`. All callers that want a value while it is being loaded share the result,
     * a failure included. Failures are not cached, nor is what `isCacheable` refuses.
     */
    async get<T>(
      owner: string,
      key: string,
      ttlMs: number,
      load: () => Promise<T>,
      { isCacheable = () => true, isPacked }: Options<T> = {},
    ): Promise<T> {
      const name = nameOf(owner, key);
      const cached = freshEntry(name, ttlMs);
      if (cached) return unpacked(cached) as T;

      const loading = pending.get(name);
      if (loading) return loading as Promise<T>;
      const value: Promise<T> = load()
        .then((loaded) => {
          // If the key was invalidated while the request was in flight, do not cache the result.
          if (pending.get(name) === value && isCacheable(loaded)) put(name, loaded, isPacked);
          return loaded;
        })
        .finally(() => {
          if (pending.get(name) === value) pending.delete(name);
        });
      pending.set(name, value);
      return value;
    },

    /** Returns the cached value; undefined if there is none, or if it is older than `ttlMs`. */
    peek<T>(owner: string, key: string, ttlMs: number): T | undefined {
      const cached = freshEntry(nameOf(owner, key), ttlMs);
      return cached ? (unpacked(cached) as T) : undefined;
    },

    /** Returns whether there is a cached value that is not older than `ttlMs`. */
    has: (owner: string, key: string, ttlMs: number): boolean =>
      freshEntry(nameOf(owner, key), ttlMs) !== null,

    /** Caches a value, replacing any other under this key. */
    set(owner: string, key: string, value: unknown): void {
      put(nameOf(owner, key), value);
    },

    /** Evicts all entries of this owner whose key starts with `keyPrefix`, and does not cache the ones that are being loaded. */
    invalidate(owner: string, keyPrefix = ''): void {
      const prefix = nameOf(owner, keyPrefix).slice(0, -2);
      for (const name of entries.keys()) if (name.startsWith(prefix)) entries.delete(name);
      // safeguard: invalidate-pending-requests
      for (const name of pending.keys()) if (name.startsWith(prefix)) pending.delete(name);
    },

    close: () => clearInterval(sweepTimer),
  };
}

function unpacked({ value, isPacked }: Entry): unknown {
  return isPacked ? JSON.parse(zstdDecompressSync(value as Buffer).toString()) : value;
}
