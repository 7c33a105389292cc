import { createHash, randomBytes } from 'node:crypto';
import * as v from '@badrap/valita';
import type { Request, Response } from 'express';
import type { Seal } from '../../access/seal.ts';
import { textCodec } from '../../redis/codec.ts';
import type { Records } from '../../redis/records.ts';
import type { Cookies } from '../../web/cookies.ts';

/** A sign-in that has left for Spotify and is not back yet. */
export type PendingSignIn = {
  verifier: string;
  returnTo: string;
  /** The permissions that were asked for. */
  asked: string[];
  startedAt: number;
};

type Needs = { records: Records; seal: Seal; cookies: Cookies; now: () => number };

const lifeMs = 10 * 60_000;
const most = 5;

/**
 * Pending sign-ins live in the browser that started them: a sealed cookie for each, named by its state. So several tabs
 * can sign in at once, a state from another browser is worth nothing here, and strangers leave nothing in Redis.
 */
export function createPendingSignIns({ records, seal, cookies, now }: Needs) {
  const spent = records.of({ name: 'used', codec: textCodec(v.literal('1')), ttlMs: () => lifeMs });
  const nameOf = (state: string) => `signin-${state}`;
  const attributes = cookies.attributes;

  function read(state: string, sealed: string): PendingSignIn | null {
    const opened = seal.open(sealed, nameOf(state));
    if (opened.text === null) return null;
    const pending = JSON.parse(opened.text) as PendingSignIn;
    return pending.startedAt + lifeMs > now() ? pending : null;
  }

  return {
    /** Starts one, giving the state and the PKCE challenge for Spotify. The oldest ones give way beyond five. */
    start(
      req: Request,
      res: Response,
      { returnTo, asked }: { returnTo: string; asked: string[] },
    ): { state: string; challenge: string } {
      const state = randomBytes(24).toString('base64url');
      const verifier = randomBytes(48).toString('base64url');

      const standing = [...cookies.sent(req)]
        .filter(([name]) => name.startsWith('signin-'))
        .map(([name, sealed]) => ({ name, at: read(name.slice('signin-'.length), sealed)?.startedAt ?? 0 }))
        .sort((a, b) => b.at - a.at);
      for (const { name } of standing.slice(most - 1)) res.clearCookie(cookies.name(name), attributes);

      const pending: PendingSignIn = { verifier, returnTo, asked, startedAt: now() };
      const sealed = seal.seal(JSON.stringify(pending), nameOf(state));
      res.cookie(cookies.name(nameOf(state)), sealed, { ...attributes, maxAge: lifeMs });
      return { state, challenge: createHash('sha256').update(verifier).digest('base64url') };
    },

    /**
     * Spends the one with this state, whatever then becomes of it: gives it once, then says that it was used, also when two
     * processes see it at the same moment. `unknown`: this browser never started it, or more than ten minutes ago.
     * Throws RedisUnavailable, and then nothing is spent.
     */
    async spend(req: Request, res: Response, state: string): Promise<PendingSignIn | 'used' | 'unknown'> {
      const sealed = cookies.sent(req).get(nameOf(state));
      const pending = sealed === undefined ? null : read(state, sealed);
      // A state is as good as a password for ten minutes: Redis gets only its hash.
      const id = createHash('sha256').update(state).digest('base64url');
      if (!pending) return (await spent.read(id)) === null ? 'unknown' : 'used';

      const { claimed } = await spent.claim(id, '1');
      res.clearCookie(cookies.name(nameOf(state)), attributes);
      return claimed ? pending : 'used';
    },
  };
}
