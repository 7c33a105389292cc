import { createHash } from 'node:crypto';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export type Random = {
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True in `likelihood` cases of a hundred. */
  percent(likelihood: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A copy in random order. */
  shuffle<T>(values: readonly T[]): T[];
};

/** Returns a generator whose numbers look random but are the same for the same seed (mulberry32). */
export function createRandom(seed: string): Random {
  let state = createHash('sha256').update(seed).digest().readUInt32LE();
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    between,
    percent: (likelihood) => between(1, 100) <= likelihood,
    pick(from) {
      const picked = from[between(0, from.length - 1)];
      if (picked === undefined) throw new Error('There is nothing to pick from');
      return picked;
    },
    shuffle(values) {
      const remaining = [...values];
      return values.flatMap(() => remaining.splice(between(0, remaining.length - 1), 1));
    },
  };
}

/** Returns an id in Spotify's format, letters and digits, that is the same for the same seed. */
export function createId(seed: string, length = 22): string {
  const bytes = createHash('sha256').update(seed).digest();
  return Array.from(bytes.subarray(0, length), (byte) => digits[byte % digits.length]).join('');
}
