import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import { textCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { RecordKind, Records } from '../redis/records.ts';
import { RateLimited, SpotifyError } from '../spotify/errors.ts';
import { Cooldown } from './errors.ts';
import { type QuotaFamily, type QuotaTarget, quotaFamilies } from './quota-families.ts';
import type { Closure, Probed, QuotaLedger, Scope } from './quota-ledger.ts';
import { maxDelayMs, parseRetryAfter } from './retry-after.ts';

export type QuotaGate = ReturnType<typeof createQuotaGate>;

type Deps = {
  records: Records;
  ledger: QuotaLedger;
  clientId: string;
  now: () => number;
};

/** The longest cooldown that a page waits out; a longer one is reported to the visitor. */
const shortWaitMs = 2_000;
/** The cooldown if Spotify doesn't say how long to wait. A used-up quota is released hour by hour. */
const defaultCooldownMs = { rate: 30_000, quota: 60 * 60 * 1000 };
const pollMs = 100;
/** The cooldown reported to a call that has waited too long for the outcome of a probe. */
const afterProbeMs = 1_000;
/** How far ahead the end in a record may lie: a little further than the longest cooldown, because clocks differ. */
const maxAheadMs = maxDelayMs + 15 * 60 * 1000;

function accountsCooldownKind(now: () => number): RecordKind<{ until: number }> {
  const schema = v
    .string()
    .assert((text) => /^\d{1,15}$/.test(text))
    .map((text) => ({ until: Number(text) }))
    // safeguard: longest-accounts-cooldown
    .assert(({ until }) => until - now() <= maxAheadMs);
  return {
    kind: 'cooldown-accounts',
    key: keys.accountsCooldown,
    codec: textCodec(schema, ({ until }) => String(until)),
    ttlMs: ({ until }) => until - now(),
  };
}

/**
 * Decides whether Spotify may be called now, for all processes together: Spotify counts by developer account, not by listener, and calling
 * during a cooldown makes it longer. Throws Cooldown in place of RateLimited.
 *
 * Only calls to the Web API are counted and probe; the accounts service has no known quota, and a 429 of it says nothing about the Web API.
 */
export function createQuotaGate({ records, ledger, clientId, now }: Deps) {
  const accountsCooldowns = records.of(accountsCooldownKind(now));

  /** Closures that Redis did not accept, so that at least this process respects them. */
  const unsaved = new Map<Scope | 'accounts', Cooldown>();

  return {
    /**
     * Makes a call to the Web API, unless its family or all calls are in a cooldown; a 429 starts one. A cooldown of at most two seconds is
     * waited out, and the call is then made once more. Throws what the call throws, Cooldown and RedisUnavailable.
     */
    async run<T>(target: QuotaTarget, call: () => Promise<T>): Promise<T> {
      for (let mayRetry = true; ; mayRetry = false) {
        const probed = await acquire(target);
        try {
          const result = await call();
          await settle(target, probed, { wasAsked: true });
          return result;
        } catch (error) {
          if (!(error instanceof RateLimited)) {
            // safeguard: own-failure-ends-no-cooldown
            await settle(target, probed, { wasAsked: error instanceof SpotifyError && error.wasAsked });
            throw error;
          }
          const cooldown = await startCooldown(target, error);
          const waitMs = cooldown.until - now();
          // safeguard: distinguish-short-cooldowns
          if (!mayRetry || waitMs > shortWaitMs) throw cooldown;
          await sleep(waitMs);
        }
      }
    },

    /**
     * Makes a call to the accounts service, unless it is in a cooldown. None is made while all calls to the Web API are refused, because a token
     * would be of no use. Throws what the call throws, Cooldown and RedisUnavailable.
     */
    async runAccounts<T>(call: () => Promise<T>): Promise<T> {
      // safeguard: accounts-cooldown
      const [own, closures] = await Promise.all([accountsCooldowns.read(clientId), ledger.read()]);
      const all = closures.closures.get('all');
      const cooldowns = [own && new Cooldown(own.until), all && cooldownFrom(all, null)];
      for (const cooldown of [...cooldowns, unsaved.get('accounts'), unsaved.get('all')])
        if (cooldown && cooldown.until > now()) throw cooldown;
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof RateLimited)) throw error;
        const cooldown = new Cooldown(now() + delayOf(error), { quota: error.quota });
        // safeguard: separate-accounts-cooldown
        await accountsCooldowns.write(clientId, cooldown).catch(() => {
          // safeguard: local-accounts-cooldown
          unsaved.set('accounts', cooldown);
        });
        throw cooldown;
      }
    },

    /** The current cooldown of a family; null if there is none. Throws RedisUnavailable. */
    async cooldown(family: QuotaFamily): Promise<Cooldown | null> {
      const { closures } = await ledger.read();
      const found = ['all', family].flatMap((scope) => {
        const closure = closures.get(scope);
        return closure && closure.until > now() ? cooldownFrom(closure, familyOf(scope)) : [];
      });
      return found.sort((one, other) => other.until - one.until)[0] ?? null;
    },

    /** Forgets all cooldowns and what was learned: for a simulator that starts anew. Throws RedisUnavailable. */
    async reset(): Promise<void> {
      unsaved.clear();
      await Promise.all([ledger.reset(), accountsCooldowns.remove(clientId)]);
    },
  };

  /** Waits until the call may be made, if that is soon, else throws Cooldown. Returns the closures that it probes. */
  async function acquire(target: QuotaTarget): Promise<readonly Probed[]> {
    const giveUpAt = performance.now() + shortWaitMs;
    for (;;) {
      for (const scope of ['all', target.family]) {
        const here = unsaved.get(scope);
        if (here && here.until > now()) throw here;
      }
      const acquired = await ledger.acquire(target);
      if (acquired.state === 'free') return [];
      if (acquired.state === 'probe') return acquired.ended;
      const { scope, closure } = acquired;
      const until = acquired.state === 'closed' ? closure.until : now() + afterProbeMs;
      const cooldown = cooldownFrom(
        { ...closure, until },
        familyOf(scope) ?? familyIfEndpoint(scope, target),
      );
      if (cooldown.until - now() > shortWaitMs || performance.now() >= giveUpAt) throw cooldown;
      await sleep(pollMs);
    }
  }

  /** A call that was not refused is over. If Redis fails now, the next call probes when the time of this probe has run out. */
  async function settle(
    target: QuotaTarget,
    probed: readonly Probed[],
    { wasAsked }: { wasAsked: boolean },
  ): Promise<void> {
    const work: Promise<unknown>[] = [];
    if (probed.length > 0) work.push(ledger.endProbe(probed, { wasAsked }));
    if (wasAsked) work.push(ledger.noteAnswer(target));
    // Neither is worth failing for.
    await Promise.allSettled(work);
  }

  /** Starts a cooldown for as long as Spotify asks, and returns it as the error to throw. */
  async function startCooldown(target: QuotaTarget, error: RateLimited): Promise<Cooldown> {
    const { quota } = error;
    const family = quota ? target.family : null;
    const cooldown = new Cooldown(now() + delayOf(error), { quota, family });
    await ledger.close(target, quota ? 'quota' : 'rate', cooldown.until).catch(() => {
      // safeguard: local-cooldown
      unsaved.set(family ?? 'all', cooldown);
    });
    return cooldown;
  }

  function delayOf({ retryAfter, quota }: RateLimited): number {
    // safeguard: default-quota-cooldown
    const otherwise = quota ? defaultCooldownMs.quota : defaultCooldownMs.rate;
    return parseRetryAfter(retryAfter, now()) ?? otherwise;
  }
}

function cooldownFrom({ until, kind }: Closure, family: QuotaFamily | null): Cooldown {
  return new Cooldown(until, { quota: kind === 'quota', family });
}

function familyOf(scope: Scope): QuotaFamily | null {
  return quotaFamilies.find((family) => family === scope) ?? null;
}

/** The family to name for a closure of this scope: that of the call, if a single endpoint is closed. */
function familyIfEndpoint(scope: Scope, { family }: QuotaTarget): QuotaFamily | null {
  return scope === 'all' ? null : family;
}
