import type { Timing } from '../access/timing.ts';
import type { RedisClient } from '../redis/client.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import { createExpiringSet } from '../redis/expiring-set.ts';
import { keys } from '../redis/keys.ts';
import { ownerCodec } from '../redis/lock.ts';
import type { KeyType, Records } from '../redis/records.ts';
import { type Feed, hasFullInterest, setState } from './feed.ts';
import { applyRedisDown } from './state.ts';

export type Leases = ReturnType<typeof createLeases>;

type Deps = {
  redis: RedisClient;
  records: Records;
  clientId: string;
  now: () => number;
  timing: Pick<Timing['live'], 'leaseMs' | 'redisDownAfterMs'>;
  /** Brings a feed up to date before this process begins to poll for it. */
  prepare: (feed: Feed) => Promise<void>;
};

// Returns the owner, and whether any process has a subscriber who is interested in everything. A lease without a TTL, or with a longer one than
// ours, was not taken by this program, and would block all others.
const takeLease = `
  local owner = redis.call('GET', KEYS[1])
  -- safeguard: polling-lease
  -- safeguard: lease-ttl
  -- safeguard: longest-lease-ttl
  local left = redis.call('PTTL', KEYS[1])
  if not (owner and owner ~= ARGV[1] and left ~= -1 and left <= ARGV[2] + 1000) then
    owner = ARGV[1]
    redis.call('SET', KEYS[1], owner, 'PX', ARGV[2])
  end
  if ARGV[3] == '1' then redis.call('SET', KEYS[2], '1', 'PX', ARGV[2]) end
  local fullMs = redis.call('PTTL', KEYS[2])
  -- safeguard: max-full-interest-ttl
  return {owner, (fullMs > 0 and fullMs <= ARGV[2] + 1000) and 1 or 0}`;

const fullInterestMark: KeyType = { kind: 'watched', type: 'string' };

/** Decides which process polls for a listener: the one that holds the lease in Redis. If it dies, another takes the lease over. */
export function createLeases({ redis, records, clientId, now, timing, prepare }: Deps) {
  const { leaseMs, redisDownAfterMs } = timing;
  const polled = createExpiringSet({ redis, records, now }, 'subscribed', keys.polled(clientId), 2 * leaseMs);
  const leases = records.of({ kind: 'lease', key: keys.lease, codec: ownerCodec, ttlMs: () => leaseMs });
  const take = records.script([leases.type, fullInterestMark], takeLease);

  return {
    acquireLease,
    holdsLease,

    /** Lets other processes take the lease at once. */
    releaseLease(feed: Feed): void {
      if (!holdsLease(feed)) return;
      feed.lease.heldUntil = 0;
      const released = Promise.all([remove(feed), polled.remove(feed.accountId)]);
      // If Redis is down, both expire: the lease by its TTL, the place in the set by its score.
      released.catch(() => undefined);
    },

    /** How many listeners are being polled, by all processes. Throws RedisUnavailable. */
    countPolled: polled.count,
  };

  function holdsLease({ lease }: Feed): boolean {
    return performance.now() < lease.heldUntil;
  }

  /** Takes the lease if no other process has it, or extends it. While Redis fails, no process polls, and after a while pages show that. */
  async function acquireLease(feed: Feed): Promise<void> {
    const { lease } = feed;
    const startedAt = performance.now();
    try {
      const isOwner = await takeIfFree(feed);
      if (feed.isClosed) return await remove(feed);
      lease.failingSince = null;
      setState(feed, applyRedisDown(feed.state, false));
      if (!isOwner) {
        lease.heldUntil = 0;
        return;
      }
      if (!holdsLease(feed)) {
        await prepare(feed);
        // The last subscriber may have left during that.
        if (feed.isClosed) return await remove(feed);
      }
      lease.heldUntil = startedAt + leaseMs;
      await polled.add(feed.accountId, now() + leaseMs);
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      lease.failingSince ??= startedAt;
      if (startedAt - lease.failingSince < redisDownAfterMs) return;
      // safeguard: show-redis-outage
      setState(feed, applyRedisDown(feed.state, true));
    }
  }

  async function takeIfFree({ accountId, lease, subscribers }: Feed): Promise<boolean> {
    const isFullHere = hasFullInterest(subscribers) ? 1 : 0;
    const keysOfLease = [leases.key(accountId), keys.fullInterest(accountId)];
    const [taken, isInterestFull] = (await take(keysOfLease, lease.owner, leaseMs, isFullHere)) as unknown[];
    lease.isInterestFull = isInterestFull === 1;
    const owner = String(taken);
    if (owner === lease.owner) return true;
    // A damaged lease is removed, so the next attempt succeeds.
    // safeguard: check-lease-owner
    await leases.decodeStored(accountId, owner);
    return false;
  }

  function remove({ accountId, lease }: Feed): Promise<void> {
    return leases.removeIf(accountId, lease.owner);
  }
}
