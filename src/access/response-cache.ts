import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';

export type ResponseCache = ReturnType<typeof createResponseCache>;

type Deps = {
  now: () => number;
  /** Size of all cached responses together, in characters of JSON, or bytes if packed; the least recently used are evicted first. */
  maxCharacters?: number;
};

/** A packed value is the compressed JSON of it. */
type Entry = { owner: string; value: unknown; isPacked: boolean; cachedAt: number; characters: number };

type Options<T> = {
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
    // Also called when a value is replaced.
    dispose: ({ owner }, name) => cachedNames.remove(owner, name),
  });
  const pending = new Map<string, Promise<unknown>>();
  const cachedNames = createNamesByOwner();
  const pendingNames = createNamesByOwner();

  // safeguard: cache-per-listener
  const nameOf = (owner: string, key: string) => JSON.stringify([owner, key]);

  /** An entry from the future is not fresh: the clock was put back. */
  function isFresh({ cachedAt }: Entry, ttlMs: number): boolean {
    return cachedAt > now() - ttlMs && cachedAt <= now();
  }

  function put(owner: string, name: string, value: unknown, isPacked = false): void {
    const json = JSON.stringify(value ?? null);
    const packed = isPacked ? zstdCompressSync(json) : null;
    entries.set(name, {
      owner,
      value: packed ?? value,
      isPacked,
      cachedAt: now(),
      characters: (packed ?? json).length + name.length,
    });
    // One that exceeds the limit by itself isn't cached.
    if (entries.has(name)) cachedNames.add(owner, name);
  }

  function removePending(owner: string, name: string): void {
    pending.delete(name);
    pendingNames.remove(owner, name);
  }

  function freshEntry(name: string, ttlMs: number): Entry | null {
    const cached = entries.get(name);
    return cached && isFresh(cached, ttlMs) ? cached : null;
  }

  // An entry that is never asked for again is removed as well.
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
          if (pending.get(name) === value && isCacheable(loaded)) put(owner, name, loaded, isPacked);
          return loaded;
        })
        .finally(() => {
          if (pending.get(name) === value) removePending(owner, name);
        });
      pending.set(name, value);
      pendingNames.add(owner, name);
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
      put(owner, nameOf(owner, key), value);
    },

    /** Evicts all entries of this owner whose key starts with `keyPrefix`, and does not cache the ones that are being loaded. */
    invalidate(owner: string, keyPrefix = ''): void {
      const prefix = nameOf(owner, keyPrefix).slice(0, -2);
      for (const name of cachedNames.of(owner)) if (name.startsWith(prefix)) entries.delete(name);
      // safeguard: invalidate-pending-requests
      for (const name of pendingNames.of(owner)) if (name.startsWith(prefix)) removePending(owner, name);
    },

    close: () => clearInterval(sweepTimer),
  };
}

/** The names of entries by their owner: to invalidate what belongs to one listener, those of all others aren't looked at. */
function createNamesByOwner() {
  const byOwner = new Map<string, Set<string>>();
  return {
    add(owner: string, name: string): void {
      const names = byOwner.get(owner) ?? new Set();
      byOwner.set(owner, names.add(name));
    },
    remove(owner: string, name: string): void {
      const names = byOwner.get(owner);
      names?.delete(name);
      if (names?.size === 0) byOwner.delete(owner);
    },
    of: (owner: string): Iterable<string> => byOwner.get(owner) ?? [],
  };
}

function unpacked({ value, isPacked }: Entry): unknown {
  return isPacked ? JSON.parse(zstdDecompressSync(value as Buffer).toString()) : value;
}
