import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { freePort, startRedis } from '../../src/redis/local-server.ts';
import { root, run } from '../support/process.ts';
import { redisProgram, skipWithoutProgram as skip } from '../support/redis.ts';

type Service = {
  image?: string;
  build?: { context: string; target: string };
  ports?: string[];
  command?: string[];
  environment?: Record<string, string>;
  profiles?: string[];
  depends_on?: unknown;
  volumes?: string[];
  healthcheck?: { test: string[] };
};

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};

/** The environment of a service if nothing is set in .env. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value).replace(/\$\{\w+:-(.*?)\}/g, '$1'),
    ]),
  );
}

/** The instructions of a stage of the Dockerfile, with those of the stages it builds on. */
function stage(name: string): string {
  const [, parent = '', rest = ''] =
    new RegExp(`^FROM (\\S+) AS ${name}\\n([\\s\\S]*?)(?=^FROM |$(?![\\s\\S]))`, 'm').exec(dockerfile) ?? [];
  assert.ok(parent, `the Dockerfile has a stage ${name}`);
  return parent.includes(':') ? rest : stage(parent) + rest;
}

/** The tree that a stage of the Dockerfile builds, read-only, and as a user other than root. */
function imageTree(t: TestContext, name: string): { cwd: string; uid?: number; gid?: number } {
  const tree = mkdtempSync(join(tmpdir(), 'turntable-image-'));
  for (const [, from = '', to = ''] of stage(name).matchAll(/^COPY --chmod=755 (\S+) \.\/(\S*)$/gm)) {
    cpSync(join(root, from), join(tree, to || from), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  const paths = ['', ...readdirSync(tree, { recursive: true, encoding: 'utf8' })]
    .filter((path) => !path.startsWith('node_modules'))
    .map((path) => join(tree, path));
  const folders = paths.filter((path) => statSync(path).isDirectory());
  for (const path of paths) chmodSync(path, folders.includes(path) ? 0o555 : 0o444);
  t.after(() => {
    for (const folder of folders) chmodSync(folder, 0o755);
    rmSync(tree, { recursive: true });
  });
  const unprivileged = { cwd: tree, uid: 65_534, gid: 65_534 };
  const works = spawnSync(process.execPath, ['-e', "require('express')"], unprivileged).status === 0;
  if (works) return unprivileged;
  t.diagnostic('run as the user of the tests: another one may not read this checkout');
  return { cwd: tree };
}

/** The last instruction of this kind in a stage of the Dockerfile, which is the one that counts. */
function commandIn(name: string, instruction: RegExp): string[] {
  return JSON.parse([...stage(name).matchAll(instruction)].at(-1)?.[1] ?? '[]');
}

test('the files that the Dockerfile copies are enough to run read-only and without root, and its health check works', {
  skip,
}, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const port = await freePort();
  const as = imageTree(t, 'server');
  for (const name of ['simulator', 'dev']) assert.ok(!existsSync(join(as.cwd, name)), `${name} is left out`);
  const [program, entry = ''] = commandIn('server', /^CMD (\[.*\])$/gm);
  assert.equal(program, 'node');
  const env = {
    NODE_ENV: 'production',
    PORT: String(port),
    REDIS_URL: redis.url,
    SPOTIFY_CLIENT_ID: 'id',
    SPOTIFY_CLIENT_SECRET: 'secret',
  };
  const server = run(t, entry, env, as);
  await server.waitForOutput(/Turntable is at/);

  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /Sign in with Spotify/);
  assert.equal((await fetch(`http://127.0.0.1:${port}/app.css`)).status, 200);
  const [, ...check] = commandIn('server', /HEALTHCHECK[\s\S]*?CMD (\[.*\])$/gm);
  const healthy = (PORT: number) =>
    spawnSync(process.execPath, check, { env: { PORT: String(PORT) } }).status;
  assert.equal(healthy(port), 0);
  assert.equal(healthy(await freePort()), 1);

  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});

test('the demo in the compose file runs from the stage it names, and the default stage is the server', {
  skip,
}, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const { demo: service = {}, app } = compose.services;
  assert.equal(app?.build?.target, 'server');
  assert.match(dockerfile, /^FROM server\s*$(?![\s\S]*^FROM )/m);
  const target = service.build?.target ?? '';
  const [, entry = ''] = commandIn(target, /^CMD (\[.*\])$/gm);
  const port = await freePort();
  const demo = run(
    t,
    entry,
    { ...environmentOf(service), PORT: String(port), REDIS_URL: redis.url },
    imageTree(t, target),
  );

  await demo.waitForOutput(new RegExp(`demo is at\\s+http://127\\.0\\.0\\.1:${port}\\b`));
  await demo.waitForOutput(/simulator at http:\/\/localhost:\d+/);
  const simulator = /http:\/\/localhost:\d+/.exec(demo.output())?.[0] ?? '';
  const left = await fetch(`http://127.0.0.1:${port}/login`, { redirect: 'manual' });
  assert.ok(left.headers.get('location')?.startsWith(`${simulator}/authorize?`));
});

test('compose publishes to this machine only, and doesn’t publish Redis at all', () => {
  const { app, demo, redis } = compose.services;

  for (const { ports = [] } of Object.values(compose.services))
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  assert.equal(redis?.ports, undefined);
  assert.equal(app?.profiles, undefined);
  assert.deepEqual(demo?.profiles, ['demo']);
  // Two services that build under one name would overwrite each other.
  assert.ok(app?.image === undefined && demo?.image === undefined);
  assert.deepEqual(redis?.command?.slice(1), ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction']);
});

test('three replicas in the compose file are what nginx passes requests to, and it looks for its configuration where that is mounted', () => {
  const { app, nginx } = compose.services;
  const config = readFileSync(join(root, 'deploy/nginx.conf'), 'utf8');
  const upstreams = [...config.matchAll(/^\s*server ([\w-]+):(\d+) /gm)].map(([, name = '', port]) => ({
    name,
    port: Number(port),
  }));

  assert.deepEqual(
    upstreams.map(({ name }) => name),
    ['replica-1', 'replica-2', 'replica-3'],
  );
  for (const { name, port } of upstreams) {
    const replica = compose.services[name];
    assert.deepEqual(replica?.profiles, ['replicas']);
    assert.equal(replica?.ports, undefined);
    assert.equal(replica?.image, undefined);
    assert.equal(replica?.build?.target, 'server');
    assert.deepEqual(
      { ...replica?.environment },
      {
        ...app?.environment,
        PORT: port,
        BASE_URL: `\${BASE_URL:-http://127.0.0.1:\${PORT:-3000}}`,
        TRUST_PROXY: `\${TRUST_PROXY:-1}`,
        NODE_ENV: 'production',
      },
    );
  }
  assert.deepEqual(nginx?.profiles, ['replicas']);
  assert.deepEqual(
    nginx?.depends_on,
    upstreams.map(({ name }) => name),
  );
  // The image of nginx includes the files of this folder.
  assert.ok(nginx?.volumes?.includes('./deploy/nginx.conf:/etc/nginx/conf.d/default.conf:ro'));
  // The same address as that of the single server, so the redirect URI stays the same; and the port of nginx itself.
  assert.deepEqual(nginx?.ports, [`127.0.0.1:\${PORT:-3000}:${/^\s*listen (\d+);/m.exec(config)?.[1]}`]);
  assert.match(String(nginx?.healthcheck?.test), /http:\/\/127\.0\.0\.1\/healthz/);
});

test('compose passes every variable of .env.example to the app', () => {
  const example = readFileSync(join(root, '.env.example'), 'utf8');
  const variables = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name = '']) => name);
  // The Redis is that of compose, and nothing outside the container reaches a port on its loopback address.
  const own = ['SPOTIFY_ACCOUNTS_URL', 'SPOTIFY_API_URL', 'REDIS_URL_FILE', 'METRICS_PORT'];

  assert.ok(variables.length > 8);
  assert.deepEqual(
    variables.filter((name) => !own.includes(name)).sort(),
    Object.keys(compose.services.app?.environment ?? {}).sort(),
  );
});

test('.env.example explains every variable that is read, and no others', () => {
  const config = readFileSync(join(root, 'src/config.ts'), 'utf8');
  const read = [
    ...config.matchAll(
      /(?:read|readExactly|readCredential|readListeners|readUrl|readAmount|readSwitch)\('([A-Z_]+)'/g,
    ),
  ].map(([, name]) => name);
  const example = readFileSync(join(root, '.env.example'), 'utf8');
  const explained = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
  // A secret can also be in a file, which another test tries.
  const ofSecrets = explained.filter(
    (name) => read.includes(name?.replace(/_FILE$/, '')) && /_FILE$/.test(name ?? ''),
  );

  assert.deepEqual([...new Set([...read, ...ofSecrets])].sort(), explained.sort());
});
