import { redisOnPath, startRedis } from '../src/redis/local-server.ts';
import { createCleanupScope } from '../test/support/cleanup.ts';
import { createFleet, type Fleet } from '../test/support/fleet.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

type Options = Omit<NonNullable<Parameters<typeof createFleet>[1]>, 'redisUrl'>;

/** Measures with server processes on their own Redis. Ends all of them afterwards, even if the measurement is interrupted. */
export async function withFleet(options: Options, measure: (fleet: Fleet) => Promise<void>): Promise<void> {
  const scope = createCleanupScope();
  // A process that is paused at this moment wouldn't notice that its parent has ended.
  const interrupted = () => scope.close().finally(() => process.exit(1));
  for (const signal of signals) process.once(signal, interrupted);
  try {
    const program = redisOnPath(process.env);
    if (program === null) throw new Error('There is no redis-server on the PATH');
    const redis = await startRedis({ program });
    scope.after(() => redis.stop());
    const env = { LOG_LEVEL: 'warn', ...options.env };
    await measure(await createFleet(scope, { ...options, redisUrl: redis.url, env }));
  } finally {
    await scope.close();
    for (const signal of signals) process.off(signal, interrupted);
  }
}
