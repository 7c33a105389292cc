import { redisOnPath } from '../src/redis/local-server.ts';
import { type CleanupScope, createCleanupScope } from '../test/support/cleanup.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Measures with processes that the scope ends afterward, even if the measurement is interrupted. Throws if there is no Redis to start. */
export async function withScope(
  measure: (scope: CleanupScope, redisProgram: string) => Promise<void>,
): Promise<void> {
  const scope = createCleanupScope();
  // A process that is paused at this moment wouldn't notice that its parent has ended.
  const interrupted = () => scope.close().finally(() => process.exit(1));
  for (const signal of signals) process.once(signal, interrupted);
  try {
    const program = redisOnPath(process.env);
    if (program === null) throw new Error('There is no redis-server on the PATH');
    await measure(scope, program);
  } finally {
    await scope.close();
    for (const signal of signals) process.off(signal, interrupted);
  }
}
