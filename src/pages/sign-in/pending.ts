import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, RequestHandler, Response } from 'express';
import type { Redis } from 'ioredis';
import type { Seal } from '../../access/seal.ts';
import { readText, redisCall } from '../../redis/errors.ts';
import { scopes } from '../../spotify/web-api.ts';
import { type Cookies, TooManyCookies } from '../../web/cookies.ts';

/** A sign-in that has left for Spotify and is not back yet. */
export type PendingSignIn = {
  verifier: string;
  returnTo: string;
  /** The permissions that were asked for. */
  asked: string[];
  startedAt: number;
};

/** Who a state has signed in, and where that led. */
export type SignedInBy = { sessionId: string; returnTo: string };

/** What a way back from Spotify is worth. */
export type WayBack =
  | { is: 'first'; pending: PendingSignIn }
  /** `startedHere`: this browser has the cookie of the sign-in. `by` is null if it came to nothing. */
  | { is: 'used'; startedHere: boolean; by: SignedInBy | null }
  /** This browser never started it, or more than ten minutes ago. */
  | { is: 'unknown' };

type Deps = { redis: Redis; seal: Seal; cookies: Cookies; now: () => number };

export type PendingSignIns = ReturnType<typeof createPendingSignIns>;

/** Every permission there is. Pending sign-ins name them by their place in this list. */
export const knownScopes: readonly string[] = [...new Set(Object.values(scopes).flat())];

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
/** Before the moment at which a state was spent, until it is known whom it signs in. */
const inProgress = 'in progress since ';

/**
 * Pending sign-ins live in the browser that started them: a sealed cookie for each, named by its state. So several tabs
 * can sign in at once, a state from another browser is worth nothing here, and strangers leave nothing in Redis.
 */
export function createPendingSignIns({ redis, seal, cookies, now }: Deps) {
  const nameOf = (state: string) => prefix + state;
  const { attributes } = cookies;

  function read(state: string, sealed: string): PendingSignIn | null {
    const opened = seal.open(sealed, nameOf(state));
    const pending = opened.text === null ? null : unpack(opened.text);
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

  /** How long the sign-in in this record may still take, in milliseconds; it has ended if its process has. */
  function maxWaitFor(record: string): number {
    const since = record.startsWith(inProgress) ? Number(record.slice(inProgress.length)) : Number.NaN;
    return Number.isFinite(since) ? since + waitMs - now() : 0;
  }

  return {
    /**
     * Keeps the cookies of pending sign-ins within their bounds on every page: sign-ins that start at the same moment do not know of
     * each other.
     */
    middleware: ((req, res, next) => {
      const { length } = req.headers.cookie ?? '';
      if (length > maxHeaderBytes) {
        for (const { state } of sent(req)) clear(res, state);
        throw new TooManyCookies(`${length} bytes of cookies`);
      }
      // The sign-in itself makes room for one more.
      else if (length > maxBytes && req.path !== '/login') makeRoom(req, res);
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
      const returnTo = wished.length <= maxReturnToLength ? wished : '/';
      const sealed = seal.seal(pack({ verifier, returnTo, asked, startedAt: now() }), nameOf(state));

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
      const key = usedKey(state);
      if (pending) {
        const first = await redisCall(redis.set(key, inProgress + now(), 'PX', lifetimeMs, 'NX'));
        clear(res, state);
        if (first === 'OK') return { is: 'first', pending };
      }
      let record = await readText(redis, key);
      if (record === null) return { is: 'unknown' };
      const startedHere = pending !== null;
      const giveUpAt = performance.now() + (startedHere ? maxWaitFor(record) : 0);
      while (record.startsWith(inProgress) && performance.now() < giveUpAt) {
        await sleep(retryMs);
        record = (await readText(redis, key)) ?? '';
      }
      return { is: 'used', startedHere, by: signedInBy(record) };
    },

    /** Notes whom a spent state has signed in; null if nobody. A failure to note it must not look like one of the sign-in. */
    async settle(state: string, by: SignedInBy | null): Promise<void> {
      const record = by ? JSON.stringify(by) : 'nobody';
      await redis.set(usedKey(state), record, 'PX', lifetimeMs, 'XX').catch(() => undefined);
    },
  };
}

/** A state is as good as a password for ten minutes: Redis gets only its hash. */
function usedKey(state: string): string {
  return `used:${createHash('sha256').update(state).digest('base64url')}`;
}

function signedInBy(record: string): SignedInBy | null {
  try {
    const { sessionId, returnTo } = JSON.parse(record);
    return typeof sessionId === 'string' && typeof returnTo === 'string' ? { sessionId, returnTo } : null;
  } catch {
    return null;
  }
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
