import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Redis to use, and how to be done with it. */
export type RedisAtHand = { url: string; stop(): Promise<void> };

type Needs = {
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
export async function findRedis(needs: Needs): Promise<RedisAtHand> {
  const { REDIS_URL } = needs.env;
  if (!REDIS_URL) return startRedis({ program: await findRedisProgram(needs) });
  await checkAnswers(REDIS_URL);
  return { url: REDIS_URL, stop: async () => undefined };
}

async function checkAnswers(url: string): Promise<void> {
  const { hostname, port } = URL.canParse(url) ? new URL(url) : { hostname: '', port: '' };
  if (hostname && (await canConnect(Number(port || 6379), hostname.replace(/^\[|\]$/g, '')))) return;
  throw new NoRedis(
    `REDIS_URL is set, but no Redis answers at ${hostname || 'it'}:${port || 6379}. Start it, or unset REDIS_URL: then a private one is started.`,
  );
}

/** The path of a Redis server, installed first where there is none. Throws {@link NoRedis}. */
export async function findRedisProgram(needs: Needs): Promise<string> {
  const { env, platform, isRoot, say, confirm } = needs;
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
    if (!(await succeeds(command, needs)))
      throw new NoRedis(`That did not work. Please install Redis by hand: ${line}`);
  }
  const installed = redisOnPath(env);
  if (installed === null) throw new NoRedis(`That did not work. Please install Redis by hand: ${line}`);
  return installed;
}

async function succeeds([program = '', ...words]: string[], { env, signal }: Needs): Promise<boolean> {
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
export function redisOnPath(env: Needs['env']): string | null {
  return findOnPath(['redis-server', 'valkey-server'], env);
}

/** The path of the first of these programs that there is, or null. */
export function findOnPath(names: readonly string[], env: Needs['env']): string | null {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable) ?? null;
}

function installCommands(env: Needs['env'], platform: string, isRoot: boolean): string[][] | null {
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
    const at = port ?? (await freePort());
    const server = spawnRedis(program, at, keepIn);
    const exited = once(server, 'exit');
    if (await answers(server, at)) {
      const stop = async () => {
        // Without this, a process with nothing else to do would end before the server has.
        server.ref();
        server.stdin?.end();
        await exited;
      };
      return { url: `redis://127.0.0.1:${at}`, port: at, stop };
    }
    server.stdin?.end();
    if (port !== undefined || attempt === 5) throw new NoRedis(`${program} did not start on port ${at}.`);
  }
}

function spawnRedis(program: string, port: number, keepIn: string | undefined): ChildProcess {
  const keep = keepIn
    ? ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', keepIn]
    : ['--appendonly', 'no', '--dir', tmpdir()];
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', ...keep];
  // The shell holds our end of a pipe. When we stop, or die in whatever way, the pipe closes and it ends the server.
  const script =
    'exec 3<&0; "$@" & server=$!; (read -r _ <&3; kill "$server") >/dev/null 2>&1 & wait "$server"';
  const server = spawn('sh', ['-c', script, 'sh', program, ...settings], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A group of its own: Ctrl-C at the terminal is for us, and we stop the server last.
    detached: true,
  });
  server.unref();
  server.stdin?.on('error', () => undefined);
  return server;
}

async function answers(server: ChildProcess, port: number): Promise<boolean> {
  const giveUpAt = performance.now() + 5_000;
  while (performance.now() < giveUpAt && server.exitCode === null) {
    if (await canConnect(port)) return server.exitCode === null;
    await sleep(10);
  }
  return false;
}

function canConnect(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const done = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(2_000, () => done(false));
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
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
