import * as v from '@badrap/valita';
import { textCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { RecordKind, Records } from '../redis/records.ts';
import { RateLimited } from '../spotify/errors.ts';
import { type OnCall, withOutcome } from './call-outcome.ts';
import { Cooldown } from './errors.ts';
import { delayOf, maxAheadMs } from './retry-after.ts';

type Deps = {
  records: Records;
  clientId: string;
  now: () => number;
  onCall: OnCall;
};

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

/** Decides whether the accounts service may be called now, for all processes together. It has no known quota, and a 429 of the Web API isn't about it. */
export function createAccountsGate({ records, clientId, now, onCall }: Deps) {
  const cooldowns = records.of(accountsCooldownKind(now));
  /** A cooldown that Redis did not accept, so that at least this process respects it. */
  let unsaved: Cooldown | null = null;

  return {
    /**
     * Makes a call to the accounts service, unless it is in a cooldown. Throws what the call throws, Cooldown in place of RateLimited, and
     * RedisUnavailable.
     */
    async run<T>(call: () => Promise<T>): Promise<T> {
      // safeguard: accounts-cooldown
      const saved = await cooldowns.read(clientId);
      for (const cooldown of [saved && new Cooldown(saved.until), unsaved])
        if (cooldown && cooldown.until > now()) {
          onCall('accounts', 'paused', null);
          throw cooldown;
        }
      try {
        return await withOutcome(call, (outcome, ms) => onCall('accounts', outcome, ms));
      } catch (error) {
        if (!(error instanceof RateLimited)) throw error;
        const cooldown = new Cooldown(now() + delayOf(error, now()).delayMs, { quota: error.quota });
        // safeguard: separate-accounts-cooldown
        await cooldowns.write(clientId, cooldown).catch(() => {
          // safeguard: local-accounts-cooldown
          unsaved = cooldown;
        });
        throw cooldown;
      }
    },

    /** Returns until when the accounts service isn't called, in milliseconds since 1970; 0 if it may be. Throws RedisUnavailable. */
    async pausedUntil(): Promise<number> {
      const saved = await cooldowns.read(clientId);
      return Math.max(saved?.until ?? 0, unsaved?.until ?? 0);
    },

    /** Throws RedisUnavailable. */
    async reset(): Promise<void> {
      unsaved = null;
      await cooldowns.remove(clientId);
    },
  };
}
