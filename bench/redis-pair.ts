import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect as openSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../src/redis/local-server.ts';
import type { Ends } from '../test/support/ends.ts';

type Node = { port: number; dir: string; process: ChildProcess | null };

export type RedisPair = Awaited<ReturnType<typeof startRedisPair>>;

/**
 * A Redis primary with a replica, both keeping every write on disk, behind one address that leads to the primary: the shape of a
 * managed Redis with failover. The primary can be frozen, killed, or swapped with its replica.
 */
export async function startRedisPair(t: Ends, program: string) {
  const home = await mkdtemp(join(tmpdir(), 'turntable-redis-pair-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const nodes = await Promise.all(['a', 'b'].map((name) => newNode(t, join(home, name), program)));
  let [primary, replica] = nodes as [Node, Node];
  await ask(replica, (redis) => redis.replicaof('127.0.0.1', primary.port));
  await inSync();

  let target = primary.port;
  const address = await forward(t, () => target);

  return {
    url: `redis://127.0.0.1:${address}`,

    /** Stops the primary from running for `ms` milliseconds; its connections stay open and silent. */
    async freeze(ms: number): Promise<void> {
      primary.process?.kill('SIGSTOP');
      await sleep(ms);
      primary.process?.kill('SIGCONT');
    },

    /** Kills the primary and starts it again after `ms` milliseconds, with what is on its disk. */
    async kill(ms: number): Promise<void> {
      await end(primary, 'SIGKILL');
      await sleep(ms);
      await launch(primary, program);
      await inSync();
    },

    /**
     * Makes the replica the primary without losing a write (Redis: "FAILOVER"). For `ms` milliseconds the address still leads to the
     * old one, which is a replica now and refuses writes.
     */
    async failOver(ms: number): Promise<void> {
      await inSync();
      await ask(primary, (redis) => redis.call('FAILOVER', 'TO', '127.0.0.1', String(replica.port)));
      while (!(await ask(replica, (redis) => redis.info('replication'))).includes('role:master'))
        await sleep(50);
      [primary, replica] = [replica, primary];
      await sleep(ms);
      target = primary.port;
    },
  };

  async function inSync(): Promise<void> {
    const linked = 'master_link_status:up';
    while (!(await ask(replica, (redis) => redis.info('replication'))).includes(linked)) await sleep(50);
  }
}

async function newNode(t: Ends, dir: string, program: string): Promise<Node> {
  await mkdir(dir);
  const node: Node = { port: await freePort(), dir, process: null };
  t.after(() => end(node, 'SIGKILL'));
  await launch(node, program);
  return node;
}

async function launch(node: Node, program: string): Promise<void> {
  const disk = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--dir', node.dir];
  const settings = ['--bind', '127.0.0.1', '--port', String(node.port), ...disk];
  node.process = spawn(program, settings, { stdio: 'ignore' });
  for (;;) {
    const answer = await ask(node, (redis) => redis.ping()).catch(() => null);
    if (answer === 'PONG') return;
    if (node.process.exitCode !== null) throw new Error(`${program} ended at once`);
    await sleep(50);
  }
}

async function end(node: Node, signal: 'SIGKILL'): Promise<void> {
  const { process } = node;
  node.process = null;
  if (process === null || process.exitCode !== null || process.signalCode !== null) return;
  const gone = once(process, 'exit');
  process.kill(signal);
  await gone;
}

/** Asks a node over a connection of its own. */
async function ask<T>({ port }: Node, command: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await command(redis);
  } finally {
    redis.disconnect();
  }
}

/** Passes connections on to whatever port is the target when they open; returns the port it listens on. */
async function forward(t: Ends, target: () => number): Promise<number> {
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
