import * as v from '@badrap/valita';
import { jsonCodec, timestamp } from '../redis/codec.ts';
import { nullIfUnavailable } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import { createLock } from '../redis/lock.ts';
import type { Records } from '../redis/records.ts';
import type { CheckResult } from './result.ts';

type Deps = {
  records: Records;
  clientId: string;
  now: () => number;
  check: () => Promise<CheckResult[]>;
};

/** A check uses a call of the app's quota, and anyone who can open the page can start one. */
const checkEveryMs = 60_000;
/** Longer than the calls of one check may take together. */
const leaseMs = 25_000;
const lockWaitMs = 30_000;

type Checked = { at: number; results: CheckResult[] };

const result: v.Type<CheckResult> = v
  .object({
    name: v.string(),
    status: v.union(v.literal('ok'), v.literal('failed'), v.literal('note')),
    detail: v.string(),
    fix: v.string().optional(),
  })
  .map(({ fix, ...rest }) => ({ ...rest, ...(fix !== undefined && { fix }) }));

const codec = jsonCodec<Checked>({
  shape: 2,
  bound: true,
  schema: v.object({ at: timestamp, results: v.array(result) }),
});

/**
 * Returns a function that returns the latest results of a check, and runs it at most once a minute: in all processes together, or in this one
 * if Redis is unavailable. The function throws what `check` throws.
 */
export function createSharedCheck({ records, clientId, now, check }: Deps): () => Promise<CheckResult[]> {
  const store = records.of({ kind: 'setup-check', key: keys.setupCheck, codec, ttlMs: () => checkEveryMs });
  const withLock = createLock({ records, leaseMs, lockWaitMs });
  let own: { at: number; results: Promise<CheckResult[]> } | null = null;

  return async () => {
    const shared = await latest().catch(nullIfUnavailable);
    if (shared !== null) return shared;
    // safeguard: setup-check-lock
    const checked = await withLock(store.key(clientId), async () => (await latest()) ?? (await checkNow()), {
      wait: true,
    }).catch(nullIfUnavailable);
    return checked ?? checkNow();
  };

  async function latest(): Promise<CheckResult[] | null> {
    const checked = await store.read(clientId);
    // safeguard: share-setup-check
    return checked !== null && isRecent(checked) ? checked.results : null;
  }

  async function checkNow(): Promise<CheckResult[]> {
    if (own === null || !isRecent(own)) own = { at: now(), results: check() };
    const { at } = own;
    const results = await own.results;
    await store.write(clientId, { at, results }).catch(nullIfUnavailable);
    return results;
  }

  function isRecent({ at }: { at: number }): boolean {
    const ageMs = now() - at;
    // safeguard: cache-setup-check
    return ageMs >= 0 && ageMs < checkEveryMs;
  }
}
