import { listenerCalls } from '../../access/listener-calls.ts';
import { describeScope } from '../../access/scopes.ts';

/** A permission that the listener has granted, and what this site does with it. */
export type Permission = { scope: string; purpose: string };

const list = new Intl.ListFormat('en');

export function describePermissions(scopes: readonly string[]): Permission[] {
  return scopes.map((scope) => ({ scope, purpose: purposeOf(scope) }));
}

function purposeOf(scope: string): string {
  const description = describeScope(scope);
  if (description === null) return 'Granted, but this site doesn’t use it';
  return `${description} (used by ${list.format(pagesThatUse(scope))})`;
}

function pagesThatUse(scope: string): string[] {
  const calls = Object.values(listenerCalls).filter(({ scopes }) => scopes.some((one) => one === scope));
  return [...new Set(calls.flatMap(({ usedBy }) => Object.keys(usedBy)))];
}
