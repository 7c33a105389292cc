import * as v from '@badrap/valita';
import type { BackgroundTasks } from '../ops/background.ts';
import { jsonCodec, sealedCodec, timestamp } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Lock } from '../redis/lock.ts';
import type { Records } from '../redis/records.ts';
import type { Accounts } from '../spotify/accounts.ts';
import type { OnRefresh } from './call-outcome.ts';
import type { QuotaGate } from './quota-gate.ts';
import type { Seal } from './seal.ts';
import { type AuthorizedRequest, createTokenRefresh, sendWithToken, type Token } from './token-refresh.ts';

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
  onRefresh: OnRefresh;
};

const tokenCodec = jsonCodec<Token>({
  shape: 1,
  unnumbered: true,
  schema: v.object({ accessToken: v.string(), expiresAt: timestamp }),
});

/**
 * The app's access to Spotify, for calls that aren't made on behalf of a listener: one token for all processes, sealed in Redis. Losing it
 * does no harm: if it is missing or can't be opened, the app requests another.
 */
export function createAppAccess(deps: Deps) {
  const { records, clientId, seal, withLock, quotaGate, accounts, background, now, onRefresh } = deps;
  const stored = records.of({
    kind: 'app-token',
    key: keys.appToken,
    // safeguard: seal-app-token
    codec: sealedCodec(seal, 'app-token', tokenCodec),
    ttlMs: ({ expiresAt }) => expiresAt - now(),
  });
  const tokens = createTokenRefresh<Token, Token | null>({
    store: {
      taskName: 'request an app token',
      token: 'app',
      lockName: stored.key,
      read: stored.read,
      request: accounts.appToken,
      async save(id, _spent, { accessToken, expiresInMs }) {
        const token = { accessToken, expiresAt: now() + expiresInMs };
        await stored.write(id, token);
        return token;
      },
      // There is no refresh token that Spotify could reject.
      giveUp: (_id, _spent, error) => Promise.reject(error),
    },
    withLock,
    quotaGate,
    background,
    now,
    onRefresh,
  });

  return {
    /**
     * Makes a request with a valid token, and returns its result. Throws what the request throws, SpotifyUnavailable, ClientRejected, Cooldown,
     * RedisUnavailable or ShuttingDown.
     */
    async send<T>(request: AuthorizedRequest<T>): Promise<T> {
      const token = await tokens.refreshIfDue(clientId, await stored.read(clientId));
      return sendWithToken(quotaGate, token.accessToken, request, () => tokens.refresh(clientId, token));
    },
  };
}
