import { setTimeout as sleep } from 'node:timers/promises';
import type { BackgroundTasks } from '../ops/background.ts';
import { nullIfUnavailable, RedisUnavailable } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { Lock } from '../redis/lock.ts';
import type { Accounts } from '../spotify/accounts.ts';
import { InvalidGrant, SpotifyUnavailable } from '../spotify/errors.ts';
import type { AccessToken } from '../spotify/parse.ts';
import { Cooldown, GrantLost } from './errors.ts';
import type { Grant, Grants, StoredGrant } from './grants.ts';
import { askOrRenew, askWithFresh, earlyMs, isPassing, type SpotifyCall } from './live-token.ts';
import type { QuotaGate } from './quota-gate.ts';

export type Access = ReturnType<typeof createAccess>;

/** The right to call Spotify for one session. */
export type OpenGrant = {
  scopes: readonly string[];
  /** When the listener agreed, and when Spotify last gave an access token, in milliseconds since 1970. */
  consentAt: number;
  renewedAt: number;
  /** Calls Spotify with a live token; throws what the call throws, GrantLost, CoolDown or RedisUnavailable. */
  ask<T>(call: SpotifyCall<T>): Promise<T>;
  /** Lets the grant stand for longer, because somebody came. */
  extend(): Promise<void>;
};

type Deps = {
  grants: Grants;
  withLock: Lock;
  quotaGate: QuotaGate;
  accounts: Accounts;
  background: Pick<BackgroundTasks, 'run' | 'finish'>;
  now: () => number;
};

/** A renewal that Spotify has made and Redis has not taken yet. */
type Unsaved = { old: StoredGrant; next: Grant };

/** How long a renewal is kept for a Redis that is away; the access token in it would be over then. */
const unsavedForMs = 60 * 60_000;

/** The process slept through its lease before it had asked Spotify for a token: another one may have done so. */
class LeaseExpired extends SpotifyUnavailable {}

/** The right to call Spotify, kept alive. */
export function createAccess({ grants, withLock, quotaGate, accounts, background, now }: Deps) {
  const renewing = new Map<string, Promise<StoredGrant>>();
  const unsaved = new Map<string, Unsaved>();

  return {
    /**
     * What can be done with the grant of a session. Its token is renewed where it is due, first of all or not before
     * Spotify is asked, and never while Spotify wants to be left alone: then there may still be something to show. Throws GrantLost,
     * SpotifyUnavailable, ClientRejected, RedisUnavailable or ShuttingDown.
     */
    async open(
      sessionId: string,
      stored: StoredGrant,
      { renewFirst }: { renewFirst: boolean },
    ): Promise<OpenGrant> {
      let ready = renewFirst ? await unlessWaiting(renewedIfDue(sessionId, stored)) : null;
      const { scopes, consentAt, renewedAt } = ready ?? stored;
      return {
        scopes,
        consentAt,
        renewedAt,
        async ask(call) {
          ready ??= await renewedIfDue(sessionId, stored);
          const used = ready;
          return askOrRenew(quotaGate, used.accessToken, call, async () => {
            ready = await renewed(sessionId, used);
            return ready.accessToken;
          });
        },
        extend: () => grants.extend(sessionId, stored),
      };
    },

    /** Exchanges the code of a sign-in for tokens; throws as accounts.exchange does, but CoolDown in place of RateLimited. */
    exchange: (code: string, verifier: string) =>
      quotaGate.through(() => accounts.exchange(code, verifier), 'accounts'),

    /** Calls Spotify with the token that a sign-in has just given. */
    askWithFresh: <T>(accessToken: string, call: SpotifyCall<T>) =>
      askWithFresh(quotaGate, accessToken, call),
  };

  async function unlessWaiting(renewal: Promise<StoredGrant>): Promise<StoredGrant | null> {
    try {
      return await renewal;
    } catch (error) {
      // safeguard: show-last-state-in-cooldown
      if (error instanceof Cooldown) return null;
      throw error;
    }
  }

  async function renewedIfDue(sessionId: string, stored: StoredGrant): Promise<StoredGrant> {
    // safeguard: refresh-margin
    if (stored.expiresAt - earlyMs > now()) return stored;
    if (stored.expiresAt <= now()) return renewed(sessionId, stored);
    try {
      // Where somebody else is renewing it already, nobody waits: the token is still good.
      // safeguard: use-token-while-refreshing
      return (await renew(sessionId, stored, { wait: false })) ?? stored;
    } catch (error) {
      // The early renewal failed, but the token still holds: the page can be had.
      // safeguard: use-token-during-outage
      if (isPassing(error) && stored.expiresAt > now()) return stored;
      throw error;
    }
  }

  /** Renews this spent token, once however many ask: who comes later gets what the first one got. */
  function renewed(sessionId: string, spent: StoredGrant): Promise<StoredGrant> {
    const name = `${sessionId} ${spent.accessToken}`;
    const underWay = renewing.get(name);
    if (underWay) return underWay;

    const renewal = renew(sessionId, spent, { wait: true })
      .then((grant) => {
        if (grant) return grant;
        throw new SpotifyUnavailable('Another request has been renewing this grant for too long');
      })
      .finally(() => renewing.delete(name));
    renewing.set(name, renewal);
    return renewal;
  }

  /**
   * Null where somebody else is renewing the grant, for longer than one may wait. A stop waits until it is done: the answer that it
   * would cut off may hold the only token that Spotify still honours. Throws ShuttingDown where it has not begun before a stop.
   */
  async function renew(
    sessionId: string,
    spent: StoredGrant,
    { wait }: { wait: boolean },
  ): Promise<StoredGrant | null> {
    const work = async (isHeld: () => boolean) => {
      const stored = await current(sessionId);
      if (stored === null) throw new GrantLost('The grant was removed before it could be renewed');
      // safeguard: recheck-under-lock
      if (stored.accessToken !== spent.accessToken) return stored;
      // A stop may have begun while this one waited for the lock.
      return background.finish('refresh of a grant', () => refreshed(sessionId, stored, isHeld));
    };
    const attempt = () =>
      // safeguard: finish-refresh-before-stop
      background.finish('refresh of a grant', () => withLock(keys.grant(sessionId), work, { wait }));
    return attempt().catch((error: unknown) => {
      // safeguard: retry-after-lost-lease
      if (error instanceof LeaseExpired) return attempt();
      throw error;
    });
  }

  async function refreshed(
    sessionId: string,
    stored: StoredGrant,
    isHeld: () => boolean,
  ): Promise<StoredGrant> {
    let token: AccessToken;
    try {
      token = await quotaGate.through(async () => {
        // After a pause another process may have used this token: with some rotations, using it again ends the sign-in.
        // safeguard: refresh-only-with-lease
        if (!isHeld()) throw new LeaseExpired('The lease ended before Spotify was asked for a token');
        return accounts.refresh(stored.refreshToken);
      }, 'accounts');
    } catch (error) {
      if (!(error instanceof InvalidGrant)) throw error;
      // A process that was paused beyond its lease may have renewed it meanwhile: then nothing is lost.
      const standing = await grants.end(sessionId, stored);
      if (standing !== null) return standing;
      throw new GrantLost(error.message);
    }
    const kept = await saved(sessionId, stored, {
      ...stored,
      accessToken: token.accessToken,
      expiresAt: now() + token.expiresInMs,
      // safeguard: time-of-consent
      renewedAt: now(),
      // Spotify sends a new refresh token or none; then the old one goes on ("Refreshing tokens").
      // safeguard: keep-unrotated-token
      refreshToken: token.refreshToken ?? stored.refreshToken,
      scopes: token.scopes ?? stored.scopes,
    });
    if (kept === null) throw new GrantLost('The grant was removed while it was being renewed');
    return kept;
  }

  /** The grant as it stands, a renewal included that is still to be saved. */
  async function current(sessionId: string): Promise<StoredGrant | null> {
    const late = unsaved.get(sessionId);
    if (!late) return grants.read(sessionId);
    const kept = await grants.replace(sessionId, late.old, late.next);
    unsaved.delete(sessionId);
    return kept;
  }

  /**
   * Saves a renewal. Spotify may honour nothing but the token in it from now on, so it is not given up while this process lives:
   * a write whose outcome is not known is made again (it can be, see `replace`), and one that Redis does not take waits for it.
   */
  async function saved(sessionId: string, old: StoredGrant, next: Grant): Promise<StoredGrant | null> {
    try {
      return await grants.replace(sessionId, old, next);
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
    }
    // safeguard: hold-unsaved-refresh
    unsaved.set(sessionId, { old, next });
    // safeguard: save-refresh-before-stop
    // safeguard: retry-unsaved-refresh
    background.run('save of a refreshed grant', saveLater(sessionId));
    return current(sessionId);
  }

  async function saveLater(sessionId: string): Promise<void> {
    const giveUpAt = performance.now() + unsavedForMs;
    while (unsaved.has(sessionId) && performance.now() < giveUpAt) {
      await sleep(100, undefined, { ref: false });
      await current(sessionId).catch(nullIfUnavailable);
    }
    unsaved.delete(sessionId);
  }
}
