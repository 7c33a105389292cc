import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketPathProblem } from '../settings/redis-url.ts';
import { lockFolder, prepareDataFolder } from './data-folder.ts';
import { type AvailableRedis, NoRedis, type RunningRedis, startRedisIn } from './local-server.ts';
import { ping } from './ping.ts';

type Deps = {
  /** The folder for its data, its log and its socket. */
  folder: string;
  findProgram: () => Promise<string>;
  /** Called with a sentence when the server stops unexpectedly. */
  onProblem: (sentence: string) => void;
};

const previousTimeoutMs = 10_000;
const maxRestartDelayMs = 60_000;

export function privateSocket(folder: string): string {
  return join(folder, 'redis.sock');
}

/**
 * Starts the private Redis, which keeps its data in a folder and runs as long as this process; it is restarted if it stops. Throws
 * {@link NoRedis}, which says what to do, even if another process runs one in the same folder.
 */
export async function startPrivateRedis({ folder, findProgram, onProblem }: Deps): Promise<AvailableRedis> {
  const socket = privateSocket(folder);
  const problem = socketPathProblem(socket);
  if (problem)
    throw new NoRedis(`${problem} Move Turntable to a folder with a shorter path, or set REDIS_URL.`);
  prepareDataFolder(folder);
  const unlock = lockFolder(folder);
  // safeguard: private-redis-folder-lock
  if (!unlock) {
    throw new NoRedis(
      `Another Turntable is running with the data in ${folder}. Stop it first, or set REDIS_URL to a Redis that both can use.`,
    );
  }
  try {
    // safeguard: wait-for-orphaned-redis
    await waitForPrevious(folder, socket);
    const program = await findProgram();
    const server = await startRedisIn(folder, { program, socket });
    if (!server) {
      throw new NoRedis(
        `${program} did not start with the data in ${folder}. See the end of ${join(folder, 'redis.log')} for the reason.`,
      );
    }
    const supervisor = keepRunning(server, () => startRedisIn(folder, { program, socket }), onProblem);
    return {
      url: socket,
      async stop() {
        await supervisor.stop();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Waits for the Redis of a process that was killed, which stops a moment later. Two at once would write to the same files. */
async function waitForPrevious(folder: string, socket: string): Promise<void> {
  const giveUpAt = performance.now() + previousTimeoutMs;
  while ((await ping({ path: socket })) !== null) {
    if (performance.now() > giveUpAt)
      throw new NoRedis(
        `A Redis that was started earlier is still using ${folder}. Stop it, then start Turntable again.`,
      );
    await sleep(50);
  }
}

/** Restarts the server whenever it stops, with a growing delay if that happens repeatedly. */
function keepRunning(
  first: RunningRedis,
  start: () => Promise<RunningRedis | null>,
  onProblem: Deps['onProblem'],
): { stop(): Promise<void> } {
  let server = first;
  let isStopping = false;
  const finished = supervise();
  return {
    async stop() {
      isStopping = true;
      await server.stop();
      await finished;
    },
  };

  async function supervise(): Promise<void> {
    for (let delayMs = 500; !isStopping; delayMs = Math.min(delayMs * 2, maxRestartDelayMs)) {
      await server.ended;
      if (isStopping) return;
      onProblem('The private Redis stopped unexpectedly and is being restarted');
      await sleep(delayMs);
      // safeguard: restart-private-redis
      if (!isStopping) server = (await start()) ?? server;
    }
    await server.stop();
  }
}
