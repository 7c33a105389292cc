import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import { deriveKey } from '../access/seal.ts';

/** Long enough that two listeners don't share one, and that each listener's can be searched for in a log. */
const length = 16;

/**
 * Returns a function that returns a hash of the listener who made a request, for the log; undefined if they aren't signed in. Only someone who
 * has the secret can find out whose it is. It changes with the secret.
 */
export function createListenerHash(secret: string): (req: Request) => string | undefined {
  const key = deriveKey(secret, 'listener in log');
  return ({ grant }) => {
    if (!grant) return undefined;
    // safeguard: log-without-accounts
    return createHmac('sha256', key).update(grant.accountId).digest('base64url').slice(0, length);
  };
}
