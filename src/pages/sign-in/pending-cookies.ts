import type { Request, Response } from 'express';
import { knownScopes } from '../../access/scopes.ts';
import type { Seal } from '../../access/seal.ts';
import type { Cookies } from '../../web/cookies.ts';

/** A sign-in that has left for Spotify and isn't back yet. */
export type PendingSignIn = {
  /** The PKCE code verifier (RFC 7636). */
  verifier: string;
  returnTo: string;
  /** The scopes that were requested. */
  scopes: string[];
  startedAt: number;
};

type Deps = { seal: Seal; cookies: Cookies; now: () => number };

export const pendingLifetimeMs = 10 * 60_000;
/**
 * For all pending sign-ins together, names included: proxies accept a Cookie header of 8 kB (nginx) or less. This leaves room for about a
 * dozen; the oldest are deleted first.
 */
const maxBytes = 3_000;
const prefix = 'signin-';

/** Pending sign-ins as sealed cookies, each named by its state. */
export function createPendingCookies({ seal, cookies, now }: Deps) {
  const nameOf = (state: string) => prefix + state;
  const { attributes } = cookies;

  function open(state: string, sealed: string): PendingSignIn | null {
    const opened = seal.open(sealed, nameOf(state));
    const pending = opened.text === null ? null : unpack(opened.text);
    // safeguard: pending-sign-in-lifetime
    return pending && pending.startedAt + pendingLifetimeMs > now() ? pending : null;
  }

  /** The pending sign-ins that the browser sent, newest first. Those that don't open count as the oldest. */
  function list(req: Request) {
    return [...cookies.read(req)]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, sealed]) => {
        const state = name.slice(prefix.length);
        return { state, bytes: bytesOf(name, sealed), at: open(state, sealed)?.startedAt ?? 0 };
      })
      .sort((a, b) => b.at - a.at);
  }

  function bytesOf(name: string, sealed: string): number {
    return cookies.name(name).length + '='.length + sealed.length + '; '.length;
  }

  function clear(res: Response, state: string): void {
    res.clearCookie(cookies.name(nameOf(state)), attributes);
  }

  /** Deletes the oldest, so that the others take no more than `maxBytes` together with `reservedBytes`. */
  function makeRoom(req: Request, res: Response, reservedBytes = 0): void {
    let bytes = reservedBytes;
    for (const one of list(req)) {
      bytes += one.bytes;
      if (bytes > maxBytes) clear(res, one.state);
    }
  }

  return {
    maxBytes,
    list,
    clear,
    makeRoom,

    /** The pending sign-in with this state, if this browser started it and it is still valid. */
    read(req: Request, state: string): PendingSignIn | null {
      const sealed = cookies.read(req).get(nameOf(state));
      return sealed === undefined ? null : open(state, sealed);
    },

    set(req: Request, res: Response, state: string, pending: PendingSignIn): void {
      const sealed = seal.seal(pack(pending), nameOf(state));
      // safeguard: pending-cookie-budget-at-start
      makeRoom(req, res, bytesOf(nameOf(state), sealed));
      res.cookie(cookies.name(nameOf(state)), sealed, { ...attributes, maxAge: pendingLifetimeMs });
    },
  };
}

/** As short as possible, because each pending sign-in travels with every request. */
function pack({ verifier, returnTo, scopes, startedAt }: PendingSignIn): string {
  return JSON.stringify([verifier, returnTo, startedAt, scopes.map((scope) => knownScopes.indexOf(scope))]);
}

/** Null if another version of Turntable packed it. */
function unpack(text: string): PendingSignIn | null {
  const packed: unknown = JSON.parse(text);
  if (!Array.isArray(packed)) return null;
  const [verifier, returnTo, startedAt, scopeIndexes] = packed;
  const scopes = knownScopes.filter((_, index) => scopeIndexes.includes(index));
  return { verifier, returnTo, startedAt, scopes };
}
