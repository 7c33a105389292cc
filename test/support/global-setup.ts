import { findRedis, findRedisProgram, NoRedis } from '../../src/redis/local-server.ts';
import { localServerDeps } from '../../src/redis/terminal.ts';

/** Makes sure before all tests that there is a Redis, and installs one if that is allowed. */
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
