import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis, findRedisProgram, NoRedis } from '../../src/redis/local-server.ts';
import { localServerDeps } from '../../src/redis/terminal.ts';

/**
 * Makes sure before all tests that there is a Redis, and installs one if that is allowed. The processes of the tests share compiled code, which
 * saves each of them half a second.
 */
export async function globalSetup(): Promise<void> {
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'turntable-compiled');
  try {
    const deps = localServerDeps(process);
    await (process.env.REDIS_URL ? findRedis(deps) : findRedisProgram(deps));
  } catch (error) {
    if (!(error instanceof NoRedis)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
