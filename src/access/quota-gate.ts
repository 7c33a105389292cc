import { setTimeout as sleep } from 'node:timers/promises';
import { nullIfUnavailable } from '../redis/errors.ts';
import type { Records } from '../redis/records.ts';
import { RateLimited, SpotifyError, SpotifyUnavailable } from '../spotify/errors.ts';
import { createAccountsGate } from './accounts-gate.ts';
import { type OnCall, withOutcome } from './call-outcome.ts';
import { Cooldown } from './errors.ts';
import { type QuotaFamily, type QuotaTarget, quotaFamilies } from './quota-families.ts';
import type { Closure, ClosureTarget } from './quota-fields.ts';
import type { Permit, Probed, QuotaLedger } from './quota-ledger.ts';
import { delayOf } from './retry-after.ts';

export type QuotaGate = ReturnType<typeof createQuotaGate>;

type Deps = {
  records: Records;
  ledger: QuotaLedger;
  clientId: string;
  now: () => number;
  onCall?: OnCall;
};

/** The longest cooldown that a page waits out; a longer one is reported to the visitor. */
const shortWaitMs = 2_000;
const pollMs = 100;
/** The cooldown reported to a call that has waited too long for the outcome of a probe. */
const afterProbeMs = 1_000;
/**
 * Decides whether Spotify may be called now, for all processes together: Spotify counts by developer account, not by listener, and calling
 * during a cooldown makes it longer. Throws Cooldown in place of RateLimited.
 *
 * Only calls to the Web API are counted and probe; the accounts service has no known quota, and a 429 of it says nothing about the Web API.
 */
export function createQuotaGate({ records, ledger, clientId, now, onCall = () => undefined }: Deps) {
  /** Closures that Redis did not accept, so that at least this process respects them. */
  const unsaved = new Map<ClosureTarget, Cooldown>();
  const accountsGate = createAccountsGate({ records, clientId, now, onCall });

  return {
    /**
     * Makes a call to the Web API, unless its family or all calls are in a cooldown; a 429 starts one. A cooldown of at most two seconds is
     * waited out, and the call is then made once more. Throws what the call throws, Cooldown and RedisUnavailable.
     */
    async run<T>(call: QuotaTarget, send: () => Promise<T>): Promise<T> {
      for (let mayRetry = true; ; mayRetry = false) {
        const permit = await acquire(call);
        try {
          const result = await withOutcome(send, (outcome, ms) => onCall(call.family, outcome, ms));
          await settle(ledger, call, permit, { wasAsked: true, hasAnswered: true });
          return result;
        } catch (error) {
          if (!(error instanceof RateLimited)) {
            // safeguard: own-failure-ends-no-cooldown
            await settle(ledger, call, permit, {
              wasAsked: error instanceof SpotifyError && error.wasAsked,
              hasAnswered: error instanceof SpotifyError && !(error instanceof SpotifyUnavailable),
            });
            throw error;
          }
          const cooldown = await startCooldown(call, error, permit.probed);
          const waitMs = cooldown.until - now();
          // safeguard: distinguish-short-cooldowns
          if (!mayRetry || waitMs > shortWaitMs) throw cooldown;
          await sleep(waitMs);
        }
      }
    },

    runAccounts: accountsGate.run,
    accountsPausedUntil: accountsGate.pausedUntil,

    /** The current cooldown of a family; null if there is none. Throws RedisUnavailable. */
    async cooldown(family: QuotaFamily): Promise<Cooldown | null> {
      const { closures } = await ledger.read();
      const found = ['all', family].flatMap((target) => {
        const closure = closures.get(target);
        return closure && closure.until > now() ? cooldownFrom(closure, target, { family }) : [];
      });
      return found.sort((one, other) => other.until - one.until)[0] ?? null;
    },

    /** Forgets all cooldowns and what was learned: for a simulator that starts over. Throws RedisUnavailable. */
    async reset(): Promise<void> {
      unsaved.clear();
      await Promise.all([ledger.reset(), accountsGate.reset()]);
    },
  };

  /** The families that are paused now, so that a message can say what still works; all of them if that can't be known. */
  async function pausedFamilies(): Promise<QuotaFamily[]> {
    const known = await ledger.peek().catch(nullIfUnavailable);
    if (known === null) return [...quotaFamilies];
    const { closures } = known;
    return quotaFamilies.filter((family) => (closures.get(family)?.until ?? 0) > now());
  }

  /** Waits until the call may be made, if that is soon, else throws Cooldown. */
  async function acquire(call: QuotaTarget): Promise<Permit> {
    const giveUpAt = performance.now() + shortWaitMs;
    for (;;) {
      for (const target of ['all', call.family]) {
        const here = unsaved.get(target);
        if (here && here.until > now()) throw paused(call, here);
      }
      const acquired = await ledger.acquire(call);
      if (acquired.state === 'free') return acquired;
      const { target, closure } = acquired;
      const until = acquired.state === 'closed' ? closure.until : now() + afterProbeMs;
      if (until - now() > shortWaitMs || performance.now() >= giveUpAt)
        throw paused(call, cooldownFrom({ ...closure, until }, target, call, await pausedFamilies()));
      await sleep(pollMs);
    }
  }

  function paused({ family }: QuotaTarget, cooldown: Cooldown): Cooldown {
    onCall(family, 'paused', null);
    return cooldown;
  }

  /** Starts a cooldown for as long as Spotify asks, and returns it as the error to throw. */
  async function startCooldown(
    call: QuotaTarget,
    error: RateLimited,
    probed: readonly Probed[],
  ): Promise<Cooldown> {
    const { quota } = error;
    const { delayMs, isNamed } = delayOf(error, now());
    const until = now() + delayMs;
    const kind = quota ? (isNamed ? 'quota' : 'assumed') : 'rate';
    const closed = await ledger
      .close(call, { kind, until, wasProbe: probed.length > 0 })
      .catch(nullIfUnavailable);
    if (closed === null) {
      const cooldown = cooldownFrom({ until, kind }, quota ? call.family : 'all', call);
      // safeguard: local-cooldown
      unsaved.set(cooldown.family ?? 'all', cooldown);
      return cooldown;
    }
    // The outcome of the other probes is still unknown. If Redis fails now, they end by themselves.
    // safeguard: release-refused-probe
    if (probed.length > 0) await ledger.endProbe(probed, { wasAsked: false }).catch(nullIfUnavailable);
    return cooldownFrom({ until: closed.until, kind }, closed.target, call, await pausedFamilies());
  }
}

/** The error for a closure of this target. If a single endpoint is closed, it names the family of the call as well. */
function cooldownFrom(
  { until, kind }: Omit<Closure, 'at'>,
  target: ClosureTarget,
  { family }: Pick<QuotaTarget, 'family'>,
  paused: readonly QuotaFamily[] = [],
): Cooldown {
  return new Cooldown(until, {
    quota: kind === 'quota' || kind === 'assumed',
    family: target === 'all' ? null : family,
    endpoint: target === 'all' || target === family ? null : target,
    paused,
  });
}

/**
 * A call without a 429 is over, and doesn't count if Spotify wasn't asked. If Redis fails now, the next call probes when the time of this
 * probe has run out.
 */
async function settle(
  ledger: QuotaLedger,
  call: QuotaTarget,
  { probed, hour }: Permit,
  { wasAsked, hasAnswered }: { wasAsked: boolean; hasAnswered: boolean },
): Promise<void> {
  const work: Promise<unknown>[] = [];
  if (probed.length > 0) work.push(ledger.endProbe(probed, { wasAsked }));
  // safeguard: count-asked-calls-only
  if (!wasAsked) work.push(ledger.uncount(call, hour));
  // safeguard: silence-is-no-answer
  if (hasAnswered) work.push(ledger.recordAnswer(call));
  // None of this is worth failing for.
  await Promise.allSettled(work);
}
