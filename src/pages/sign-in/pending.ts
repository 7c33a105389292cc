import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import type { Request, RequestHandler, Response } from 'express';
import type { Seal } from '../../access/seal.ts';
import { jsonCodec, timestamp } from '../../redis/codec.ts';
import { keys } from '../../redis/keys.ts';
import type { Records } from '../../redis/records.ts';
import { routes } from '../../routes.ts';
import type { Cookies } from '../../web/cookies.ts';
import { TooManyCookies } from '../../web/errors.ts';
import { isLocalPath } from '../../web/return-path.ts';
import { createPendingCookies, type PendingSignIn, pendingLifetimeMs } from './pending-cookies.ts';

/** The session that a state has created, and the page that its browser was redirected to. */
export type Outcome = { sessionId: string; returnTo: string };

/** The result of spending the state of a callback. */
export type SpentState =
  | { kind: 'first'; pending: PendingSignIn }
  /** It has been used before. `startedHere`: this browser has the cookie of the sign-in. `outcome`: null if no one is signed in by it. */
  | { kind: 'used'; startedHere: boolean; outcome: Outcome | null }
  /** This browser never started it, or more than ten minutes ago. */
  | { kind: 'unknown' };

type Deps = { records: Records; seal: Seal; cookies: Cookies; now: () => number };

export type PendingSignIns = ReturnType<typeof createPendingSignIns>;

/** Most servers refuse a longer Cookie header. This one answers, so that the browser gets rid of the cookies. */
const maxHeaderBytes = 12_000;
export const maxReturnToLength = 300;
const pollEveryMs = 50;
/** How long a repeated callback waits for the first: longer than a token exchange and the call for the profile take. */
const waitMs = 15_000;

const spentSignIn = v.object({
  /** When it was spent, in milliseconds since 1970. */
  at: timestamp,
  settled: v.boolean(),
  outcome: v.object({ sessionId: v.string(), returnTo: v.string().assert(isLocalPath) }).nullable(),
});
type SpentSignIn = v.Infer<typeof spentSignIn>;

/**
 * Pending sign-ins live in the browser that started them, as sealed cookies. So several tabs can sign in at once, a state is worthless in
 * another browser, and visitors who never come back leave nothing in Redis. Each is spent once, which is recorded in Redis.
 */
export function createPendingSignIns({ records, seal, cookies, now }: Deps) {
  const spent = records.of<SpentSignIn>({
    kind: 'used-state',
    key: keys.usedState,
    codec: jsonCodec({ shape: 2, bound: true, schema: spentSignIn }),
    ttlMs: () => pendingLifetimeMs,
  });
  const pendingCookies = createPendingCookies({ seal, cookies, now });
  const { list, clear, makeRoom, maxBytes } = pendingCookies;

  /** The record once the sign-in has an outcome, or once it has taken so long that its process must have died. */
  async function whenSettled(id: string, spentFirst: SpentSignIn): Promise<SpentSignIn | null> {
    const maxWaitMs = Math.min(waitMs, spentFirst.at + waitMs - now());
    const giveUpAt = performance.now() + maxWaitMs;
    let record: SpentSignIn | null = spentFirst;
    while (record && !record.settled && performance.now() < giveUpAt) {
      await sleep(pollEveryMs);
      record = await spent.read(id);
    }
    return record;
  }

  return {
    /**
     * Enforces the size limit of pending sign-ins on every page, because sign-ins that start at the same moment don't know of each other.
     */
    middleware: ((req, res, next) => {
      const { length } = req.headers.cookie ?? '';
      if (length > maxHeaderBytes) {
        // safeguard: delete-excess-cookies
        for (const { state } of list(req)) clear(res, state);
        throw new TooManyCookies(`${length} bytes of cookies`);
      }
      // The page that starts a sign-in makes room for one more itself.
      // safeguard: pending-cookie-budget-per-page
      if (length > maxBytes && req.path !== routes.signIn()) makeRoom(req, res);
      next();
    }) satisfies RequestHandler,

    /** Starts a sign-in. Returns the state and the PKCE challenge for Spotify. If the path to return to is too long, it will be the home page. */
    start(
      req: Request,
      res: Response,
      { returnTo, scopes }: { returnTo: string; scopes: string[] },
    ): { state: string; challenge: string } {
      const state = randomBytes(24).toString('base64url');
      // 43 characters, the shortest that RFC 7636 allows (section 4.1).
      const verifier = randomBytes(32).toString('base64url');
      // safeguard: return-path-length-limit
      const shortReturnTo = returnTo.length <= maxReturnToLength ? returnTo : routes.home();
      pendingCookies.set(req, res, state, { verifier, returnTo: shortReturnTo, scopes, startedAt: now() });
      return { state, challenge: createHash('sha256').update(verifier).digest('base64url') };
    },

    /**
     * Spends a state: it is `first` once, even if two processes see it at the same moment. If this browser started it, later callers wait for
     * {@link settle}. Throws RedisUnavailable, and then nothing is spent.
     */
    async spend(req: Request, res: Response, state: string): Promise<SpentState> {
      const pending = pendingCookies.read(req, state);
      const id = idOf(state);
      const claim = pending && (await spent.claim(id, { at: now(), settled: false, outcome: null }));
      if (pending) clear(res, state);
      // safeguard: reject-unknown-state
      if (pending && claim?.claimed) return { kind: 'first', pending };

      const startedHere = pending !== null;
      const record = claim?.claimed === false ? claim.holder : await spent.read(id);
      if (!startedHere && record === null) return { kind: 'unknown' };
      const settled = startedHere && record ? await whenSettled(id, record) : record;
      return { kind: 'used', startedHere, outcome: settled?.outcome ?? null };
    },

    /** Records the outcome of a spent state; null if no one is signed in by it. */
    async settle(state: string, outcome: Outcome | null): Promise<void> {
      // The sign-in may have succeeded; failing to record that must not look like a failure of the sign-in.
      // safeguard: settle-failed-sign-in
      await spent.write(idOf(state), { at: now(), settled: true, outcome }).catch(() => undefined);
    },
  };
}

/** Redis gets only the hash of a state, which is as good as a password for ten minutes. */
function idOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}
