import type { RequestHandler, Response } from 'express';
import type { EndpointMatch } from './endpoints.ts';
import type { Family } from './families.ts';
import { createQuota } from './quota.ts';
import type { LimitOptions, RefusalOptions, Settings } from './types.ts';

/** A limit that refuses calls: those of these families, or all if null. */
export type Limit = { families: readonly Family[] | null; until: number; refusal: Required<RefusalOptions> };
export type Limits = ReturnType<typeof createLimits>;

type Deps = {
  settings: Settings;
  now: () => number;
  findEndpoint: (method: string, path: string) => EndpointMatch;
};

const exhausted = withDefaults({ quota: true });
/** A limit for all calls is stored under this key. */
const everyCall = 'every call';

/**
 * Refuses calls with 429: while a limit is imposed, if a quota for any 24 hours is exhausted, and at endpoints that are gone. All tokens
 * of the app share the limits (Spotify: "Web API changelog, July 2026"). Refused calls don't count.
 */
export function createLimits({ settings, now, findEndpoint }: Deps) {
  const quota = createQuota({ settings, now });
  const imposed = new Map<Family | typeof everyCall, Pick<Limit, 'until' | 'refusal'>>();

  const imposedLimits = (): Limit[] =>
    [...new Set(imposed.values())]
      .filter(({ until }) => now() < until)
      .map((limit) => {
        const scope = [...imposed].filter(([, one]) => one === limit).map(([key]) => key);
        const families = scope.filter((key) => key !== everyCall);
        return { ...limit, families: families.length < scope.length ? null : families };
      });

  const exhaustedQuotas = (): Limit[] => {
    const totalUntil = quota.totalFullUntil();
    return [
      ...(totalUntil === null ? [] : [{ families: null, until: totalUntil, refusal: exhausted }]),
      ...quota.fullBuckets().map(({ bucket, until }) => ({
        families: bucket.families,
        until,
        refusal: withDefaults({ quota: true, ...bucket }),
      })),
    ];
  };

  /** The limits that refuse calls now. */
  const activeLimits = (): Limit[] => [...exhaustedQuotas(), ...imposedLimits()];

  /** An exhausted quota concerns the whole bucket. */
  const withBucketMates = (chosen: readonly Family[]): Set<Family> => {
    const shared = settings.buckets.filter(({ families }) => families.some((one) => chosen.includes(one)));
    return new Set([...chosen, ...shared.flatMap(({ families }) => families)]);
  };

  return {
    activeLimits,

    enforce: ((req, res, next) => {
      const { endpoint, family } = findEndpoint(req.method, req.path);
      if (settings.goneEndpoints.has(endpoint)) {
        return refuse(res, 0, withDefaults({ retryAfter: false }));
      }
      const limits = activeLimits().filter(
        ({ families }) => families === null || (family !== null && families.includes(family)),
      );
      if (limits.length === 0) {
        quota.count(family);
        return next();
      }
      // If several limits apply, a client that waits for the longest one needs no second try.
      const { until, refusal } = limits.reduce((one, other) => (other.until >= one.until ? other : one));
      refuse(res, until - now(), refusal);
    }) satisfies RequestHandler,

    rateLimit(seconds: number, { families, ...refusal }: LimitOptions = {}) {
      const limit = { until: now() + seconds * 1000, refusal: withDefaults(refusal) };
      for (const scope of families ? withBucketMates(families) : ([everyCall] as const))
        imposed.set(scope, limit);
    },

    clear: () => imposed.clear(),

    /** Ends all refusals: what was imposed, and what was counted. */
    reset() {
      imposed.clear();
      quota.reset();
      settings.goneEndpoints.clear();
    },
  };
}

/** Users have reported plain text for the rate limit (GitHub: skuethe/MMM-Spotify#172), JSON for the quota. */
function withDefaults({
  quota = false,
  retryAfter = true,
  body = quota ? 'json' : 'text',
}: RefusalOptions): Required<RefusalOptions> {
  return { quota, retryAfter, body };
}

function refuse(res: Response, waitMs: number, { quota, retryAfter, body }: Required<RefusalOptions>) {
  const message = 'Too many requests';
  res.status(429);
  if (retryAfter) res.set('retry-after', String(Math.ceil(waitMs / 1000)));
  if (body === 'text') res.type('text/plain').send(message);
  else res.json({ error: { status: 429, message, ...(quota && { reason: 'QUOTA_EXCEEDED' }) } });
}
