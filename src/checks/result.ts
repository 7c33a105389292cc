/**
 * The outcome of one check. `note`: it couldn't be determined, or is worth knowing without being a problem. No text contains a secret.
 */
export type CheckResult = {
  name: string;
  status: 'ok' | 'failed' | 'note';
  /** The finding, without a period at the end. */
  detail: string;
  fix?: string;
};

export const ok = (name: string, detail: string): CheckResult => ({ name, status: 'ok', detail });
export const failed = (name: string, detail: string, fix?: string): CheckResult => ({
  name,
  status: 'failed',
  detail,
  ...(fix && { fix }),
});
/** Returns the result of a check that couldn't determine the answer, or found something worth knowing. */
export const note = (name: string, detail: string, fix?: string): CheckResult => ({
  name,
  status: 'note',
  detail,
  ...(fix && { fix }),
});
