import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../simulator/simulator.ts';
import { freePort, startRedis } from '../../src/redis/local-server.ts';
import { run } from '../support/process.ts';
import { redisProgram, skipWithoutProgram as skip } from '../support/redis.ts';
import { holdResponse } from '../support/turntable.ts';

const credentials = { SPOTIFY_CLIENT_ID: 'an id', SPOTIFY_CLIENT_SECRET: 'a secret no one may see' };

test('without a Redis the server starts, says what to do, returns 503, and recovers', { skip }, async (t) => {
  const [port, redisPort] = [await freePort(), await freePort()];
  const server = run(t, 'src/main.ts', {
    ...credentials,
    PORT: String(port),
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
  });
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

  await server.waitForOutput(/Turntable is at http:\/\/127\.0\.0\.1:/);
  await server.waitForOutput(/Redis does not answer.*redis-server --appendonly yes/);
  assert.equal(await status('/'), 503);
  assert.equal(await status('/healthz'), 200);
  assert.equal(await status('/readyz'), 503);

  const redis = await startRedis({ program: redisProgram, port: redisPort });
  t.after(redis.stop);
  await server.waitForOutput(/Redis is responding again/);
  assert.equal(await status('/'), 200);
  assert.equal(await status('/readyz'), 200);

  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);
  assert.doesNotMatch(server.output(), /a secret no one may see|\n\s+at /);
});

test('asked to stop, the server finishes the requests in progress and exits with 0', { skip }, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const simulator = await startSimulator({
    clientId: 'an id',
    clientSecret: credentials.SPOTIFY_CLIENT_SECRET,
  });
  t.after(simulator.close);

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const port = await freePort();
    simulator.registerRedirectUri(`http://127.0.0.1:${port}/callback`);
    const server = run(t, 'src/main.ts', {
      ...credentials,
      PORT: String(port),
      REDIS_URL: redis.url,
      SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
      SPOTIFY_API_URL: simulator.apiUrl,
    });
    await server.waitForOutput(/Turntable is at/);
    const left = await fetch(`http://127.0.0.1:${port}/login`, { redirect: 'manual' });
    const way = await simulator.agree(left.headers.get('location') ?? '', 'mara');
    simulator.forgetCalls();
    const answer = holdResponse(simulator, 'token');

    const Cookie = left.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const callback = fetch(way, { headers: { Cookie }, redirect: 'manual' });
    await answer.reached;
    server.child.kill(signal);
    await server.waitForOutput(/Stopping/);
    answer.release();

    assert.equal((await callback).status, 303);
    assert.equal(await server.ended, 0);
  }
});

test('a taken port is named, with what to do about it', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };

  const server = run(t, 'src/main.ts', { PORT: String(port) });

  assert.equal(await server.ended, 1);
  assert.match(server.output(), new RegExp(`Port ${port} on 127.0.0.1 is in use.*set a different PORT`));
});

test('asked to stop, the server closes connections that are never idle', { skip }, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const port = await freePort();
  const server = run(t, 'src/main.ts', { ...credentials, PORT: String(port), REDIS_URL: redis.url });
  await server.waitForOutput(/Turntable is at/);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const visit = () =>
    new Promise<string>((resolve) => {
      const asked = get({ host: '127.0.0.1', port, path: '/', agent }, (answer) => {
        answer.resume().once('end', () => resolve(String(answer.statusCode)));
      });
      // A keep-alive connection may be closed just as it is reused, and the system resets one that the server hasn't accepted yet when it
      // stops listening; any proxy then opens another one.
      asked.once('error', ({ code = '' }: NodeJS.ErrnoException) =>
        resolve(asked.reusedSocket || code === 'ECONNRESET' ? 'again' : code),
      );
    });
  assert.equal(await visit(), '200');

  server.child.kill('SIGTERM');
  const stopped = performance.now();
  let last: string;
  let answered = 1;
  do {
    last = await visit();
    if (last === '200') answered += 1;
  } while (last === '200' || last === 'again');

  assert.equal(last, 'ECONNREFUSED');
  assert.equal(await server.ended, 0);
  const received = server.output().match(/"?path"?[:=]"\/"/g)?.length;
  assert.equal(received, answered, 'every request that the server received is answered');
  assert.ok(
    performance.now() - stopped < 9_000,
    'it does not wait for the ten seconds after which it would cut them',
  );
});

test('without credentials the setup page says what to do', async (t) => {
  const port = await freePort();
  const server = run(t, 'src/main.ts', { PORT: String(port), SPOTIFY_CLIENT_SECRET: 'a secret' });
  await server.waitForOutput(/SPOTIFY_CLIENT_ID isn’t set yet/);

  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  const elsewhere = await fetch(`http://127.0.0.1:${port}/now-playing`, { redirect: 'manual' });

  assert.match(page, new RegExp(`value="http://127.0.0.1:${port}/callback"`));
  assert.match(page, /Still missing: SPOTIFY_CLIENT_ID/);
  assert.doesNotMatch(page, /missing: [A-Z_ a]*SECRET/);
  assert.match(page, /developer\.spotify\.com\/dashboard/);
  assert.match(page, /value="npm run demo"/);
  assert.equal(elsewhere.headers.get('location'), '/');
});

test('in production the server refuses to start without credentials, and says why', async (t) => {
  const server = run(t, 'src/main.ts', { NODE_ENV: 'production', SPOTIFY_CLIENT_ID: 'an id' });

  assert.equal(await server.ended, 1);
  assert.match(server.output(), /SPOTIFY_CLIENT_SECRET is not set/);
  assert.match(server.output(), /add exactly this.* http:\/\/127\.0\.0\.1:3000\/callback/);
  assert.match(server.output(), /npm run demo/);
  assert.doesNotMatch(server.output(), /\n\s+at /);
});

test('the demo starts everything itself, and leaves nothing running', { skip }, async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    const demo = run(t, 'dev/demo.ts', { PORT: String(await freePort()) });
    await demo.waitForOutput(/demo is at\s+http:\/\/127\.0\.0\.1:\d+/);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.output())?.[0] ?? '';
    const servers = redisServersOf(demo.child.pid);
    assert.equal(servers.length, 1);
    assert.match(await (await fetch(url)).text(), /Sign in with Spotify/);

    demo.child.kill(signal);
    await demo.ended;
    if (signal !== 'SIGKILL') assert.equal(demo.child.exitCode, 0);

    await gone(servers);
  }
});

test('a demo that cannot start says why, and leaves nothing running', { skip }, async (t) => {
  for (const [env, words] of [
    [{ PORT: 'abc' }, /PORT must be a whole number/],
    [{ PORT: '99999' }, /PORT must be a whole number/],
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
    [{ HOST: 'nowhere.invalid' }, /HOST=nowhere\.invalid requires BASE_URL/],
    [{ REDIS_URL: 'redis://127.0.0.1:1' }, /REDIS_URL is set, but no Redis answers at 127\.0\.0\.1:1/],
    [{ REDIS_URL: 'nonsense' }, /REDIS_URL must have the form redis:/],
    [{ PATH: '/nowhere' }, /Turntable needs Redis/],
  ] as const) {
    const demo = run(t, 'dev/demo.ts', { PORT: String(await freePort()), ...env });

    assert.equal(await demo.ended, 1, demo.output());
    assert.match(demo.output(), words);
    assert.doesNotMatch(demo.output(), /\n\s+at |Warning/);
    assert.deepEqual(redisServersOf(demo.child.pid), []);
  }
});

test('if its port is taken, the demo uses the next one', { skip }, async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };

  const demo = run(t, 'dev/demo.ts', { PORT: String(port) });

  await demo.waitForOutput(/demo is at\s+http:\/\/127\.0\.0\.1:\d+/);
  assert.doesNotMatch(demo.output(), new RegExp(`demo is at\\s+http://127\\.0\\.0\\.1:${port}\\b`));
});

test('the demo starts with the API version it is given, and can change it while it runs', {
  skip,
}, async (t) => {
  const wrong = run(t, 'dev/demo.ts', { PORT: String(await freePort()), SIMULATOR_API_VERSION: 'dutch' });
  assert.equal(await wrong.ended, 1);
  assert.match(wrong.output(), /SIMULATOR_API_VERSION must be one of 2026-02, both, legacy/);

  const demo = run(t, 'dev/demo.ts', { PORT: String(await freePort()), SIMULATOR_API_VERSION: 'legacy' });
  await demo.waitForOutput(/Ctrl-C/);
  const simulator = /http:\/\/localhost:\d+/.exec(demo.output())?.[0] ?? '';
  const spoken = async () => / value="(\w+)" checked/.exec(await (await fetch(simulator)).text())?.[1];
  const speak = (site: string) =>
    fetch(`${simulator}/api-version`, {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': site },
      body: new URLSearchParams({ apiVersion: 'both' }),
    });

  assert.equal(await spoken(), 'legacy');
  assert.equal((await speak('cross-site')).status, 404);
  assert.equal(await spoken(), 'legacy');
  assert.equal((await speak('same-origin')).status, 200);
  assert.equal(await spoken(), 'both');
});

test('interrupted at any moment, the demo leaves nothing running', { skip }, async (t) => {
  // A unique name, so that every process can be found, however it was started.
  const folder = mkdtempSync(join(tmpdir(), 'turntable-interrupted-'));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync(redisProgram, join(folder, 'redis-server'));
  const PATH = `${folder}:${process.env.PATH}`;

  for (let delay = 0; delay <= 1_000; delay += 200) {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const demo = run(t, 'dev/demo.ts', { PORT: String(await freePort()), PATH });
      await sleep(delay);
      demo.child.kill(signal);
      await demo.ended;
      assert.doesNotMatch(demo.output(), /\n\s+at /);
      await gone(runningFrom(folder));
    }
  }
});

test('interrupted while Redis is being installed, the demo ends the installation as well', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-installing-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['apt-get', 'sudo']) {
    writeFileSync(join(folder, name), '#!/bin/sh\nexec /bin/sleep 60\n', { mode: 0o755 });
  }
  const isRoot = process.getuid?.() === 0;
  const demo = run(t, 'dev/demo.ts', { PORT: String(await freePort()), PATH: folder });
  // Without root and a terminal, the demo only prints the command to run.
  if (!isRoot) return assert.equal(await demo.ended, 1);
  await demo.waitForOutput(/Installing Redis/);

  let installation: Running | undefined;
  while (!installation) {
    await sleep(10);
    installation = processes().find(({ parent, args }) => parent === demo.child.pid && /sleep 60/.test(args));
  }

  demo.child.kill('SIGTERM');

  assert.equal(await demo.ended, 0);
  assert.doesNotMatch(demo.output(), /Couldn’t install/);
  await gone([installation.pid]);
});

type Running = { pid: number; parent: number; args: string };

/** All processes of this machine. Small images have no ps, so this reads /proc. */
function processes(): Running[] {
  if (!existsSync('/proc/self/stat')) return listedByPs();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // "pid (name) state parent …", and the name may contain anything.
        const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1];
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(pid), parent: Number(parent), args }];
      } catch {
        return []; // It has ended in between.
      }
    });
}

function listedByPs(): Running[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, parent, args = '']) => ({ pid: Number(pid), parent: Number(parent), args }));
}

/** The Redis servers that this process started through a shell. */
function redisServersOf(pid: number | undefined): number[] {
  const all = processes();
  const shells = all.filter(({ parent }) => parent === pid).map((one) => one.pid);
  return all
    .filter(({ parent, args }) => shells.includes(parent) && /^\S*(redis|valkey)-server/.test(args))
    .map((one) => one.pid);
}

/** Every process whose command contains this folder. */
function runningFrom(folder: string): number[] {
  return processes()
    .filter(({ args }) => args.includes(folder))
    .map(({ pid }) => pid);
}

async function gone(pids: number[]): Promise<void> {
  for (let tries = 0; pids.some(isAlive); tries += 1) {
    assert.ok(tries < 1_000, 'a process is left behind');
    await sleep(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
