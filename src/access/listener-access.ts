import { setTimeout as sleep } from 'node:timers/promises';
import type { BackgroundTasks } from '../ops/background.ts';
import { nullIfUnavailable, RedisUnavailable } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { Lock } from '../redis/lock.ts';
import type { Accounts } from '../spotify/accounts.ts';
import type { OnRefresh } from './call-outcome.ts';
import { Cooldown, GrantLost } from './errors.ts';
import type { Grant, Grants, StoredGrant } from './grants.ts';
import type { QuotaGate } from './quota-gate.ts';
import {
  type AuthorizedRequest,
  createTokenRefresh,
  sendWithNewToken,
  sendWithToken,
  type TokenStore,
} from './token-refresh.ts';

export type ListenerAccess = ReturnType<typeof createListenerAccess>;

/** The right to call Spotify for one session. Times are milliseconds since 1970. */
export type OpenGrant = {
  scopes: readonly string[];
  consentAt: number;
  /** When Spotify last issued an access token. */
  refreshedAt: number;
  /**
   * Makes a request with a valid token, and returns its result. Throws what the request throws, GrantLost, SpotifyUnavailable, ClientRejected,
   * Cooldown, RedisUnavailable or ShuttingDown.
   */
  send<T>(request: AuthorizedRequest<T>): Promise<T>;
  /** Extends the lifetime of the grant because the listener is active. Throws RedisUnavailable. */
  extend(): Promise<void>;
};

type Deps = {
  grants: Grants;
  withLock: Lock;
  quotaGate: QuotaGate;
  accounts: Accounts;
  background: Pick<BackgroundTasks, 'run' | 'finish'>;
  now: () => number;
  onRefresh: OnRefresh;
};

/** A refreshed grant that Redis has not accepted yet. */
type Unsaved = { old: StoredGrant; next: Grant };

/** How long a process holds on to a refreshed grant while Redis is unavailable; by then its access token has expired. */
const holdUnsavedMs = 60 * 60_000;

/** Listeners' access to Spotify, with tokens that are refreshed as needed. */
export function createListenerAccess(deps: Deps) {
  const { grants, withLock, quotaGate, accounts, background, now, onRefresh } = deps;
  const store = createGrantStore({ grants, accounts, background, now });
  const tokens = createTokenRefresh({ store, withLock, quotaGate, background, now, onRefresh });

  return {
    /**
     * Opens the grant of a session. If its token is due, it is refreshed right away (`refreshFirst`) or before the first request. During a
     * cooldown it is not: the page may still have something to show. Throws as `refresh` in token-refresh.ts does.
     */
    async open(
      sessionId: string,
      stored: StoredGrant,
      { refreshFirst }: { refreshFirst: boolean },
    ): Promise<OpenGrant> {
      let ready = refreshFirst ? await unlessCooldown(tokens.refreshIfDue(sessionId, stored)) : null;
      const { scopes, consentAt, refreshedAt } = ready ?? stored;
      return {
        scopes,
        consentAt,
        refreshedAt,
        async send(request) {
          ready ??= await tokens.refreshIfDue(sessionId, stored);
          const used = ready;
          return sendWithToken(quotaGate, used.accessToken, request, async () => {
            ready = await tokens.refresh(sessionId, used);
            return ready;
          });
        },
        extend: () => grants.extend(sessionId, stored),
      };
    },

    /**
     * Exchanges the code of a sign-in for tokens. Throws as `accounts.exchangeCode` does, but Cooldown in place of RateLimited, and
     * RedisUnavailable.
     */
    exchangeCode: (code: string, verifier: string) =>
      quotaGate.runAccounts(() => accounts.exchangeCode(code, verifier)),

    /** Makes a request with the token of a sign-in that is not stored yet. Throws as {@link sendWithNewToken} does. */
    sendWithNewToken: <T>(accessToken: string, request: AuthorizedRequest<T>) =>
      sendWithNewToken(quotaGate, accessToken, request),
  };
}

/** Returns null during a cooldown of the accounts service. */
async function unlessCooldown(refreshing: Promise<StoredGrant>): Promise<StoredGrant | null> {
  try {
    return await refreshing;
  } catch (error) {
    // safeguard: show-last-state-in-cooldown
    if (error instanceof Cooldown) return null;
    throw error;
  }
}

type StoreDeps = Pick<Deps, 'grants' | 'accounts' | 'background' | 'now'>;

/** Grants as a store of tokens, by session id. */
function createGrantStore(deps: StoreDeps): TokenStore<StoredGrant, StoredGrant> {
  const { grants, accounts, background, now } = deps;
  const unsaved = new Map<string, Unsaved>();

  return {
    taskName: 'refresh a grant',
    token: 'grant',
    lockName: keys.grant,

    async read(sessionId) {
      const latest = await readLatest(sessionId);
      if (latest) return latest;
      throw new GrantLost('The grant was removed before it was refreshed');
    },

    request: ({ refreshToken }) => accounts.refresh(refreshToken),

    async save(sessionId, stored, token) {
      const saved = await save(sessionId, stored, {
        ...stored,
        accessToken: token.accessToken,
        expiresAt: now() + token.expiresInMs,
        // safeguard: time-of-consent
        refreshedAt: now(),
        // If Spotify sends no refresh token, the old one stays valid ("Refreshing tokens").
        // safeguard: keep-unrotated-token
        refreshToken: token.refreshToken ?? stored.refreshToken,
        scopes: token.scopes ?? stored.scopes,
      });
      if (saved) return saved;
      throw new GrantLost('The grant was removed while it was being refreshed');
    },

    async giveUp(sessionId, stored, error) {
      const successor = await grants.end(sessionId, stored);
      if (successor) return successor;
      throw new GrantLost(error.message);
    },
  };

  /** Returns the stored grant, after saving a refreshed one that Redis has not accepted yet. */
  async function readLatest(sessionId: string): Promise<StoredGrant | null> {
    const held = unsaved.get(sessionId);
    if (!held) return grants.read(sessionId);
    const saved = await grants.replace(sessionId, held.old, held.next);
    unsaved.delete(sessionId);
    return saved;
  }

  /**
   * Spotify may accept nothing but the token in `next` from now on, so it isn't dropped until it is saved: a write whose outcome is unknown is
   * repeated (`replace` allows that), and one that Redis does not accept waits until it does.
   */
  async function save(sessionId: string, old: StoredGrant, next: Grant): Promise<StoredGrant | null> {
    try {
      return await grants.replace(sessionId, old, next);
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
    }
    // safeguard: hold-unsaved-refresh
    unsaved.set(sessionId, { old, next });
    // safeguard: save-refresh-before-stop
    // safeguard: retry-unsaved-refresh
    background.run('save a refreshed grant', saveLater(sessionId));
    return readLatest(sessionId);
  }

  async function saveLater(sessionId: string): Promise<void> {
    const giveUpAt = performance.now() + holdUnsavedMs;
    while (unsaved.has(sessionId) && performance.now() < giveUpAt) {
      await sleep(100, undefined, { ref: false });
      await readLatest(sessionId).catch(nullIfUnavailable);
    }
    unsaved.delete(sessionId);
  }
}
