/**
 * What one check saw. `open`: it could not be told, or it is worth knowing without being wrong. Texts never quote a secret.
 */
export type CheckResult = {
  what: string;
  state: 'good' | 'bad' | 'open';
  seen: string;
  /** What to do about it. */
  todo?: string;
};

export const good = (what: string, seen: string): CheckResult => ({ what, state: 'good', seen });
export const bad = (what: string, seen: string, todo: string): CheckResult => ({
  what,
  state: 'bad',
  seen,
  todo,
});
export const open = (what: string, seen: string, todo?: string): CheckResult => ({
  what,
  state: 'open',
  seen,
  ...(todo && { todo }),
});
