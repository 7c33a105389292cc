import type { Mutation } from './mutation.ts';

export const mutations: Mutation[] = [
  {
    what: 'handling a failed early count',
    safeguard: 'handle-failed-early-count',
    from: 'counting.catch(() => undefined);',
    to: '',
    test: 'test/web/early-count',
    named: 'a count that fails',
  },
  {
    what: 'using an early count for the same account only',
    safeguard: 'early-count-of-same-account',
    from: 'if (begun?.accountId === accountId)',
    to: 'if (begun)',
    test: 'test/web/early-count',
    named: 'another listener',
  },
  {
    what: 'forgetting the account of a session that has ended',
    safeguard: 'forget-account-of-ended-session',
    from: 'if (earlyCount) accounts.delete(earlyCount.sessionId);',
    to: '',
    test: 'test/web/early-count',
    named: 'a session that has ended',
  },
  {
    what: 'reading the recent budget again',
    safeguard: 'renew-recent-budget',
    from: 'recent !== null && Math.abs(now() - recent.readAt) < recentBudgetMs',
    to: 'recent !== null',
    test: 'test/live/recent-budget',
    named: 'two seconds',
  },
  {
    what: 'forgetting a budget that could not be read',
    safeguard: 'forget-failed-budget',
    from: 'current.reading.catch(() => (recent = null));',
    to: '',
    test: 'test/live/recent-budget',
    named: 'could not be read',
  },
];
