import { startRedis } from '../src/redis/local-server.ts';
import { createFleet, type Fleet } from '../test/support/fleet.ts';
import { withScope } from './with-scope.ts';

type Options = Omit<NonNullable<Parameters<typeof createFleet>[1]>, 'redisUrl'>;

/** Measures with server processes on their own Redis. */
export async function withFleet(options: Options, measure: (fleet: Fleet) => Promise<void>): Promise<void> {
  await withScope(async (scope, program) => {
    const redis = await startRedis({ program });
    scope.after(() => redis.stop());
    const env = { LOG_LEVEL: 'warn', ...options.env };
    await measure(await createFleet(scope, { ...options, redisUrl: redis.url, env }));
  });
}
