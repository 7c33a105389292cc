import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect as openSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../src/redis/local-server.ts';
import type { CleanupScope } from '../test/support/cleanup.ts';

type Node = { port: number; dir: string; process: ChildProcess | null };

export type RedisPair = Awaited<ReturnType<typeof startRedisPair>>;

/**
 * Starts a Redis primary and a replica that write everything to disk, behind one address that leads to the primary, like a managed Redis
 * with failover. The primary can be suspended, killed, or swapped with its replica.
 */
export async function startRedisPair(t: CleanupScope, program: string) {
  const folder = await mkdtemp(join(tmpdir(), 'turntable-redis-pair-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const nodes = await Promise.all(['a', 'b'].map((name) => newNode(t, join(folder, name), program)));
  let [primary, replica] = nodes as [Node, Node];
  await send(replica, (redis) => redis.replicaof('127.0.0.1', primary.port));
  await waitForSync();

  let target = primary.port;
  const address = await forward(t, () => target);

  return {
    url: `redis://127.0.0.1:${address}`,

    /** Suspends the primary for `ms` milliseconds. Its connections stay open and silent. */
    async freeze(ms: number): Promise<void> {
      primary.process?.kill('SIGSTOP');
      await sleep(ms);
      primary.process?.kill('SIGCONT');
    },

    /** Kills the primary, and restarts it from its disk after `ms` milliseconds. */
    async kill(ms: number): Promise<void> {
      await end(primary, 'SIGKILL');
      await sleep(ms);
      await launch(primary, program);
      await waitForSync();
    },

    /**
     * Makes the replica the primary without losing a write (Redis: "FAILOVER"). For `ms` milliseconds the address still leads to the old
     * primary, which refuses writes.
     */
    async failOver(ms: number): Promise<void> {
      await waitForSync();
      await send(primary, (redis) => redis.call('FAILOVER', 'TO', '127.0.0.1', String(replica.port)));
      while (!(await send(replica, (redis) => redis.info('replication'))).includes('role:master'))
        await sleep(50);
      [primary, replica] = [replica, primary];
      await sleep(ms);
      target = primary.port;
    },
  };

  async function waitForSync(): Promise<void> {
    const linked = 'master_link_status:up';
    while (!(await send(replica, (redis) => redis.info('replication'))).includes(linked)) await sleep(50);
  }
}

async function newNode(t: CleanupScope, dir: string, program: string): Promise<Node> {
  await mkdir(dir);
  const node: Node = { port: await freePort(), dir, process: null };
  t.after(() => end(node, 'SIGKILL'));
  await launch(node, program);
  return node;
}

async function launch(node: Node, program: string): Promise<void> {
  const persistence = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--dir', node.dir];
  const settings = ['--bind', '127.0.0.1', '--port', String(node.port), ...persistence];
  node.process = spawn(program, settings, { stdio: 'ignore' });
  for (;;) {
    const answer = await send(node, (redis) => redis.ping()).catch(() => null);
    if (answer === 'PONG') return;
    if (node.process.exitCode !== null) throw new Error(`${program} exited at once`);
    await sleep(50);
  }
}

async function end(node: Node, signal: 'SIGKILL'): Promise<void> {
  const { process } = node;
  node.process = null;
  if (process === null || process.exitCode !== null || process.signalCode !== null) return;
  const exited = once(process, 'exit');
  process.kill(signal);
  await exited;
}

/** Sends a command over a new connection. */
async function send<T>({ port }: Node, command: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await command(redis);
  } finally {
    redis.disconnect();
  }
}

/** Forwards connections to the port that is the target when they open. Returns the port to connect to. */
async function forward(t: CleanupScope, target: () => number): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = openSocket(target(), '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}
