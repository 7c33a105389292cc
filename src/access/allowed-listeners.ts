import type { Listener } from './session-records.ts';

/** Returns whether this site is open to a listener. */
export type IsAllowed = (listener: Pick<Listener, 'id' | 'accountId'>) => boolean;

/** Allows the listeners with these IDs at Spotify; with null, everyone that Spotify lets in. */
export function allowOnly(ids: readonly string[] | null): IsAllowed {
  if (ids === null) return () => true;
  const allowed = new Set(ids);
  return ({ id, accountId }) => allowed.has(id) || allowed.has(accountId);
}
