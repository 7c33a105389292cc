import assert from 'node:assert/strict';
import { once } from 'node:events';
import { until } from './fleet.ts';
import type { SiteBehindNginx } from './nginx.ts';

/**
 * Stops each server with SIGTERM and starts it again, one after the other; the next once the last one serves pages again. Returns how long
 * each took to stop, in milliseconds. Fails if one doesn't exit with 0.
 */
export async function restartInTurn({ servers, restart }: SiteBehindNginx): Promise<number[]> {
  const stopMs: number[] = [];
  for (const [index, server] of [...servers].entries()) {
    const startedAt = performance.now();
    const exited = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null], server.output());
    stopMs.push(performance.now() - startedAt);
    await restart(index);
    // nginx doesn't try a server that it couldn't reach for a while.
    await until(() => servers[index]?.output().includes('"message":"Request"') ?? false);
  }
  return stopMs;
}
