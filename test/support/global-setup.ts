import { findRedis, findRedisProgram, NoRedis } from '../../src/redis/local-server.ts';
import { localServerDeps } from '../../src/redis/terminal.ts';

/** Before all tests: sees to it that there is a Redis, installing it where that is allowed. */
export async function globalSetup(): Promise<void> {
  try {
    const deps = localServerDeps(process);
    await (process.env.REDIS_URL ? findRedis(deps) : findRedisProgram(deps));
  } catch (error) {
    if (!(error instanceof NoRedis)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
