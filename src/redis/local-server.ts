import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Listening, listeningAt, parseRedisUrl, redisAddress } from '../settings/redis-url.ts';
import { databaseProblem } from './database.ts';
import { ping } from './ping.ts';

/** A Redis to use, and how to be done with it. */
export type RedisAtHand = { url: string; stop(): Promise<void> };

type Deps = {
  env: Readonly<Record<string, string | undefined>>;
  /** `linux`, `darwin` and so on, as Node says it. */
  platform: string;
  isRoot: boolean;
  /** Tells the person what is going on. */
  say: (sentence: string) => void;
  /** Asks the person; null where nobody is at a terminal. */
  confirm: ((question: string) => Promise<boolean>) | null;
  /** Ends an installation that is under way. */
  signal?: AbortSignal;
};

/** There is no Redis and none can be had without the person; the message says what to do. */
export class NoRedis extends Error {
  override readonly name = 'NoRedis';
}

/**
 * Finds a Redis: the one at REDIS_URL; else a private one, started from the redis-server or valkey-server on the PATH; else
 * the system's package is installed first, by root without asking (containers, CI), for others once they agree.
 * Throws {@link NoRedis}.
 */
export async function findRedis(deps: Deps): Promise<RedisAtHand> {
  const { REDIS_URL } = deps.env;
  if (!REDIS_URL) return startRedis({ program: await findRedisProgram(deps) });
  await checkAnswers(REDIS_URL);
  return { url: REDIS_URL, stop: async () => undefined };
}

async function checkAnswers(url: string): Promise<void> {
  const parsed = parseRedisUrl(url);
  if ('problem' in parsed) throw new NoRedis(parsed.problem);
  if ((await ping(listeningAt(parsed.url))) === null) {
    throw new NoRedis(
      `REDIS_URL is set, but no Redis answers at ${redisAddress(parsed.url)}. Start it, or unset REDIS_URL: then a private one is started.`,
    );
  }
  const problem = await databaseProblem(parsed.url);
  if (problem) throw new NoRedis(problem);
}

/** The path of a Redis server, installed first where there is none. Throws {@link NoRedis}. */
export async function findRedisProgram(deps: Deps): Promise<string> {
  const { env, platform, isRoot, say, confirm } = deps;
  const found = redisOnPath(env);
  if (found) return found;

  const commands = installCommands(env, platform, isRoot);
  if (commands === null) {
    throw new NoRedis(
      'Turntable needs Redis 6 or later. Install redis-server (or valkey-server), or set REDIS_URL.',
    );
  }
  const line = commands.map((command) => command.join(' ')).join(' && ');
  if (!isRoot && !(await confirm?.(`Turntable needs Redis, and there is none. Run "${line}" now?`))) {
    throw new NoRedis(`Turntable needs Redis. To install it: ${line}\nOr set REDIS_URL to one that runs.`);
  }
  say(`Installing Redis: ${line}`);
  for (const command of commands) {
    if (!(await succeeds(command, deps)))
      throw new NoRedis(`That did not work. Please install Redis by hand: ${line}`);
  }
  const installed = redisOnPath(env);
  if (installed === null) throw new NoRedis(`That did not work. Please install Redis by hand: ${line}`);
  return installed;
}

async function succeeds([program = '', ...words]: string[], { env, signal }: Deps): Promise<boolean> {
  const running = spawn(program, words, {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['inherit', 'ignore', 'inherit'],
    ...(signal && { signal }),
  });
  // "error" comes in place of "exit" where it cannot be started, or is ended by the signal.
  const [code] = await once(running, 'exit').catch(() => [null]);
  return code === 0;
}

/** The first Redis server on the PATH, or null. */
export function redisOnPath(env: Deps['env']): string | null {
  return findOnPath(['redis-server', 'valkey-server'], env);
}

/** The path of the first of these programs that there is, or null. */
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

type Start = {
  program: string;
  /** A free one where none is given. */
  port?: number;
  /** A folder to keep every write in, so that it survives a restart; without it, memory only. */
  keepIn?: string;
};

/** Starts a Redis of our own, reachable from this machine alone, that ends with this process however that ends. */
export async function startRedis({ program, port, keepIn }: Start): Promise<RedisAtHand & { port: number }> {
  // Between finding a free port and taking it another process may be quicker: then the next one is tried.
  for (let attempt = 1; ; attempt += 1) {
    const at = { host: '127.0.0.1', port: port ?? (await freePort()) };
    const server = await spawnRedis(program, at, [
      ...['--bind', at.host, '--port', String(at.port)],
      ...(keepIn ? keeping(keepIn) : ['--appendonly', 'no', '--dir', tmpdir()]),
    ]);
    if (server) return { url: `redis://${at.host}:${at.port}`, port: at.port, stop: server.stop };
    if (port !== undefined || attempt === 5)
      throw new NoRedis(`${program} did not start on port ${at.port}.`);
  }
}

/** A Redis that runs. */
export type RunningRedis = {
  /** Resolves when it has ended, for whatever reason. */
  ended: Promise<unknown>;
  /** Ends it, and resolves when it has ended. */
  stop(): Promise<void>;
};

/**
 * Starts a Redis that keeps every write in `folder` and listens on a socket there, so that it is reached by whoever may enter the folder and
 * by nobody else on this machine. Its log is in the folder as well. Returns null if it ends before it answers.
 */
export function startRedisIn(
  folder: string,
  { program, socket }: { program: string; socket: string },
): Promise<RunningRedis | null> {
  return spawnRedis(program, { path: socket }, [
    ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700'],
    ...['--loglevel', 'warning', '--logfile', join(folder, 'redis.log')],
    ...keeping(folder),
  ]);
}

/** A write is answered when it is on the disk: a refreshed token that is lost may sign its listener out. */
function keeping(folder: string): string[] {
  // safeguard: fsync-every-write
  return ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder];
}

async function spawnRedis(program: string, at: Listening, settings: string[]): Promise<RunningRedis | null> {
  // The shell holds our end of a pipe. When we stop, or die in whatever way, the pipe closes and it ends the server: at once, or after
  // five seconds if the server hangs. Every write it has confirmed is on the disk by then.
  // safeguard: kill-hanging-private-redis
  const end =
    'kill "$server"; for _ in 1 2 3 4 5; do sleep 1; kill -0 "$server" || exit; done; kill -9 "$server"';
  const script = `exec 3<&0; "$@" & server=$!; (read -r _ <&3; ${end}) >/dev/null 2>&1 & wait "$server"`;
  const server = spawn('sh', ['-c', script, 'sh', program, ...settings, '--save', ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A group of its own: Ctrl-C at the terminal is for us, and we stop the server last.
    detached: true,
  });
  server.unref();
  server.stdin?.on('error', () => undefined);
  // A server that cannot be started has ended as well.
  const ended = once(server, 'exit')
    .catch(() => undefined)
    // If the server has ended by itself, the one who would end it has to go too, before its number is another process's.
    .then(() => server.stdin?.end());
  if (await answers(server, at)) {
    const stop = async () => {
      // Without this, a process with nothing else to do would end before the server has.
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

/** Waits until the server answers: as long as it takes to load what it keeps, if it says that it does. */
async function answers(server: ChildProcess, at: Listening): Promise<boolean> {
  let giveUpAt = performance.now() + startTimeoutMs;
  while (performance.now() < giveUpAt && server.exitCode === null) {
    const reply = await ping(at);
    if (reply === '+PONG') return server.exitCode === null;
    if (reply?.startsWith('-LOADING')) giveUpAt = performance.now() + startTimeoutMs;
    await sleep(10);
  }
  return false;
}

/*
 * Linux and macOS give outgoing connections ports from 32768 up, so one of those may be taken by the time it is listened on. Each
 * process begins at a random port below and never returns one twice in a row.
 */
const ownPorts = { first: 10_000, count: 22_000 };
let nextPort = Math.floor(Math.random() * ownPorts.count);

function anyPort(): number {
  nextPort = (nextPort + 1) % ownPorts.count;
  return ownPorts.first + nextPort;
}

/** A port that is free on each of `hosts` at this moment: the first of `wished` that is, else any. */
export async function freePort(
  wished: readonly number[] = [],
  hosts: readonly string[] = ['127.0.0.1'],
): Promise<number> {
  const [first = '127.0.0.1', ...others] = hosts;
  for (const port of [...wished, ...Array.from({ length: 20 }, anyPort)]) {
    const free = await portIfFree(port, first);
    if (free === null) continue;
    const onOthers = await Promise.all(others.map((host) => portIfFree(free, host)));
    if (!onOthers.includes(null)) return free;
  }
  throw new Error('No port is free');
}

async function portIfFree(port: number, host: string): Promise<number | null> {
  const server = createServer();
  const free = await new Promise<number | null>((resolve) => {
    // A machine without such an address has nobody listening there either.
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
