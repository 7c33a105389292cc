import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { freePort } from '../../src/redis/local-server.ts';
import { run } from '../support/process.ts';
import { connectAsServer, skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { makeCertificates } from '../support/redis-forms.ts';

const clientId = 'an id';
const clientSecret = 'a secret no one may see';

/** A healthy Redis, the simulator, and a function that runs `npm run doctor` with these settings and some others. */
async function practice(t: TestContext) {
  const redis = await startOwnRedis(t);
  const simulator = await startSimulator({ clientId, clientSecret });
  t.after(simulator.close);
  const port = await freePort();
  const settings = {
    PORT: String(port),
    REDIS_URL: redis.url,
    SPOTIFY_CLIENT_ID: clientId,
    SPOTIFY_CLIENT_SECRET: clientSecret,
    SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
    SPOTIFY_API_URL: simulator.apiUrl,
  };
  simulator.registerRedirectUri(`http://127.0.0.1:${port}/callback`);

  return {
    redis,
    simulator,
    port,
    settings,
    /** Changes the configuration of Redis. */
    async set(name: string, value: string): Promise<void> {
      const client = new Redis(redis.url);
      await client.config('SET', name, value);
      client.disconnect();
    },
    /** The doctor's output and its exit code. */
    async ask(
      env: Record<string, string> = {},
      entry = 'src/doctor.ts',
    ): Promise<{ said: string; code: number | null }> {
      const doctor = run(t, entry, { ...settings, ...env });
      const code = await doctor.ended;
      assert.doesNotMatch(doctor.output(), /a secret no one may see|\n\s+at |ExperimentalWarning/);
      return { said: doctor.output(), code };
    },
  };
}

test('if all is well, the doctor says so, one line each, and exits with 0', { skip }, async (t) => {
  const { ask, simulator, settings } = await practice(t);
  const server = run(t, 'src/main.ts', settings);
  await server.waitForOutput(/Turntable is at/);

  const { said, code } = await ask();

  assert.equal(code, 0, said);
  const lines = said.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf(':', 6))),
    [
      'ok    Settings',
      'ok    Redis connection',
      'ok    Redis permissions',
      'ok    Redis persistence',
      'ok    Redis eviction',
      'ok    Redis messages',
      'ok    Clock compared with Redis',
      'ok    Client ID and secret',
      'ok    Spotify Web API',
      'ok    Redirect URI',
      'ok    Clock compared with Spotify',
      'ok    Calls to Spotify',
      'ok    Public address',
    ],
  );
  assert.equal(callsOf(simulator), 1, 'one call of the quota');
});

// fault: doctor-with-wrong-clock
test('on a machine with a wrong clock the doctor uses Redis’s time for the ledger, and deletes nothing in it', {
  skip,
}, async (t) => {
  const { ask, redis, simulator } = await practice(t);
  const client = connectAsServer(redis.url);
  t.after(() => client.disconnect());
  const until = Date.now() + 3_600_000;
  const hour = Math.floor(Date.now() / 3_600_000);
  await client.hset('ledger:{an id}', 'closed search', `${until} quota ${Date.now()}`);
  await client.hset('calls:{an id}', `search ${hour}`, '12', `search ${hour - 30}`, '7');
  const inThreeDays = 'globalThis.real=Date.now;Date.now=()=>real()+2592e5';

  const { said } = await ask({ NODE_OPTIONS: `--import=data:text/javascript,${inThreeDays}` });

  assert.match(said, new RegExp(`Search: paused by Spotify until ${new Date(until).toISOString()}`));
  assert.match(said, /12 of about 700 used in the last 24 hours/);
  assert.equal(callsOf(simulator), 0);
  assert.deepEqual(await client.hgetall('calls:{an id}'), {
    [`search ${hour}`]: '12',
    [`search ${hour - 30}`]: '7',
  });
});

test('with --json, the doctor prints one object, and exits as it does without', { skip }, async (t) => {
  const { ask } = await practice(t);
  const asJson = async (env: Record<string, string> = {}) => {
    const { said, code } = await ask(env, 'src/start.mjs doctor --json');
    return { ...(JSON.parse(said) as { status: string; checks: Record<string, string>[] }), code };
  };

  const well = await asJson();
  assert.equal(well.code, 0);
  assert.equal(well.status, 'ok');
  const [settings] = well.checks;
  assert.deepEqual(settings, { name: 'Settings', status: 'ok', detail: 'all variables are valid' });
  assert.deepEqual(new Set(well.checks.map(({ status }) => status)), new Set(['ok', 'note']));
  assert.ok(well.checks.length > 10);

  const secret = await asJson({ SPOTIFY_CLIENT_SECRET: 'not the one' });
  assert.equal(secret.code, 1);
  assert.equal(secret.status, 'failed');
  const found = secret.checks.find(({ name }) => name === 'Client ID and secret');
  assert.equal(found?.status, 'failed');
  assert.match(found?.fix ?? '', /dashboard/);

  const invalid = await asJson({ PORT: 'eighty' });
  assert.equal(invalid.code, 1);
  assert.deepEqual(invalid.checks, [
    { name: 'Settings', status: 'failed', detail: 'PORT must be a whole number from 1 to 65535.' },
  ]);
});

test('the doctor refuses what it doesn’t understand, and says how to call it', { skip }, async (t) => {
  const { ask } = await practice(t);
  // An address needs --url, or else it would check this server.
  for (const given of ['--jason', 'https://music.example.org', '--json doctor']) {
    const { said, code } = await ask({}, `src/start.mjs doctor ${given}`);
    assert.equal(code, 2, given);
    assert.match(
      said,
      /^Usage: npm run doctor, or npm run --silent doctor -- \[--json\] \[--url https:[^\n]+\n$/,
    );
  }
});

// fault: doctor-from-outside
test('with --url, the doctor checks a site behind https from outside, without its settings', {
  skip,
}, async (t) => {
  const { settings, redis } = await practice(t);
  const { certificate, key, ca } = makeCertificates(t);
  const port = await freePort();
  const origin = `https://127.0.0.1:${port}`;
  const server = run(t, 'src/main.ts', { ...settings, BASE_URL: origin, TRUST_PROXY: '1' });
  await server.waitForOutput(/Turntable is at/);
  const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
  const proxy = createServer(tls, (req, res) => {
    const headers = { ...req.headers, 'x-forwarded-proto': 'https' };
    const forwarded = request({ port: settings.PORT, path: req.url, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    forwarded.end();
  });
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const ask = async (options: string, env: Record<string, string> = { NODE_EXTRA_CA_CERTS: ca }) => {
    const doctor = run(t, `src/start.mjs doctor ${options}`, env);
    const code = await doctor.ended;
    return { said: doctor.output(), code };
  };

  const { said, code } = await ask(`--url ${origin}/`);
  assert.equal(code, 0, said);
  const wordsOf = (line: string) => line.slice(0, line.indexOf(':', 6));
  assert.deepEqual(said.trim().split('\n').map(wordsOf), [
    'ok    Site',
    'ok    Version',
    'ok    HTTPS',
    'ok    Readiness',
    'note  Sign-in',
    'ok    Cookies',
    'ok    Security headers',
    'note  Live updates',
  ]);
  assert.match(said, /ok {4}Cookies: HttpOnly, SameSite=Lax, Path=\/, Secure, the prefix __Host-/);

  const untrusted = await ask(`--json --url ${origin}`, {});
  assert.equal(untrusted.code, 1);
  const { status, checks } = JSON.parse(untrusted.said);
  assert.equal(status, 'failed');
  assert.equal(checks.length, 1);
  assert.match(checks[0].detail, /can’t be reached \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/);

  await redis.stop();
  const without = await ask(`--url ${origin}`);
  assert.equal(without.code, 1);
  assert.match(without.said, /FAIL {2}Readiness: it can’t serve pages now \(status 503\): Redis /);
  assert.match(without.said, /FAIL {2}Sign-in: the site’s Redis doesn’t answer -> /);
  await redis.start();

  const invalid = await ask('--url https://music.example.org/?path');
  assert.equal(invalid.code, 2);
  assert.match(invalid.said, /^--url must be the address of a site, such as https:/);
});

test('a server that is not started yet is not a problem', { skip }, async (t) => {
  const { ask } = await practice(t);
  const { said, code } = await ask();

  assert.match(said, /note {2}Public address: nothing answers at .* -> .*start Turntable/);
  assert.equal(code, 0, said);
});

test('without settings, the doctor points to the setup page', { skip }, async (t) => {
  const { ask } = await practice(t);
  const nothing = { SPOTIFY_CLIENT_ID: '', SPOTIFY_CLIENT_SECRET: '' };
  const { said, code } = await ask(nothing);

  assert.match(
    said,
    /FAIL {2}Client ID and secret: SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET are not set -> .*npm start/,
  );
  assert.equal(code, 1);
  assert.equal((await ask({ ...nothing, NODE_ENV: 'production' })).code, 1);
});

test('all unreadable settings are reported', { skip }, async (t) => {
  const { ask } = await practice(t);
  const { said, code } = await ask({ PORT: 'eighty', BASE_URL: 'http://localhost:3000' });

  assert.match(said, /FAIL {2}Settings: PORT must be a whole number/);
  assert.match(said, /FAIL {2}Settings: BASE_URL contains localhost/);
  assert.equal(code, 1);
});

test('the doctor finds a wrong client secret, and a wrong client id', { skip }, async (t) => {
  const { ask } = await practice(t);

  const secret = await ask({ SPOTIFY_CLIENT_SECRET: 'not the one' });
  assert.match(secret.said, /FAIL {2}Client ID and secret: .*“Invalid client secret”.* -> Copy .*dashboard/);
  assert.equal(secret.code, 1);
  assert.doesNotMatch(secret.said, /not the one/);

  const id = await ask({ SPOTIFY_CLIENT_ID: 'no-one' });
  assert.match(id.said, /FAIL {2}Client ID and secret: .*“Invalid client”/);
  assert.match(id.said, /FAIL {2}Redirect URI: .*Failed to get client/);
});

test('the doctor finds a Redis that is away or needs a password', { skip }, async (t) => {
  const { ask, redis, set } = await practice(t);

  await set('requirepass', 'a pass word');
  assert.match((await ask()).said, /FAIL {2}Redis connection: .* refuses the connection \(NOAUTH\) -> /);
  const wrong = redis.url.replace('//', '//:guessed@');
  const guessed = await ask({ REDIS_URL: wrong });
  assert.match(guessed.said, /refuses the connection \(WRONGPASS\)/);
  assert.doesNotMatch(guessed.said, /guessed/);

  await redis.stop();
  const { said, code } = await ask();
  assert.match(said, /FAIL {2}Redis connection: .* does not answer \(ECONNREFUSED\) -> .*--appendonly yes/);
  assert.match(said, /ok {4}Spotify Web API/, 'the rest is checked nevertheless');
  assert.equal(code, 1);
  await redis.start();
});

test('the doctor finds a Redis that loses data: no persistence, snapshots only, or eviction', {
  skip,
}, async (t) => {
  const { ask, set } = await practice(t);

  await set('appendonly', 'no');
  await set('save', '');
  const forgetful = await ask();
  assert.match(forgetful.said, /FAIL {2}Redis persistence: Redis doesn’t save to disk.* -> .*appendonly yes/);
  assert.equal(forgetful.code, 1);

  await set('save', '3600 1');
  const snapshots = await ask();
  assert.match(snapshots.said, /note {2}Redis persistence: Redis only writes snapshots/);
  assert.equal(snapshots.code, 0);

  await set('maxmemory-policy', 'allkeys-lru');
  assert.match(
    (await ask()).said,
    /note {2}Redis eviction: the policy is allkeys-lru, but there is no memory limit/,
  );
  await set('maxmemory', '100mb');
  const evicting = await ask();
  assert.match(evicting.said, /FAIL {2}Redis eviction: the policy is allkeys-lru: .* -> .*noeviction/);
  assert.equal(evicting.code, 1);
});

test('the doctor finds a Redis that is older than 6', { skip }, async (t) => {
  const { ask, redis } = await practice(t);
  const { hostname, port } = new URL(redis.url);
  const proxy = createTcpServer((client) => {
    const server = connect(Number(port), hostname);
    client.pipe(server);
    // Of the same length, as the reply says it.
    server.on('data', (bytes) =>
      client.write(bytes.toString('latin1').replace(/(?<=redis_version:)\d/, '5'), 'latin1'),
    );
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const { port: at } = proxy.address() as AddressInfo;

  const { said, code } = await ask({ REDIS_URL: `redis://127.0.0.1:${at}` });

  assert.match(said, /ok {4}Redis connection: connected to .*, version 5\./);
  assert.match(said, /FAIL {2}Redis version: it is 5\.\S+ -> Turntable needs Redis 6 or later, or Valkey\./);
  assert.equal(code, 1);
});

// fault: doctor-explains-read-only-redis
test('the doctor finds a Redis that takes no writes, and says why', { skip }, async (t) => {
  const { ask, redis, set } = await practice(t);

  await set('maxmemory', '1');
  const full = await ask();
  assert.match(
    full.said,
    /FAIL {2}Redis connection: .* is out of memory \(OOM\) -> Raise its limit \(maxmemory\)/,
  );
  assert.equal(full.code, 1);
  await set('maxmemory', '0');

  const client = new Redis(redis.url);
  t.after(() => client.disconnect());
  await client.replicaof('127.0.0.1', '1');
  const replica = await ask();
  assert.match(
    replica.said,
    /FAIL {2}Redis connection: .* is a read-only replica \(READONLY\) -> REDIS_URL must point to the primary/,
  );
  assert.equal(replica.code, 1);
});

// fault: restricted-redis-user
test('a Redis user who may do what pages do, and nothing dangerous, is no warning', {
  skip,
}, async (t) => {
  const { ask, redis } = await practice(t);
  const client = new Redis(redis.url);
  t.after(() => client.disconnect());
  const permit = (...rules: string[]) => client.call('ACL', 'SETUSER', 'turntable', ...rules);
  await permit('on', '>a-pass-word', '~turntable:*', '&turntable:*', '+@all', '-@dangerous');
  const REDIS_URL = redis.url.replace('//', '//turntable:a-pass-word@');

  const { said, code } = await ask({ REDIS_URL });
  assert.match(said, /ok {4}Redis connection: connected to .*; this user can’t see its version/);
  assert.match(said, /note {2}Redis persistence: this user can’t see whether Redis writes to disk/);
  assert.match(said, /note {2}Redis eviction: this user can’t see/);
  assert.match(said, /ok {4}Redis messages/);
  assert.match(said, /ok {4}Clock compared with Redis/);
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /a-pass-word|WARN/);

  await permit('resetchannels');
  const deaf = await ask({ REDIS_URL });
  assert.match(
    deaf.said,
    /note {2}Redis messages: the channel is refused \(NOPERM\): .* -> .*ACL SETUSER with your user and &turntable:live:/,
  );
  assert.equal(deaf.code, 0, deaf.said);

  await permit('-eval');
  const short = await ask({ REDIS_URL });
  assert.match(
    short.said,
    /FAIL {2}Redis connection: .* does not give this user the permissions that pages need \(NOPERM\) -> /,
  );
  assert.equal(short.code, 1);
});

test('the doctor finds a wrong clock', { skip }, async (t) => {
  const { ask } = await practice(t);
  const shifted = (minutes: number) => `const now = Date.now; Date.now = () => now() + ${minutes * 60_000};`;
  const wrongBy = (minutes: number) => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shifted(minutes))}`,
  });

  const ahead = await ask(wrongBy(10));
  assert.match(
    ahead.said,
    /FAIL {2}Clock compared with Redis: this machine is 10 minutes ahead of Redis -> Synchronize the/,
  );
  assert.match(
    ahead.said,
    /FAIL {2}Clock compared with Spotify: this machine is 10 minutes ahead of Spotify/,
  );
  assert.equal(ahead.code, 1);
  // On a busy machine the time in between counts as well.
  assert.match((await ask(wrongBy(-1))).said, /this machine is (5\d|6\d) seconds behind Redis/);
});

test('the doctor finds a redirect URI that is not in the dashboard', { skip }, async (t) => {
  const { ask, port } = await practice(t);
  const { said, code } = await ask({ BASE_URL: `http://[::1]:${port}` });

  assert.match(
    said,
    new RegExp(
      `FAIL {2}Redirect URI: Spotify doesn’t know http://\\[::1\\]:${port}/callback: “INVALID_CLIENT: Invalid redirect URI” -> .*add exactly http://\\[::1\\]:${port}/callback`,
    ),
  );
  assert.equal(code, 1);
});

test('the doctor finds a server that runs with other settings, or another server at its address', {
  skip,
}, async (t) => {
  const { ask, settings, simulator, port } = await practice(t);
  const other = `http://[::1]:${port}`;
  const server = run(t, 'src/main.ts', { ...settings, BASE_URL: other });
  await server.waitForOutput(/Turntable is at/);

  const { said, code } = await ask();
  assert.match(said, /FAIL {2}Public address: .* has a different BASE_URL -> .*X-Forwarded-Host/);
  assert.equal(code, 1);

  const { port: its } = new URL(simulator.origin);
  assert.match(
    (await ask({ BASE_URL: `http://127.0.0.1:${its}` })).said,
    /FAIL {2}Public address: the server at .* isn’t Turntable \(status 404\)/,
  );
});

test('the doctor finds a proxy that strips the path of BASE_URL from the address', { skip }, async (t) => {
  const { ask, settings, port } = await practice(t);
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  const server = run(t, 'src/main.ts', { ...settings, BASE_URL: at('/music') });
  await server.waitForOutput(/Turntable is at \S+\/music/);

  // Another address stands in for the proxy.
  const { said } = await ask({ BASE_URL: at('') });
  assert.match(said, /FAIL {2}Public address: .* strips the path of BASE_URL from .* -> .*proxy_pass/);
  assert.match((await ask({ BASE_URL: at('/music') })).said, /ok {4}Public address: \S+\/music leads to/);
});

test('the doctor finds a proxy that does not forward that it uses https', { skip }, async (t) => {
  const { settings, ask, port } = await practice(t);
  // Plain http stands in for the proxy: it forwards everything, without a header.
  const server = run(t, 'src/main.ts', {
    ...settings,
    BASE_URL: 'https://music.example',
    TRUST_PROXY: '1',
  });
  await server.waitForOutput(/Turntable is at/);

  const { said } = await ask({ BASE_URL: `http://127.0.0.1:${port}` });
  assert.match(said, /FAIL {2}Public address: .*the proxy .* -> .*X-Forwarded-Proto: https/);
});

test('the doctor finds an owner without Premium, and a Spotify that asks for a pause or does not answer', {
  skip,
}, async (t) => {
  const { ask, simulator } = await practice(t);

  simulator.settings.ownerHasPremium = false;
  const lapsed = await ask();
  assert.match(lapsed.said, /ok {4}Client ID and secret: Spotify accepts them/);
  assert.match(lapsed.said, /FAIL {2}Spotify Web API: .*doesn’t have Premium -> Subscribe/);
  assert.equal(lapsed.code, 1);
  simulator.settings.ownerHasPremium = true;

  simulator.fault({
    on: 'api',
    answer: { status: 403, body: 'User not registered in the Developer Dashboard' },
  });
  assert.match((await ask()).said, /FAIL {2}Spotify Web API: .*that means the owner doesn’t have Premium/);

  simulator.fault({ on: 'api', answer: { status: 502, body: '<html>' } });
  assert.match((await ask()).said, /FAIL {2}Spotify Web API: .*answered 502/);

  simulator.rateLimit(3600);
  const waiting = await ask();
  assert.match(waiting.said, /note {2}Spotify Web API: Spotify is refusing calls until 20/);
  assert.equal(waiting.code, 0);
  const before = callsOf(simulator);
  await ask();
  assert.equal(callsOf(simulator), before, 'and is left alone, as by every other process');

  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const away = await ask({ SPOTIFY_ACCOUNTS_URL: nowhere });
  assert.match(away.said, /FAIL {2}Client ID and secret: .*no response \(ECONNREFUSED\)/);
  assert.match(away.said, /note {2}Redirect URI: couldn’t be checked/);
});

/** How many calls the Web API got; only its calls are counted. */
function callsOf(simulator: Simulator): number {
  return simulator.calls.filter(({ service }) => service === 'api').length;
}
