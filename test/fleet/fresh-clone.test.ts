import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startSimulator } from '../../simulator/simulator.ts';
import { freePort, startRedis } from '../../src/redis/local-server.ts';
import { ping } from '../../src/redis/ping.ts';
import { createClone, machinePath } from '../support/clone.ts';
import { root, run, runCommand } from '../support/process.ts';
import { redisProgram, skipWithoutProgram as skip } from '../support/redis.ts';
import { createBrowser } from '../support/turntable.ts';

/*
 * Follows the README literally: on a fresh clone, with the machine's own Node and npm. It needs npm's registry or its cache.
 */
const machine = {
  PATH: machinePath,
  HOME: process.env.HOME ?? '',
  ...(process.env.npm_config_cache && { npm_config_cache: process.env.npm_config_cache }),
};
const credentials = { clientId: 'an id', clientSecret: 'a secret no one may see' };

async function install(t: TestContext, cwd: string, words: string[], env: Record<string, string> = {}) {
  const npm = runCommand(
    t,
    ['npm', 'ci', '--prefer-offline', ...words],
    { ...machine, ...env },
    { cwd, detached: true },
  );
  assert.equal(await npm.ended, 0, npm.output());
}

/** A .env with the two values of the README, the port, and a stand-in for Spotify. */
async function configure(t: TestContext, cwd: string) {
  const simulator = await startSimulator(credentials);
  t.after(simulator.close);
  const url = `http://127.0.0.1:${await freePort()}`;
  simulator.registerRedirectUri(`${url}/callback`);
  const lines = [
    `SPOTIFY_CLIENT_ID=${credentials.clientId}`,
    `SPOTIFY_CLIENT_SECRET=${credentials.clientSecret}`,
    `PORT=${new URL(url).port}`,
    `SPOTIFY_ACCOUNTS_URL=${simulator.accountsUrl}`,
    `SPOTIFY_API_URL=${simulator.apiUrl}`,
  ];
  writeFileSync(join(cwd, '.env'), `${lines.join('\n')}\n`);
  // This test is about a machine without a Redis at the default address.
  if ((await ping({ host: '127.0.0.1', port: 6379 })) !== null) {
    t.diagnostic('a Redis answers at the default address: the private one is chosen as the one used last');
    mkdirSync(join(cwd, 'data'), { mode: 0o700 });
    writeFileSync(join(cwd, 'data', 'last-store'), 'private\n');
  }
  return { simulator, url };
}

/** A user other than root who owns the whole tree; the user who runs the tests if that is not root. */
function ownedByAnother(tree: string) {
  if (process.getuid?.() !== 0) return { cwd: tree, detached: true };
  const unprivileged = { cwd: tree, detached: true, uid: 65_534, gid: 65_534 };
  for (const path of ['', ...readdirSync(tree).filter((name) => name !== 'node_modules')])
    chownSync(join(tree, path), unprivileged.uid, unprivileged.gid);
  return unprivileged;
}

// fault: minimal-installation
test('with two values in .env, a production install and npm start, a person signs in and stays signed in', {
  skip,
}, async (t) => {
  const tree = createClone(t);
  await install(t, tree, [], { NODE_ENV: 'production' });
  assert.ok(!existsSync(join(tree, 'node_modules', 'typescript')));
  const { simulator, url } = await configure(t, tree);
  const as = ownedByAnother(tree);
  const env = { ...machine, HOME: tree, npm_config_cache: join(tree, '.npm') };
  const socket = join(tree, 'data', 'redis.sock');
  const npmStart = async () => {
    const server = runCommand(t, ['npm', 'start'], env, as);
    await server.waitForOutput(/Turntable is at/);
    assert.match(server.output(), /Using a private Redis with its data in .*data/);
    return server;
  };

  const first = await npmStart();
  const mara = createBrowser(url, simulator);
  await mara.signIn();
  await mara.get('/now-playing').expect(200);
  assert.equal(statSync(join(tree, 'data')).mode & 0o777, 0o700);

  const doctor = runCommand(t, ['npm', 'run', 'doctor'], env, as);
  assert.equal(await doctor.ended, 0, doctor.output());
  assert.match(doctor.output(), /ok {4}Redis persistence: every change is written to disk/);

  const second = runCommand(t, ['npm', 'start'], env, as);
  assert.equal(await second.ended, 1);
  assert.match(second.output(), /Another Turntable is running with the data in .*data\. Stop it first/);

  first.child.kill('SIGTERM');
  assert.equal(await first.ended, 0);
  assert.equal(await ping({ path: socket }), null);
  await npmStart();
  await mara.get('/now-playing').expect(200);
});

// fault: private-redis-ends-with-process
test('however the process ends, its private Redis ends as well, and the next start has its data', {
  skip,
}, async (t) => {
  const tree = createClone(t);
  await install(t, tree, ['--omit=dev']);
  const { simulator, url } = await configure(t, tree);
  const socket = join(tree, 'data', 'redis.sock');
  const node = join(tree, 'node_modules', '.bin', 'node');
  const start = async () => {
    const server = runCommand(t, [node, 'src/start.mjs', 'main'], machine, { cwd: tree });
    await server.waitForOutput(/Turntable is at/);
    return server;
  };
  let server = await start();
  const mara = createBrowser(url, simulator);
  await mara.signIn();

  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    server.child.kill(signal);
    await server.ended;
    // Immediately: after a kill, the previous Redis is still shutting down.
    server = await start();
    await mara.get('/now-playing').expect(200);
  }

  // A start that fails midway, here because the port is taken, stops whatever it has started.
  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);
  assert.equal(await ping({ path: socket }), null, 'it is stopped before the process ends');
  const { port } = new URL(url);
  const other = run(t, 'src/main.ts', { PORT: port });
  await other.waitForOutput(/Turntable is at/);
  const failing = runCommand(t, [node, 'src/start.mjs', 'main'], machine, { cwd: tree });
  assert.equal(await failing.ended, 1);
  assert.match(failing.output(), new RegExp(`Port ${port} on 127.0.0.1 is in use`));
  assert.equal(await ping({ path: socket }), null, 'it is stopped before the process ends');
});

test('the command in the README installs everything, and npm start leads through the set-up', async (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  assert.match(readme, /^\s*npm ci && npm start$/m);
  const tree = createClone(t);
  const port = await freePort();

  const line = runCommand(
    t,
    ['sh', '-c', 'npm ci --prefer-offline && exec npm start'],
    { ...machine, PORT: `${port}` },
    { cwd: tree, detached: true },
  );
  await line.waitForOutput(/Turntable is at/);

  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /connect your Spotify app/);
  assert.ok(!existsSync(join(tree, 'data')), 'nothing is stored yet, so no Redis is started');
  line.child.kill('SIGTERM');
  await line.ended;
});

test('the image brings its own Node, and leaves out the Node package of npm', { skip }, async (t) => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const [, words = ''] = /^RUN npm ci (.+)$/m.exec(dockerfile) ?? [];
  const tree = createClone(t);
  await install(t, tree, words.split(' '));
  assert.ok(!existsSync(join(tree, 'node_modules', 'node')));
  assert.ok(!existsSync(join(tree, 'node_modules', 'typescript')));

  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const server = run(
    t,
    'src/main.ts',
    {
      NODE_ENV: 'production',
      PORT: String(await freePort()),
      REDIS_URL: redis.url,
      SPOTIFY_CLIENT_ID: credentials.clientId,
      SPOTIFY_CLIENT_SECRET: credentials.clientSecret,
    },
    { cwd: tree },
  );
  await server.waitForOutput(/Turntable is at/);
});
