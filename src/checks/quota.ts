import { familyLabels, stillWorks } from '../access/family-labels.ts';
import type { QuotaLedger } from '../access/quota-ledger.ts';
import { quotaInUse } from '../access/quota-summary.ts';
import { nullIfUnavailable } from '../redis/errors.ts';
import { type CheckResult, note, ok } from './result.ts';

type Deps = { ledger: Pick<QuotaLedger, 'peek'>; dailyCalls: number; now: () => number };

const name = 'Calls to Spotify';

/** Says how many of the day's calls are used, and what is paused. Changes nothing. Returns nothing without Redis, which another check reports. */
export async function checkQuota({ ledger, dailyCalls, now }: Deps): Promise<CheckResult[]> {
  const known = await ledger.peek().catch(nullIfUnavailable);
  if (known === null) return [];
  const { total, families, closedUntil: allUntil, gone } = quotaInUse(known, dailyCalls, now());
  const used = `${total.used} of about ${dailyCalls} used in the last 24 hours`;
  const paused = families.filter(({ closedUntil }) => closedUntil !== null).map(({ family }) => family);
  return [
    total.isNearlyUsed
      ? note(name, used, 'Large exports may have to wait until earlier calls are more than 24 hours old.')
      : ok(name, used),
    ...(allUntil === null
      ? []
      : [note('All calls to Spotify', `paused by Spotify until ${new Date(allUntil).toISOString()}`)]),
    ...gone.map((endpoint) => note(endpoint, 'refused every time: Spotify has probably removed it')),
    ...families.flatMap(({ family, used, limit, isNearlyUsed, closedUntil, sharing }) => {
      const words = familyLabels[family];
      if (closedUntil !== null)
        return [
          note(
            words.name,
            `paused by Spotify until ${new Date(closedUntil).toISOString()}`,
            allUntil === null ? stillWorks(paused) : undefined,
          ),
        ];
      return isNearlyUsed
        ? [
            note(
              sharing ? `${words.name} and ${familyLabels[sharing.with].name}` : words.name,
              `${sharing?.used ?? used} of about ${limit} calls used in the last 24 hours`,
            ),
          ]
        : [];
    }),
  ];
}
