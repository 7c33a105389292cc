import { createHash } from 'node:crypto';

/** Returns a short hash by which the tabs of a browser know whether they belong to the same sign-in. It reveals nothing about the session. */
export function signInHash(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('base64url').slice(0, 12);
}
