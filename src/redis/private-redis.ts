import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketPathProblem } from '../settings/redis-url.ts';
import { lockFolder, prepareFolder } from './data-folder.ts';
import { NoRedis, type RedisAtHand, startRedisIn } from './local-server.ts';
import { ping } from './ping.ts';

type Deps = {
  /** Where everything is kept. */
  folder: string;
  /** Finds the program of a Redis server. */
  findProgram: () => Promise<string>;
  /** Called with a sentence when the server has ended although nobody stopped it. */
  onTrouble: (sentence: string) => void;
};

const previousEndsWithinMs = 10_000;
const maxRestartDelayMs = 60_000;

/** The socket that the private Redis of a folder listens on. */
export function privateSocket(folder: string): string {
  return join(folder, 'redis.sock');
}

/**
 * Starts the private Redis, which keeps its data in a folder and runs for as long as this process: one that ends by itself is started again.
 * Throws {@link NoRedis} with what to do, also if another process runs one in the same folder.
 */
export async function startPrivateRedis({ folder, findProgram, onTrouble }: Deps): Promise<RedisAtHand> {
  const socket = privateSocket(folder);
  const problem = socketPathProblem(socket);
  if (problem)
    throw new NoRedis(`${problem} Move Turntable to a folder with a shorter path, or set REDIS_URL.`);
  prepareFolder(folder);
  const unlock = lockFolder(folder);
  // safeguard: private-redis-folder-lock
  if (!unlock) {
    throw new NoRedis(
      `Another Turntable is running with the data in ${folder}. Stop it first, or set REDIS_URL to a Redis that both can use.`,
    );
  }
  try {
    // safeguard: wait-for-orphaned-redis
    await previousEnded(folder, socket);
    const program = await findProgram();
    const server = await startRedisIn(folder, { program, socket });
    if (!server) {
      throw new NoRedis(
        `${program} did not start with the data in ${folder}. The end of ${join(folder, 'redis.log')} says why.`,
      );
    }
    const supervisor = keepRunning(server, () => startRedisIn(folder, { program, socket }), onTrouble);
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

/** The Redis of a process that was killed ends a moment later: two at once would write to the same files. */
async function previousEnded(folder: string, socket: string): Promise<void> {
  const giveUpAt = performance.now() + previousEndsWithinMs;
  while ((await ping({ path: socket })) !== null) {
    if (performance.now() > giveUpAt)
      throw new NoRedis(`A Redis that was started earlier still uses ${folder}. End it, and start again.`);
    await sleep(50);
  }
}

type Server = NonNullable<Awaited<ReturnType<typeof startRedisIn>>>;

/** Starts another server whenever the running one ends, ever later if they keep ending. */
function keepRunning(
  first: Server,
  start: () => Promise<Server | null>,
  onTrouble: Deps['onTrouble'],
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
      onTrouble('The private Redis has ended by itself and is started again');
      await sleep(delayMs);
      // safeguard: restart-private-redis
      if (!isStopping) server = (await start()) ?? server;
    }
    await server.stop();
  }
}
