import type { RequestHandler, Response } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { routeOf } from './route.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** The state at the time when the metrics are read: something else counts it. */
export type State = {
  /** Whether this process can serve pages. */
  isReady: boolean;
  openStreams: number;
  /** The grants that expire within 30 days; null if that isn't known. */
  expiringGrants: number | null;
  /** Until when the accounts service isn't called, in milliseconds since 1970; null if that isn't known. */
  accountsPausedUntil: number | null;
  /** The calls to Spotify in the last 24 hours, and which are paused; null if that isn't known. Times are milliseconds since 1970. */
  quota: {
    closedUntil: number | null;
    families: readonly {
      family: string;
      used: number;
      limit: number | null;
      closedUntil: number | null;
      /** The family that shares the limit, and how many calls both have used. */
      sharing: { used: number } | null;
    }[];
  } | null;
};

type Options = {
  /** Whether the metrics are served. Otherwise nothing is measured that takes timers. */
  isServed: boolean;
  /** Every value that the label `family` may have, and `outcome`. */
  families: readonly string[];
  outcomes: readonly string[];
  /** How many calls to Spotify may be made in 24 hours, as far as is known beforehand. */
  dailyCalls: number;
  /** Milliseconds since 1970. */
  now: () => number;
};

/** The values of the label `limit`: the limit that was exceeded. */
const shedLimits = ['requests', 'connections'] as const;

const requestSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const callSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 8];

/**
 * The measurements of this process, for Prometheus. Every label has few values that are known beforehand, so none contains a name, a token, an id or
 * a query.
 */
export function createMetrics({ isServed, families, outcomes, dailyCalls, now }: Options) {
  const registry = new Registry();
  if (isServed) collectDefaultMetrics({ register: registry });
  const { requests, unforeseenErrors, shed, calls, callDurations, refreshes, redisErrors, ...gauges } =
    createInstruments(registry);
  gauges.dailyCalls.set(dailyCalls);
  // Prometheus doesn't count the step from nothing to 1 as an increase.
  // safeguard: metrics-start-at-zero
  for (const limit of shedLimits) shed.inc({ limit }, 0);
  for (const outcome of outcomes) {
    for (const family of families) calls.inc({ family, outcome }, 0);
    for (const token of ['grant', 'app']) refreshes.inc({ token, outcome }, 0);
  }

  return {
    /** Measures each request until its response has ended, except for streams: they stay open for hours. */
    measureRequests: ((req, res, next) => {
      const startedAt = performance.now();
      res.once('close', () => {
        // safeguard: no-durations-of-streams
        if (isStream(res)) return;
        const status = res.writableFinished ? String(res.statusCode) : 'cut off';
        const seconds = (performance.now() - startedAt) / 1000;
        requests.observe({ method: req.method, route: routeOf(req), status }, seconds);
      });
      next();
    }) satisfies RequestHandler,

    /** Counts a request that failed with an error that isn't foreseen. */
    countUnforeseenError: (): void => unforeseenErrors.inc(),

    /** Counts a request, or a connection before its first one, that was shed because there were too many. */
    countShed: (limit: (typeof shedLimits)[number]): void => shed.inc({ limit }),

    /** Counts a call to Spotify. `ms`: how long it took; null if it wasn't made. */
    countCall(family: string, outcome: string, ms: number | null): void {
      calls.inc({ family, outcome });
      if (ms !== null) callDurations.observe({ family }, ms / 1000);
    },

    /** Counts an attempt to replace an access token: a listener's, or the app's own. */
    countRefresh: (token: 'grant' | 'app', outcome: string): void => refreshes.inc({ token, outcome }),

    /** Counts a command that Redis didn't carry out. `code`: that of its reply; undefined if there was none. */
    countRedisError: (code: string | undefined): void => redisErrors.inc({ code: code ?? 'none' }),

    /** Records which checks of Redis failed, in place of the last time. */
    recordChecks(results: readonly { name: string; status: string }[]): void {
      gauges.failedChecks.reset();
      for (const { name, status } of results)
        gauges.failedChecks.set({ check: name }, status === 'failed' ? 1 : 0);
    },

    format({ isReady, openStreams, expiringGrants, accountsPausedUntil, quota }: State): Promise<string> {
      gauges.ready.set(isReady ? 1 : 0);
      gauges.streams.set(openStreams);
      // A value that isn't known, or no longer, is left out.
      // safeguard: forget-old-quota-metrics
      for (const gauge of [gauges.used, gauges.usedRatio, gauges.pauses]) gauge.reset();
      if (expiringGrants === null) gauges.expiringGrants.remove();
      else gauges.expiringGrants.set(expiringGrants);
      const secondsUntil = (time: number | null) => Math.max(0, ((time ?? 0) - now()) / 1000);
      if (accountsPausedUntil !== null)
        gauges.pauses.set({ family: 'accounts' }, secondsUntil(accountsPausedUntil));
      if (quota) gauges.pauses.set({ family: 'all' }, secondsUntil(quota.closedUntil));
      for (const { family, used, limit, closedUntil, sharing } of quota?.families ?? []) {
        gauges.used.set({ family }, used);
        gauges.pauses.set({ family }, secondsUntil(closedUntil));
        if (limit !== null) gauges.usedRatio.set({ family }, (sharing?.used ?? used) / limit);
      }
      return registry.metrics();
    },
  };
}

/** All our own metrics. Those of Node, such as the delay of the event loop, are prom-client's. */
function createInstruments(registry: Registry) {
  const of = <Label extends string>(name: string, help: string, ...labelNames: Label[]) => ({
    name: `turntable_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  return {
    requests: new Histogram({
      ...of(
        'http_request_duration_seconds',
        'Time from request to end of response, excluding streams',
        'method',
        'route',
        'status',
      ),
      buckets: requestSeconds,
    }),
    unforeseenErrors: new Counter(
      of('unforeseen_errors_total', 'Requests that failed with an error that is not foreseen (500)'),
    ),
    shed: new Counter(
      of('http_requests_shed_total', 'Requests refused because there were too many at once', 'limit'),
    ),
    streams: new Gauge(of('streams_open', 'Open streams of live updates')),
    calls: new Counter(of('spotify_calls_total', 'Calls to Spotify by outcome', 'family', 'outcome')),
    callDurations: new Histogram({
      ...of('spotify_call_duration_seconds', 'Duration of calls to Spotify', 'family'),
      buckets: callSeconds,
    }),
    used: new Gauge(of('spotify_calls_used', 'Calls of all processes in the last 24 hours', 'family')),
    usedRatio: new Gauge(of('spotify_calls_used_ratio', 'Share of the known limit that is used', 'family')),
    dailyCalls: new Gauge(of('spotify_daily_calls', 'The setting SPOTIFY_DAILY_CALLS')),
    pauses: new Gauge(of('spotify_pause_seconds', 'Time until Spotify may be called again', 'family')),
    refreshes: new Counter(of('token_refreshes_total', 'Refreshes of access tokens', 'token', 'outcome')),
    expiringGrants: new Gauge(of('grants_expiring', 'Grants in use that expire within 30 days')),
    ready: new Gauge(of('ready', 'Whether this process can serve pages, as /readyz says')),
    redisErrors: new Counter(of('redis_errors_total', 'Commands that Redis did not carry out', 'code')),
    failedChecks: new Gauge(of('redis_check_failed', 'Checks of Redis that failed', 'check')),
  };
}

function isStream(res: Response): boolean {
  return String(res.getHeader('Content-Type')).startsWith('text/event-stream');
}
