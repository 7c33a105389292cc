import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openRedis } from '../../src/redis/choice.ts';
import { prepareDataFolder } from '../../src/redis/data-folder.ts';
import { freePort, NoRedis, startRedis, startRedisIn } from '../../src/redis/local-server.ts';
import { ping } from '../../src/redis/ping.ts';
import { privateSocket } from '../../src/redis/private-redis.ts';
import { redisProgram, skipWithoutProgram as skip } from '../support/redis.ts';
import { startTurntable } from '../support/turntable.ts';

/** A machine where nothing is set, whose default address is a free port, and a Turntable that is started on it. */
async function machine(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'turntable-store-'));
  t.after(() => rmSync(home, { recursive: true }));
  const folder = join(home, 'data');
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const said: string[] = [];
  const say = (sentence: string) => said.push(sentence);

  return {
    folder,
    port,
    url,
    said: () => said.join('\n'),
    /** Starts a Redis at the default address. */
    async startDefault() {
      const redis = await startRedis({ program: redisProgram, port });
      t.after(redis.stop);
      return redis;
    },
    /** The Redis that a start of Turntable opens. */
    async open(
      settings: { redisUrl?: string; shouldFindRedis?: boolean; waitMs?: number; folder?: string } = {},
    ) {
      said.length = 0;
      const findProgram = async () => redisProgram;
      const deps = {
        redisUrl: url,
        redisCa: null,
        shouldFindRedis: true,
        folder,
        findProgram,
        info: say,
        error: say,
      };
      const store = await openRedis({ ...deps, waitMs: 200, ...settings });
      t.after(store.stop);
      return store;
    },
  };
}

/** Runs commands in the Redis at an address. */
async function at<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  // `work` reports whether there is one.
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

// fault: private-redis-started
test('without any Redis a private one is started, which keeps its data from one start to the next', {
  skip,
}, async (t) => {
  const { open, said, folder, port } = await machine(t);
  const first = await open();
  assert.match(
    said(),
    /Using a private Redis with its data in .*data\. REDIS_URL isn’t set, and nothing answers at/,
  );
  await at(first.url, (redis) => redis.set('grant', 'stored'));
  await first.stop();

  const second = await open();
  assert.equal(await at(second.url, (redis) => redis.get('grant')), 'stored');
  assert.equal(second.url, join(folder, 'redis.sock'));
  assert.deepEqual(await at(second.url, (redis) => redis.config('GET', 'appendfsync')), [
    'appendfsync',
    'always',
  ]);
  assert.equal(await ping({ host: '127.0.0.1', port }), null);
});

// fault: private-redis-isolated
test('the private Redis is reached through a folder that only its user may enter, and not on a port', {
  skip,
}, async (t) => {
  const { open, folder } = await machine(t);
  mkdirSync(folder, { mode: 0o755 });
  const { url } = await open();

  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(url).mode & 0o777, 0o700);
  assert.deepEqual(await at(url, (redis) => redis.config('GET', 'port')), ['port', '0']);
});

// fault: last-redis-is-away
test('a Redis at the default address is used, and is not replaced by another while it is down', {
  skip,
}, async (t) => {
  const { open, said, folder, url, startDefault } = await machine(t);
  const redis = await startDefault();
  assert.equal((await open()).url, url);

  await redis.stop();
  await assert.rejects(open(), (error: Error) => {
    assert.ok(error instanceof NoRedis);
    assert.match(
      error.message,
      /which stores the sign-ins, does not answer\. Start it .*delete .*last-store/,
    );
    return true;
  });
  assert.match(said(), /Waiting for the Redis at 127\.0\.0\.1:\d+, which stores the sign-ins/);

  const waiting = open({ waitMs: 60_000 });
  while (said() === '' && !t.signal.aborted) await sleep(10);
  await startDefault();
  assert.equal((await waiting).url, url);

  rmSync(join(folder, 'last-store'));
  assert.equal((await open()).url, url);
});

// fault: another-redis-appears
test('a private Redis stays in use when one appears at the default address, and the log says so', {
  skip,
}, async (t) => {
  const { open, said, folder, url, startDefault } = await machine(t);
  await (await open()).stop();
  await startDefault();

  const { url: opened } = await open();
  assert.equal(opened, join(folder, 'redis.sock'));
  assert.match(
    said(),
    new RegExp(`Another Redis answers at .*set REDIS_URL=${url} \\(everyone has to sign in again`),
  );
});

test('a Redis that requires a password, or a server that is not Redis, is left alone', {
  skip,
}, async (t) => {
  const locked = await machine(t);
  const redis = await locked.startDefault();
  await at(redis.url, (one) => one.config('SET', 'requirepass', 'a pass word'));
  assert.equal((await locked.open()).url, join(locked.folder, 'redis.sock'));
  assert.match(locked.said(), /needs a password; to use it, set REDIS_URL=redis:\/\/:PASSWORD@127\.0\.0\.1:/);

  const other = await machine(t);
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(other.port, '127.0.0.1', resolve));
  t.after(() => server.close());
  assert.equal((await other.open()).url, join(other.folder, 'redis.sock'));
  assert.match(other.said(), /the program that answers at 127\.0\.0\.1:\d+ is not a Redis server/);

  const before = await machine(t);
  const opened = await before.startDefault();
  await before.open();
  await at(opened.url, (one) => one.config('SET', 'requirepass', 'a pass word'));
  await assert.rejects(
    before.open({ waitMs: 60_000 }),
    /needs a password\. Set REDIS_URL=redis:\/\/:PASSWORD@/,
  );
});

// fault: started-twice
test('two servers that are started at once do not share a private Redis: the second says so', {
  skip,
}, async (t) => {
  const { open } = await machine(t);

  const started = await Promise.allSettled([open(), open()]);

  const opened = started.filter(({ status }) => status === 'fulfilled');
  const [refused] = started.filter((one) => one.status === 'rejected');
  assert.equal(opened.length, 1);
  assert.match(
    String(refused?.reason),
    /Another Turntable is running with the data in .*data\. Stop it first/,
  );
});

// fault: private-redis-still-ending
test('a private Redis that is still shutting down after its process was killed is waited for', {
  skip,
}, async (t) => {
  const { open, folder } = await machine(t);
  prepareDataFolder(folder);
  const socket = privateSocket(folder);
  const previous = await startRedisIn(folder, { program: redisProgram, socket });
  await at(socket, (redis) => redis.set('grant', 'stored'));

  const opening = open();
  // Enough time to start a second one, which would take over the socket and lose it when the first one ends.
  await sleep(500);
  await previous?.stop();

  const { url } = await opening;
  assert.equal(await at(url, (redis) => redis.get('grant')), 'stored');
});

// fault: private-redis-killed
test('a private Redis that exits is restarted with its data', { skip }, async (t) => {
  const { open, said } = await machine(t);
  const store = await open();
  const { browser } = await startTurntable(t, { redisUrl: store.url });
  const mara = browser();
  await mara.signIn();
  const pid = await at(store.url, async (redis) => Number(/process_id:(\d+)/.exec(await redis.info())?.[1]));

  process.kill(pid, 'SIGKILL');

  while ((await mara.get('/now-playing')).status !== 200 && !t.signal.aborted) await sleep(50);
  assert.match(said(), /The private Redis stopped unexpectedly and is being restarted/);
});

// fault: unusable-data-folder
test('a folder that cannot be used is reported in one sentence', { skip }, async (t) => {
  const { open, folder } = await machine(t);
  writeFileSync(folder, '');
  await assert.rejects(
    open(),
    /keeps its data in .*data, which can’t be used \(\w+\)\. Make that folder .* set REDIS_URL/,
  );

  const deep = join(folder, '..', 'd'.repeat(100));
  await assert.rejects(
    open({ folder: deep }),
    /socket path is \d+ bytes long.*Move Turntable to a folder with a/,
  );
});

// fault: unreadable-redis-data
test('a folder whose data Redis does not understand is reported in one sentence that points to its log', {
  skip,
}, async (t) => {
  const { open, folder } = await machine(t);
  await (await open()).stop();
  rmSync(join(folder, 'appendonlydir'), { recursive: true, force: true });
  mkdirSync(join(folder, 'appendonlydir'));
  writeFileSync(join(folder, 'appendonlydir', 'appendonly.aof.manifest'), 'no manifest\n');
  writeFileSync(join(folder, 'appendonly.aof'), 'no commands\n');

  await assert.rejects(open(), /did not start with the data in .*redis\.log for the reason/);
  assert.match(readFileSync(join(folder, 'redis.log'), 'utf8'), /AOF|append only file/i);
});

test('a database that Redis does not have is refused at startup', { skip }, async (t) => {
  const { open, url, startDefault } = await machine(t);
  await startDefault();

  await assert.rejects(
    open({ redisUrl: `${url}/99`, shouldFindRedis: false }),
    /127\.0\.0\.1:\d+ refuses the database number in REDIS_URL .*Write a different number .*numbered from 0/,
  );
  assert.equal((await open({ redisUrl: `${url}/3`, shouldFindRedis: false })).url, `${url}/3`);
});

// fault: missing-database-no-fallback
test('a database that Redis does not have is not replaced by another one, even if Redis comes up after the server', {
  skip,
}, async (t) => {
  const { url, startDefault } = await machine(t);
  const { browser, logged } = await startTurntable(t, { redisUrl: `${url}/99` });
  await startDefault();

  while (!/refuses the database/.test(logged.join('')) && !t.signal.aborted) await sleep(20);
  // ioredis is ready for a moment each time, before it closes the connection.
  for (const until = performance.now() + 1_500; performance.now() < until; )
    await browser().get('/now-playing').expect(503);
  assert.equal(await at(url, (redis) => redis.dbsize()), 0);
});

// fault: path-is-no-socket
test('a path in REDIS_URL that is not a socket is refused at startup', { skip }, async (t) => {
  const { open, folder } = await machine(t);
  mkdirSync(folder);
  const file = join(folder, 'a-file');
  writeFileSync(file, '');

  for (const redisUrl of [folder, file]) {
    await assert.rejects(open({ redisUrl, shouldFindRedis: false }), /is not a socket\. Use the path after/);
  }
  assert.equal(
    (await open({ redisUrl: join(folder, 'not-yet'), shouldFindRedis: false })).url,
    join(folder, 'not-yet'),
  );
});

// fault: private-redis-hangs
test('a private Redis that hangs is killed when the server stops, a few seconds later', {
  skip,
}, async (t) => {
  const { open } = await machine(t);
  const store = await open();
  const info = await at(store.url, (redis) => redis.info('server'));
  const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
  process.kill(pid, 'SIGSTOP');
  t.after(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has exited, as it should.
    }
  });

  await store.stop();

  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test('a Redis on a socket works like any other', { skip }, async (t) => {
  const { open } = await machine(t);
  const { url } = await open();
  const short = join(mkdtempSync(join(tmpdir(), 'turntable-socket-')), 'redis.sock');
  t.after(() => rmSync(join(short, '..'), { recursive: true }));
  symlinkSync(url, short);
  const { browser } = await startTurntable(t, { redisUrl: `unix:${short}` });
  const mara = browser();
  await mara.signIn();

  await mara.get('/now-playing').expect(200);
});
