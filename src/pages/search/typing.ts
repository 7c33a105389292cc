import { familyBudget } from '../../access/quota-budget.ts';
import type { QuotaLedger } from '../../access/quota-ledger.ts';
import { Problem } from '../../web/errors.ts';
import { problems } from './problems.ts';

export type Quota = { ledger: QuotaLedger; dailyCalls: number; now: () => number };

/** The part of a day's calls that may be used up before searching while someone types stops: each pause between two keys takes a call. */
const typedPart = 0.5;
const retryAfterSeconds = 10 * 60;

/** Throws {@link Problem} once calls for searches are too scarce for a search that the user hasn't submitted, and RedisUnavailable. */
export async function requireCallsForTyping({ ledger, dailyCalls, now }: Quota): Promise<void> {
  const { used, perDay } = familyBudget(await ledger.read(), 'search', dailyCalls, now());
  // safeguard: typing-is-dropped-first
  if (used >= typedPart * perDay) throw new Problem({ ...problems.typing, retryAfterSeconds });
}
