import * as v from '@badrap/valita';
import { jsonCodec, moment } from '../redis/codec.ts';
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

/** A check takes a call of the app's quota, and anyone who sees the page may ask for it. */
const everyMs = 60_000;
/** Longer than the calls of one check may take together, and longer than that for whoever waits for it. */
const leaseMs = 25_000;
const lockWaitMs = 30_000;

type Checked = { at: number; findings: CheckResult[] };

const result: v.Type<CheckResult> = v
  .object({
    what: v.string(),
    state: v.union(v.literal('good'), v.literal('bad'), v.literal('open')),
    seen: v.string(),
    todo: v.string().optional(),
  })
  .map(({ todo, ...rest }) => ({ ...rest, ...(todo !== undefined && { todo }) }));

const codec = jsonCodec<Checked>({
  shape: 1,
  bound: true,
  schema: v.object({ at: moment, findings: v.array(result) }),
});

/**
 * Makes a check at most once a minute in all processes together, under `setup-check:{<client id>}`; without Redis, once a minute in this
 * one. Returns what it found last.
 */
export function createSharedCheck({ records, clientId, now, check }: Deps): () => Promise<CheckResult[]> {
  const store = records.of({ kind: 'setup-check', key: keys.setupCheck, codec, ttlMs: () => everyMs });
  const withLock = createLock({ records, leaseMs, lockWaitMs });
  let own: { at: number; findings: Promise<CheckResult[]> } | null = null;

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
    return checked !== null && isRecent(checked) ? checked.findings : null;
  }

  async function checkNow(): Promise<CheckResult[]> {
    if (own === null || !isRecent(own)) own = { at: now(), findings: check() };
    const { at } = own;
    const findings = await own.findings;
    await store.write(clientId, { at, findings }).catch(nullIfUnavailable);
    return findings;
  }

  function isRecent({ at }: { at: number }): boolean {
    const ageMs = now() - at;
    // safeguard: cache-setup-check
    return ageMs >= 0 && ageMs < everyMs;
  }
}
