import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from '../../simulator/simulator.ts';
import { freePort, startRedis } from '../../src/redis/local-server.ts';
import { createClone, createInstalledClone, machinePath } from '../support/clone.ts';
import { root, run, runCommand } from '../support/process.ts';
import { redisProgram, skipWithoutProgram as skip } from '../support/redis.ts';

const machine = { PATH: machinePath, HOME: process.env.HOME ?? '' };
const trace = /\n\s+at |Warning/;

// fault: npm-ci-missing
test('before npm ci has run, every command says to run it', async (t) => {
  const cwd = createClone(t);
  for (const command of ['start', 'doctor', 'demo', 'dev']) {
    const started = runCommand(t, ['npm', 'run', command], machine, { cwd });

    assert.equal(await started.ended, 1, command);
    assert.match(started.output(), /packages are not installed yet\. First run this.*\n\n {2}npm ci\n/);
    assert.doesNotMatch(started.output(), trace);
  }
});

// fault: node-too-old
test('if npm ci has skipped the Node package, an older Node says which version is needed', async (t) => {
  const cwd = createClone(t);
  mkdirSync(join(cwd, 'node_modules'));
  const version = execFileSync('node', ['--version'], { env: machine, encoding: 'utf8' });
  const isOld = Number(/\d+/.exec(version)) < 26;

  const started = runCommand(t, ['npm', 'start'], machine, { cwd });

  assert.equal(await started.ended, 1);
  assert.match(
    started.output(),
    isOld ? /needs Node 26, and this is \d.*npm ci installs/ : /packages are missing/,
  );
  assert.match(started.output(), /^ {2}npm ci/m);
  assert.doesNotMatch(started.output(), trace);
});

// fault: package-missing
test('if a package is missing, as after an update without npm ci, the start says what to run', async (t) => {
  const cwd = createClone(t);
  mkdirSync(join(cwd, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== 'express') symlinkSync(join(root, 'node_modules', name), join(cwd, 'node_modules', name));

  const started = run(t, 'src/start.mjs main', {}, { cwd });

  assert.equal(await started.ended, 1);
  assert.match(started.output(), /packages are missing.*\n\n {2}npm ci\n\n.*'express'/);
  assert.doesNotMatch(started.output(), trace);
});

// fault: unforeseen-start-failure
test('an unexpected failure is one sentence with its place in the code, and without its message', async (t) => {
  const cwd = createInstalledClone(t);
  appendFileSync(join(cwd, 'src/routes-of-nothing.ts'), "throw new Error('a secret no one may see');\n");
  appendFileSync(join(cwd, 'src/config.ts'), "\nimport './routes-of-nothing.ts';\n");

  for (const entry of ['main', 'doctor', 'watch', 'demo']) {
    const started = run(t, `src/start.mjs ${entry}`, {}, { cwd });
    assert.equal(await started.ended, 1);
    assert.match(started.output(), /Turntable couldn’t start: Error at src\/routes-of-nothing\.ts:1\./);
    assert.doesNotMatch(started.output(), /a secret no one may see|\n\s+at /);
  }
});

// fault: unreadable-env-file
test('a .env that cannot be read, or a malformed line in it, is one sentence at every start', async (t) => {
  const cwd = createInstalledClone(t);
  const env = join(cwd, '.env');
  for (const [write, words] of [
    [() => mkdirSync(env), /\.env is a folder/],
    [() => writeFileSync(env, Buffer.from('\uFEFFPORT=3000', 'utf16le')), /\.env is not UTF-8 text/],
    [
      () => writeFileSync(env, 'PORT 3000\nSPOTIFY_CLIENT_SECRET="hidden'),
      /Line 1 of \.env must be NAME=value/,
    ],
  ] as const) {
    write();
    for (const entry of ['main', 'doctor', 'watch']) {
      const started = run(t, `src/start.mjs ${entry}`, {}, { cwd });
      assert.equal(await started.ended, 1, entry);
      assert.match(started.output(), words);
      assert.doesNotMatch(started.output(), /hidden|\n\s+at |Warning/);
    }
    rmSync(env, { recursive: true });
  }
});

// fault: env-read-alike
test('the server and the doctor read the same .env, even with a byte-order mark before its first line', {
  skip,
}, async (t) => {
  const cwd = createInstalledClone(t);
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const port = await freePort();
  const lines = [
    `PORT=${port}`,
    `REDIS_URL=${redis.url}`,
    'SPOTIFY_CLIENT_ID="id"',
    "SPOTIFY_CLIENT_SECRET='pass'",
    'SPOTIFY_MARKT=DE',
  ];
  writeFileSync(join(cwd, '.env'), `\uFEFF${lines.join('\r\n')}\r\n`);
  // No Spotify is running here, and its answer doesn't matter.
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const env = { SPOTIFY_ACCOUNTS_URL: nowhere, SPOTIFY_API_URL: nowhere };

  const server = run(t, 'src/start.mjs main', env, { cwd });
  await server.waitForOutput(new RegExp(`Turntable is at http://127\\.0\\.0\\.1:${port}\\b`));
  const doctor = run(t, 'src/start.mjs doctor', env, { cwd });
  await doctor.ended;
  assert.match(server.output(), /\.env: SPOTIFY_MARKT isn’t a setting; did you mean SPOTIFY_MARKET\?/);
  assert.match(
    doctor.output(),
    /note {2}\.env: SPOTIFY_MARKT isn’t a setting; did you mean SPOTIFY_MARKET\?/,
  );
  assert.match(
    doctor.output(),
    new RegExp(`ok {4}Redis connection: connected to ${new URL(redis.url).host}`),
  );
  assert.match(doctor.output(), new RegExp(`ok {4}Public address: http://127\\.0\\.0\\.1:${port} leads`));
});

// fault: missing-database
test('a database that Redis does not have is refused at startup and named by the doctor', {
  skip,
}, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const env = {
    PORT: String(await freePort()),
    REDIS_URL: `${redis.url}/99`,
    SPOTIFY_CLIENT_ID: 'id',
    SPOTIFY_CLIENT_SECRET: 'pass',
    SPOTIFY_ACCOUNTS_URL: nowhere,
    SPOTIFY_API_URL: nowhere,
  };
  for (const entry of ['main', 'demo', 'doctor']) {
    const started = run(t, `src/start.mjs ${entry}`, env);
    assert.equal(await started.ended, 1, entry);
    assert.match(started.output(), /refuses the database number in REDIS_URL .* Write a different number/);
    assert.doesNotMatch(started.output(), trace);
  }
});

// fault: doctor-names-redis
test('the doctor says which Redis a start would use, and starts none itself', async (t) => {
  const cwd = createInstalledClone(t);
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const env = {
    PORT: String(await freePort()),
    SPOTIFY_CLIENT_ID: 'id',
    SPOTIFY_CLIENT_SECRET: 'pass',
    SPOTIFY_ACCOUNTS_URL: nowhere,
    SPOTIFY_API_URL: nowhere,
  };
  const data = join(cwd, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'last-store'), 'private\n');
  const ask = async () => {
    const doctor = run(t, 'src/start.mjs doctor', env, { cwd });
    await doctor.ended;
    return doctor.output();
  };

  assert.match(
    await ask(),
    /note {2}Redis: Turntable will start a private Redis with its data in .*data\. It’s the one that Turntable used last time/,
  );
  assert.deepEqual(readdirSync(data), ['last-store']);

  rmSync(join(data, 'last-store'));
  mkdirSync(join(data, 'last-store'));
  assert.match(await ask(), /FAIL {2}Redis: .* keeps its data in .*data, which can’t be used \(EISDIR\)/);
});

// fault: connected-in-browser
test('credentials that were entered on the setup page are in use at once, and after a restart', {
  skip,
}, async (t) => {
  const cwd = createInstalledClone(t);
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const clientId = '0123456789abcdef0123456789abcdef';
  const clientSecret = 'fedcba9876543210fedcba9876543210';
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const simulator = await startSimulator({ clientId, clientSecret, redirectUris: [`${url}/callback`] });
  t.after(simulator.close);
  const given = [`PORT=${port}`, `REDIS_URL=${redis.url}`, `SPOTIFY_API_URL=${simulator.apiUrl}`];
  const file = join(cwd, '.env');
  writeFileSync(file, `${given.join('\n')}\nSPOTIFY_CLIENT_ID=\nSPOTIFY_CLIENT_SECRET=\n`);
  const env = { SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl, LOG_LEVEL: 'silent' };

  const server = run(t, 'src/start.mjs main', env, { cwd });
  await server.waitForOutput(/asks for this code: [A-Z2-9]{4}-[A-Z2-9]{4}\n/);
  const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(server.output())?.[0] ?? '';
  const connected = await fetch(`${url}/setup`, {
    method: 'POST',
    headers: { Origin: url },
    body: new URLSearchParams({ clientId, clientSecret, code }),
    redirect: 'manual',
  });

  assert.equal(connected.headers.get('Location'), '/?notice=app-connected');
  assert.equal(
    readFileSync(file, 'utf8'),
    `${given.join('\n')}\nSPOTIFY_CLIENT_ID=${clientId}\nSPOTIFY_CLIENT_SECRET=${clientSecret}\n`,
  );
  const authorize = `${simulator.accountsUrl}/authorize?client_id=${clientId}`;
  const signIn = async () =>
    (await fetch(`${url}/login`, { redirect: 'manual' })).headers.get('Location') ?? '';
  assert.ok((await signIn()).startsWith(authorize));
  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);

  const restarted = run(t, 'src/start.mjs main', { ...env, LOG_LEVEL: 'info' }, { cwd });
  await restarted.waitForOutput(/Turntable is at/);
  assert.ok((await signIn()).startsWith(authorize));
  assert.doesNotMatch(restarted.output(), /code/);
});
