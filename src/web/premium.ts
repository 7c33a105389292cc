import type { ResponseCache } from '../access/response-cache.ts';

/** The name under which it is held; a command that Spotify takes invalidates it. */
export const withoutPremium = 'no premium';
const knownMs = 10 * 60_000;

/** Notes that a command was refused for want of Premium: buttons that cannot work are not offered for a while. */
export async function noteWithoutPremium(kept: ResponseCache, accountId: string): Promise<void> {
  await kept.get(accountId, withoutPremium, knownMs, async () => true);
}

/** Whether that was noted in this process, of late: Spotify tells of Premium only by refusing. */
export function isWithoutPremium(kept: ResponseCache, accountId: string): boolean {
  return kept.peek<boolean>(accountId, withoutPremium, knownMs) === true;
}
