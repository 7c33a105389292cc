import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import type { Request, RequestHandler, Response } from 'express';
import { knownScopes } from '../../access/scopes.ts';
import type { Seal } from '../../access/seal.ts';
import { jsonCodec, moment } from '../../redis/codec.ts';
import { keys } from '../../redis/keys.ts';
import type { Records } from '../../redis/records.ts';
import { routes } from '../../routes.ts';
import type { Cookies } from '../../web/cookies.ts';
import { TooManyCookies } from '../../web/errors.ts';
import { isLocalPath } from '../../web/return-path.ts';

/** A sign-in that has left for Spotify and is not back yet. */
export type PendingSignIn = {
  verifier: string;
  returnTo: string;
  /** The permissions that were asked for. */
  asked: string[];
  startedAt: number;
};

/** Whom a state has signed in, and where that led. */
export type Outcome = { sessionId: string; returnTo: string };

/** What a way back from Spotify is worth. */
export type WayBack =
  | { is: 'first'; pending: PendingSignIn }
  /** `startedHere`: this browser has the cookie of the sign-in. `outcome` is null if it came to nothing. */
  | { is: 'used'; startedHere: boolean; outcome: Outcome | null }
  /** This browser never started it, or more than ten minutes ago. */
  | { is: 'unknown' };

type Deps = { records: Records; seal: Seal; cookies: Cookies; now: () => number };

export type PendingSignIns = ReturnType<typeof createPendingSignIns>;

const lifetimeMs = 10 * 60_000;
/**
 * All pending sign-ins together, names included: proxies allow a Cookie header of 8 kB (nginx) or less. That is room for about a dozen; the
 * oldest give way.
 */
const maxBytes = 3_000;
/** A Cookie header beyond this would be refused by most servers; this one answers so that the browser gets rid of it. */
const maxHeaderBytes = 12_000;
const maxReturnToLength = 300;
const retryMs = 50;
/** How long a second way back waits for the first: longer than a token exchange and the call for the profile take. */
const waitMs = 15_000;

const prefix = 'signin-';

const spentSignIn = v.object({
  /** When it was spent, in milliseconds since 1970. */
  at: moment,
  /** Whether it is known what came of it. */
  settled: v.boolean(),
  outcome: v.object({ sessionId: v.string(), returnTo: v.string().assert(isLocalPath) }).nullable(),
});
type SpentSignIn = v.Infer<typeof spentSignIn>;

/**
 * Pending sign-ins live in the browser that started them: a sealed cookie for each, named by its state. So several tabs
 * can sign in at once, a state from another browser is worth nothing here, and strangers leave nothing in Redis.
 */
export function createPendingSignIns({ records, seal, cookies, now }: Deps) {
  const spent = records.of<SpentSignIn>({
    kind: 'used-state',
    key: keys.usedState,
    codec: jsonCodec({ shape: 2, bound: true, schema: spentSignIn }),
    ttlMs: () => lifetimeMs,
  });
  const nameOf = (state: string) => prefix + state;
  const { attributes } = cookies;

  function read(state: string, sealed: string): PendingSignIn | null {
    const opened = seal.open(sealed, nameOf(state));
    const pending = opened.text === null ? null : unpack(opened.text);
    // safeguard: pending-sign-in-lifetime
    return pending && pending.startedAt + lifetimeMs > now() ? pending : null;
  }

  /** The pending sign-ins that the browser sent, the newest first; those that do not open count as the oldest. */
  function sent(req: Request) {
    return [...cookies.sent(req)]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, sealed]) => {
        const state = name.slice(prefix.length);
        return { state, bytes: bytesOf(name, sealed), at: read(state, sealed)?.startedAt ?? 0 };
      })
      .sort((a, b) => b.at - a.at);
  }

  function bytesOf(name: string, sealed: string): number {
    return cookies.name(name).length + '='.length + sealed.length + '; '.length;
  }

  const clear = (res: Response, state: string) => res.clearCookie(cookies.name(nameOf(state)), attributes);

  /** Clears the oldest, so that the rest takes no more than `maxBytes` together with `taken`. */
  function makeRoom(req: Request, res: Response, taken = 0): void {
    let bytes = taken;
    for (const one of sent(req)) {
      bytes += one.bytes;
      if (bytes > maxBytes) clear(res, one.state);
    }
  }

  /** The record as it is once the sign-in has come to an end, or once that has taken so long that its process must have ended. */
  async function whenSettled(id: string, spentFirst: SpentSignIn): Promise<SpentSignIn | null> {
    const maxWaitMs = Math.min(waitMs, spentFirst.at + waitMs - now());
    const giveUpAt = performance.now() + maxWaitMs;
    let record: SpentSignIn | null = spentFirst;
    while (record && !record.settled && performance.now() < giveUpAt) {
      await sleep(retryMs);
      record = await spent.read(id);
    }
    return record;
  }

  return {
    /**
     * Keeps the cookies of pending sign-ins within their bounds on every page: sign-ins that start at the same moment do not know of
     * each other.
     */
    middleware: ((req, res, next) => {
      const { length } = req.headers.cookie ?? '';
      if (length > maxHeaderBytes) {
        // safeguard: delete-excess-cookies
        for (const { state } of sent(req)) clear(res, state);
        throw new TooManyCookies(`${length} bytes of cookies`);
      }
      // The sign-in itself makes room for one more.
      // safeguard: pending-cookie-budget-per-page
      if (length > maxBytes && req.path !== routes.signIn()) makeRoom(req, res);
      next();
    }) satisfies RequestHandler,

    /** Starts one; returns the state and the PKCE challenge for Spotify. One with a long way leads to the start page instead. */
    start(
      req: Request,
      res: Response,
      { returnTo: wished, asked }: { returnTo: string; asked: string[] },
    ): { state: string; challenge: string } {
      const state = randomBytes(24).toString('base64url');
      // 43 characters, the shortest that RFC 7636 allows (section 4.1).
      const verifier = randomBytes(32).toString('base64url');
      // safeguard: return-path-length-limit
      const returnTo = wished.length <= maxReturnToLength ? wished : routes.home();
      const sealed = seal.seal(pack({ verifier, returnTo, asked, startedAt: now() }), nameOf(state));

      // safeguard: pending-cookie-budget-at-start
      makeRoom(req, res, bytesOf(nameOf(state), sealed));
      res.cookie(cookies.name(nameOf(state)), sealed, { ...attributes, maxAge: lifetimeMs });
      return { state, challenge: createHash('sha256').update(verifier).digest('base64url') };
    },

    /**
     * Spends the one with this state: it is `first` once, also if two processes see it at the same moment. Later ones wait until it
     * is {@link settle}d, if this browser started it. Throws RedisUnavailable, and then nothing is spent.
     */
    async spend(req: Request, res: Response, state: string): Promise<WayBack> {
      const sealed = cookies.sent(req).get(nameOf(state));
      const pending = sealed === undefined ? null : read(state, sealed);
      const id = idOf(state);
      const claim = pending && (await spent.claim(id, { at: now(), settled: false, outcome: null }));
      if (pending) clear(res, state);
      // safeguard: reject-unknown-state
      if (pending && claim?.claimed) return { is: 'first', pending };

      const startedHere = pending !== null;
      const record = claim?.claimed === false ? claim.holder : await spent.read(id);
      if (!startedHere && record === null) return { is: 'unknown' };
      const settled = startedHere && record ? await whenSettled(id, record) : record;
      return { is: 'used', startedHere, outcome: settled?.outcome ?? null };
    },

    /** Notes what came of a spent state; null if nobody is signed in by it. */
    async settle(state: string, outcome: Outcome | null): Promise<void> {
      // A failure to note it must not look like a failure of the sign-in.
      // safeguard: settle-failed-sign-in
      await spent.write(idOf(state), { at: now(), settled: true, outcome }).catch(() => undefined);
    },
  };
}

/** A state is as good as a password for ten minutes: Redis gets only its hash. */
function idOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}

/** As short as it can be: each pending sign-in travels with every request. */
function pack({ verifier, returnTo, asked, startedAt }: PendingSignIn): string {
  return JSON.stringify([verifier, returnTo, startedAt, asked.map((scope) => knownScopes.indexOf(scope))]);
}

/** Null for what another version of this program has packed. */
function unpack(text: string): PendingSignIn | null {
  const packed: unknown = JSON.parse(text);
  if (!Array.isArray(packed)) return null;
  const [verifier, returnTo, startedAt, asked] = packed;
  return { verifier, returnTo, startedAt, asked: knownScopes.filter((_, index) => asked.includes(index)) };
}
