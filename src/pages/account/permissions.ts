import { listenerCalls } from '../../access/listener-calls.ts';
import { describeScope } from '../../access/scopes.ts';

/** A permission that the listener has granted, what it is for, and the parts of this site that need it: none if this site doesn't use it. */
export type Permission = { scope: string; purpose: string; usedBy: string[] };

export function describePermissions(scopes: readonly string[]): Permission[] {
  return scopes.map((scope) => ({
    scope,
    purpose: describeScope(scope) ?? 'Granted, but this site doesn’t use it',
    usedBy: pagesThatUse(scope),
  }));
}

function pagesThatUse(scope: string): string[] {
  const calls = Object.values(listenerCalls).filter(({ scopes }) => scopes.some((one) => one === scope));
  return [...new Set(calls.flatMap(({ usedBy }) => Object.keys(usedBy)))];
}
