import { bad, type CheckResult, good } from './result.ts';

/** A clock that is further off than this is set wrong; below it, it may be the way that took its time. */
const mostMs = 30_000;

/** What this machine's clock shows beside another one's; both in milliseconds since 1970. */
export function clockFinding(whose: string, theirs: number, ours: number): CheckResult {
  const what = `Clock, beside ${whose}`;
  const off = ours - theirs;
  // safeguard: check-clock
  if (Math.abs(off) <= mostMs) return good(what, 'both show the same time');
  const seconds = Math.round(Math.abs(off) / 1000);
  const much = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`;
  return bad(
    what,
    `this machine is ${much} ${off > 0 ? 'ahead of' : 'behind'} ${whose}`,
    'Set the clocks by a time server (on Linux: timedatectl set-ntp true), or sign-ins end before their time, or too late.',
  );
}
