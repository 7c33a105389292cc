import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  formatRedisAddress,
  parseRedisAddress,
  parseRedisUrl,
  type RedisAddress,
} from '../settings/redis-url.ts';
import { databaseProblem } from './database.ts';
import { ping } from './ping.ts';

/** A Redis that can be used, and a function that stops it if it was started for that. */
export type AvailableRedis = { url: string; stop(): Promise<void> };

type Deps = {
  env: Readonly<Record<string, string | undefined>>;
  /** Node's `process.platform`, such as `linux` or `darwin`. */
  platform: string;
  isRoot: boolean;
  print: (sentence: string) => void;
  /** Asks a yes-or-no question; null if there is no terminal. */
  confirm: ((question: string) => Promise<boolean>) | null;
  /** Aborts an installation. */
  signal?: AbortSignal;
};

/** No Redis is available, and the user has to do something about it; the message says what. */
export class NoRedis extends Error {
  override readonly name = 'NoRedis';
}

/**
 * Returns a Redis: the one at REDIS_URL, else a temporary one that is started from the redis-server or valkey-server on the PATH. If there is
 * neither, the system's package is installed first: without a prompt when running as root (containers, CI), otherwise after a prompt. Throws
 * {@link NoRedis}.
 */
export async function findRedis(deps: Deps, { dataDir }: { dataDir?: string } = {}): Promise<AvailableRedis> {
  const { REDIS_URL } = deps.env;
  if (!REDIS_URL) return startRedis({ program: await findRedisProgram(deps), ...(dataDir && { dataDir }) });
  await requireAnswer(REDIS_URL);
  return { url: REDIS_URL, stop: async () => undefined };
}

/** Throws {@link NoRedis} if no Redis answers at this URL, or if its database can't be used. */
async function requireAnswer(url: string): Promise<void> {
  const parsed = parseRedisUrl(url);
  if ('problem' in parsed) throw new NoRedis(parsed.problem);
  if ((await ping(parseRedisAddress(parsed.url))) === null) {
    throw new NoRedis(
      `REDIS_URL is set, but no Redis answers at ${formatRedisAddress(parsed.url)}. Start it, or unset REDIS_URL to start a private one.`,
    );
  }
  const problem = await databaseProblem({ url: parsed.url, ca: null });
  if (problem) throw new NoRedis(problem);
}

/** Returns the path of a Redis server, and installs one if necessary. Throws {@link NoRedis}. */
export async function findRedisProgram(deps: Deps): Promise<string> {
  const { env, platform, isRoot, print, confirm } = deps;
  const found = redisOnPath(env);
  if (found) return found;

  const commands = installCommands(env, platform, isRoot);
  if (commands === null) {
    throw new NoRedis(
      'Turntable needs Redis 6 or later. Install redis-server (or valkey-server), or set REDIS_URL.',
    );
  }
  const line = commands.map((command) => command.join(' ')).join(' && ');
  if (!isRoot && !(await confirm?.(`Turntable needs Redis, which isn’t installed. Run "${line}" now?`))) {
    throw new NoRedis(`Turntable needs Redis. To install it: ${line}\nOr set REDIS_URL to a running one.`);
  }
  print(`Installing Redis: ${line}`);
  for (const command of commands) {
    if (!(await succeeds(command, deps)))
      throw new NoRedis(`Couldn’t install Redis. Run this yourself: ${line}`);
  }
  const installed = redisOnPath(env);
  if (installed === null) throw new NoRedis(`Couldn’t install Redis. Run this yourself: ${line}`);
  return installed;
}

async function succeeds([program = '', ...args]: string[], { env, signal }: Deps): Promise<boolean> {
  const running = spawn(program, args, {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['inherit', 'ignore', 'inherit'],
    ...(signal && { signal }),
  });
  // "error" is emitted instead of "exit" if the program can't be started or is aborted.
  const [code] = await once(running, 'exit').catch(() => [null]);
  return code === 0;
}

/** Returns the path of the first Redis server on the PATH, or null. */
export function redisOnPath(env: Deps['env']): string | null {
  return findOnPath(['redis-server', 'valkey-server'], env);
}

/** Returns the path of the first of these programs that is on the PATH, or null. */
export function findOnPath(names: readonly string[], env: Deps['env']): string | null {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable) ?? null;
}

function installCommands(env: Deps['env'], platform: string, isRoot: boolean): string[][] | null {
  const has = (name: string) => findOnPath([name], env) !== null;
  if (platform === 'darwin' && has('brew')) return [['brew', 'install', 'redis']];
  if (!has('apt-get')) return null;
  const aptGet = isRoot ? ['apt-get'] : ['sudo', 'apt-get'];
  return [
    [...aptGet, 'update', '-qq'],
    [...aptGet, 'install', '-y', '-qq', '--no-install-recommends', 'redis-server'],
  ];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

type StartOptions = {
  program: string;
  /** A free port if not given. */
  port?: number;
  /** The folder for its data. Without one, data is in memory only. */
  dataDir?: string;
};

/** Starts a Redis on 127.0.0.1 that stops when this process ends, however it ends. Throws {@link NoRedis} if it doesn't start. */
export async function startRedis({
  program,
  port,
  dataDir,
}: StartOptions): Promise<AvailableRedis & { port: number }> {
  // Another process may take the port after it was found to be free, so several are tried.
  for (let attempt = 1; ; attempt += 1) {
    const address = { host: '127.0.0.1', port: port ?? (await freePort()) };
    const server = await spawnRedis(program, address, [
      ...['--bind', address.host, '--port', String(address.port)],
      ...(dataDir ? persistenceArgs(dataDir) : ['--appendonly', 'no', '--dir', tmpdir()]),
    ]);
    if (server)
      return { url: `redis://${address.host}:${address.port}`, port: address.port, stop: server.stop };
    if (port !== undefined || attempt === 5)
      throw new NoRedis(`${program} did not start on port ${address.port}.`);
  }
}

/** A Redis server that was started by this process. */
export type RunningRedis = {
  /** Resolves when the server has stopped, for whatever reason. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
};

/**
 * Starts a Redis whose data, log and socket are in `folder`, so only users who may enter the folder can connect to it. Returns null if it
 * stops before it answers.
 */
export function startRedisIn(
  folder: string,
  { program, socket }: { program: string; socket: string },
): Promise<RunningRedis | null> {
  return spawnRedis(program, { path: socket }, [
    ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700'],
    ...['--loglevel', 'warning', '--logfile', join(folder, 'redis.log')],
    ...persistenceArgs(folder),
  ]);
}

/** Every write is on disk before it is acknowledged, because losing a refreshed token may sign its listener out. */
function persistenceArgs(folder: string): string[] {
  // safeguard: fsync-every-write
  return ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder];
}

async function spawnRedis(
  program: string,
  address: RedisAddress,
  args: string[],
): Promise<RunningRedis | null> {
  // The shell reads from a pipe to this process. When this process ends, however it ends, the pipe closes and the shell stops the server,
  // by force after five seconds if it hangs. Every write it has confirmed is on disk by then.
  // safeguard: kill-hanging-private-redis
  const stop =
    'kill "$server"; for _ in 1 2 3 4 5; do sleep 1; kill -0 "$server" || exit; done; kill -9 "$server"';
  const script = `exec 3<&0; "$@" & server=$!; (read -r _ <&3; ${stop}) >/dev/null 2>&1 & wait "$server"`;
  const server = spawn('sh', ['-c', script, 'sh', program, ...args, '--save', ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // In its own process group, so that Ctrl-C reaches only this process, which stops the server last.
    detached: true,
  });
  server.unref();
  server.stdin?.on('error', () => undefined);
  // A server that couldn't be started counts as stopped.
  const ended = once(server, 'exit')
    .catch(() => undefined)
    // If the server stopped by itself, the shell that would kill it must end before its process id is reused.
    .then(() => server.stdin?.end());
  if (await waitUntilReady(server, address)) {
    const stop = async () => {
      // Otherwise this process might exit before the server has stopped.
      server.ref();
      server.stdin?.end();
      await ended;
    };
    return { ended, stop };
  }
  server.stdin?.end();
  return null;
}

const startTimeoutMs = 30_000;

/** Waits until the server answers, for as long as it says that it is loading its data. Returns false if it stops or takes too long. */
async function waitUntilReady(server: ChildProcess, address: RedisAddress): Promise<boolean> {
  let giveUpAt = performance.now() + startTimeoutMs;
  while (performance.now() < giveUpAt && server.exitCode === null) {
    const reply = await ping(address);
    if (reply === '+PONG') return server.exitCode === null;
    if (reply?.startsWith('-LOADING')) giveUpAt = performance.now() + startTimeoutMs;
    await sleep(10);
  }
  return false;
}

/*
 * Linux and macOS use ports from 32768 up for outgoing connections, so one of those may be in use before a server listens on it. Each process
 * starts at a random port below that and counts up.
 */
const candidatePorts = { first: 10_000, count: 22_000 };
let nextPort = Math.floor(Math.random() * candidatePorts.count);

function nextCandidate(): number {
  nextPort = (nextPort + 1) % candidatePorts.count;
  return candidatePorts.first + nextPort;
}

/** Returns a port that is free on each of `hosts` at the moment: the first free one of `preferred`, or any. Throws if none is found. */
export async function freePort(
  preferred: readonly number[] = [],
  hosts: readonly string[] = ['127.0.0.1'],
): Promise<number> {
  const [first = '127.0.0.1', ...others] = hosts;
  for (const port of [...preferred, ...Array.from({ length: 20 }, nextCandidate)]) {
    const free = await portIfFree(port, first);
    if (free === null) continue;
    const onOthers = await Promise.all(others.map((host) => portIfFree(free, host)));
    if (!onOthers.includes(null)) return free;
  }
  throw new Error('There is no free port');
}

async function portIfFree(port: number, host: string): Promise<number | null> {
  const server = createServer();
  const free = await new Promise<number | null>((resolve) => {
    // If this machine has no such address, nothing listens there.
    server.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      resolve(['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code) ? port : null);
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : null);
    });
  });
  if (server.listening) await new Promise((resolve) => server.close(resolve));
  return free;
}
