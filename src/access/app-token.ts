import * as v from '@badrap/valita';
import type { BackgroundTasks } from '../ops/background.ts';
import { jsonCodec, moment, sealedCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Lock } from '../redis/lock.ts';
import type { Records } from '../redis/records.ts';
import type { Accounts } from '../spotify/accounts.ts';
import { SpotifyUnavailable } from '../spotify/errors.ts';
import { askOrRenew, earlyMs, isPassing, type SpotifyCall } from './live-token.ts';
import type { QuotaGate } from './quota-gate.ts';
import type { Seal } from './seal.ts';

export type AppAccess = ReturnType<typeof createAppAccess>;

type Deps = {
  records: Records;
  clientId: string;
  seal: Seal;
  withLock: Lock;
  quotaGate: QuotaGate;
  accounts: Accounts;
  background: Pick<BackgroundTasks, 'finish'>;
  now: () => number;
};

type Token = { accessToken: string; expiresAt: number };

const tokenCodec = jsonCodec<Token>({
  shape: 1,
  unnumbered: true,
  schema: v.object({ accessToken: v.string(), expiresAt: moment }),
});

/**
 * The right to ask Spotify for what belongs to nobody, such as a search: a token of the app's own, one for all processes, sealed in
 * Redis. There is nothing to lose in it: when it is gone, or does not open, another one is asked for.
 */
export function createAppAccess(deps: Deps) {
  const { records, clientId, seal, withLock, quotaGate, accounts, background, now } = deps;
  const store = records.of({
    kind: 'app-token',
    key: keys.appToken,
    // safeguard: seal-app-token
    codec: sealedCodec(seal, 'app-token', tokenCodec),
    ttlMs: ({ expiresAt }) => expiresAt - now(),
  });
  let underWay: Promise<Token> | null = null;

  return {
    /** Calls Spotify with a live token; throws what the call throws, ClientRejected, CoolDown, RedisUnavailable or ShuttingDown. */
    async ask<T>(call: SpotifyCall<T>): Promise<T> {
      const token = await store.read(clientId);
      // safeguard: app-token-refresh-margin
      const used = token && token.expiresAt - earlyMs > now() ? token : await renewedEarly(token);
      return askOrRenew(quotaGate, used.accessToken, call, async () => (await renewed(used)).accessToken);
    },
  };

  /** Another token in place of one that is about to end; that one where another cannot be had just now. */
  async function renewedEarly(token: Token | null): Promise<Token> {
    try {
      return await renewed(token);
    } catch (error) {
      if (isPassing(error) && token && token.expiresAt > now()) return token;
      throw error;
    }
  }

  /** Asks for another token in place of this spent one, once however many processes and requests want to. */
  function renewed(spent: Token | null): Promise<Token> {
    underWay ??= renew(spent).finally(() => {
      underWay = null;
    });
    return underWay;
  }

  async function renew(spent: Token | null): Promise<Token> {
    const work = async () => {
      const token = await store.read(clientId);
      if (token && token.accessToken !== spent?.accessToken) return token;

      const { accessToken, expiresInMs } = await quotaGate.through(() => accounts.appToken(), 'accounts');
      const next = { accessToken, expiresAt: now() + expiresInMs };
      await store.write(clientId, next);
      return next;
    };
    const token = await background.finish('request for an app token', () =>
      // safeguard: app-token-lock
      withLock(store.key(clientId), work, { wait: true }),
    );
    if (token) return token;
    throw new SpotifyUnavailable('Another request has been asking for an app token for too long');
  }
}
