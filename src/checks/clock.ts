import { type CheckResult, failed, ok } from './result.ts';

/** A larger difference means that a clock is set wrong. A smaller one may be network delay. */
const maxDifferenceMs = 30_000;

/** Compares this machine's clock with another one. Both times are in milliseconds since 1970. */
export function checkClock(owner: string, theirs: number, ours: number): CheckResult {
  const name = `Clock compared with ${owner}`;
  const differenceMs = ours - theirs;
  // safeguard: check-clock
  if (Math.abs(differenceMs) <= maxDifferenceMs) return ok(name, 'both agree');
  const seconds = Math.round(Math.abs(differenceMs) / 1000);
  const amount = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`;
  return failed(
    name,
    `this machine is ${amount} ${differenceMs > 0 ? 'ahead of' : 'behind'} ${owner}`,
    'Synchronize the clocks (on Linux: timedatectl set-ntp true). Otherwise, sign-ins expire too early or too late.',
  );
}
