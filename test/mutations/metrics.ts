import type { Mutation } from './mutation.ts';

export const mutations: Mutation[] = [
  {
    what: 'the token for metrics',
    safeguard: 'metrics-need-token',
    from: 'if (token !== null && !hasToken(req.headers.authorization, token)) {',
    to: 'if (false) {',
    test: 'test/ops/metrics',
    named: 'for those who send the token',
  },
  {
    what: 'refusing a weak token for metrics',
    safeguard: 'refuse-weak-metrics-token',
    from: '&& isStrongSecret(metricsToken)',
    to: '',
    test: 'test/settings/config',
    named: 'metrics need',
  },
  {
    what: 'serving METRICS_PORT on the loopback address only',
    safeguard: 'metrics-port-on-loopback',
    from: "host: '127.0.0.1'",
    to: "host: '0.0.0.0'",
    test: 'test/fleet/metrics',
  },
  {
    what: 'ignoring an invalid traceparent',
    safeguard: 'ignore-invalid-traceparent',
    from: 'if (isInvalid || isNothing(traceId) || isNothing(parentId)) return null;',
    to: 'if (isInvalid) return null;',
    test: 'test/ops/trace',
  },
  {
    what: 'leaving streams out of the durations of requests',
    safeguard: 'no-durations-of-streams',
    from: 'if (isStream(res)) return;',
    to: '',
    test: 'test/ops/metrics',
    named: 'pattern of their route',
  },
  {
    what: 'starting counters at zero',
    safeguard: 'metrics-start-at-zero',
    from: 'for (const family of families) calls.inc({ family, outcome }, 0);',
    to: '',
    test: 'test/ops/metrics',
    named: 'by family and outcome',
  },
  {
    what: 'leaving out counts of the ledger that are no longer known',
    safeguard: 'forget-old-quota-metrics',
    from: 'gauge.reset();',
    to: '',
    test: 'test/ops/metrics',
    named: 'while Redis is down',
  },
];
