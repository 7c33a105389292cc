import { redisOnPath, startRedis } from '../src/redis/local-server.ts';
import { createEnds } from '../test/support/ends.ts';
import { createFleet, type Fleet } from '../test/support/fleet.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

type How = Omit<NonNullable<Parameters<typeof createFleet>[1]>, 'redisUrl'>;

/** Measures with room for server processes on a Redis of their own; all of it is gone afterwards, and where the measuring is interrupted. */
export async function withFleet(how: How, measure: (fleet: Fleet) => Promise<void>): Promise<void> {
  const ends = createEnds();
  // A process that is paused at this moment could not see by itself that nobody is there any more.
  const interrupted = () => ends.end().finally(() => process.exit(1));
  for (const signal of signals) process.once(signal, interrupted);
  try {
    const program = redisOnPath(process.env);
    if (program === null) throw new Error('There is no redis-server on the PATH');
    const redis = await startRedis({ program });
    ends.after(() => redis.stop());
    const env = { LOG_LEVEL: 'warn', ...how.env };
    await measure(await createFleet(ends, { ...how, redisUrl: redis.url, env }));
  } finally {
    await ends.end();
    for (const signal of signals) process.off(signal, interrupted);
  }
}
