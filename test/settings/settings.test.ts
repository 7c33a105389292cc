import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { loadEnvFile } from '../../src/settings/env-file.ts';
import { formatRedisAddress, redisTarget } from '../../src/settings/redis-url.ts';
import { configProblems } from '../support/config-problems.ts';

const credentials = { SPOTIFY_CLIENT_ID: 'an id', SPOTIFY_CLIENT_SECRET: 'a secret' };

/** The variables that a .env with this content adds to an environment, and the problems in it. */
function load(t: TestContext, content: string | Buffer, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-env-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, '.env'), content);
  const loaded: Record<string, string | undefined> = { ...env };
  return { ...loadEnvFile(join(folder, '.env'), loaded), env: loaded };
}

test('a .env is read with a byte-order mark, with the line ends of any system, and with quotes and comments', (t) => {
  for (const content of [
    '\uFEFFPORT=3100\nHOST=::1\n',
    'PORT=3100\r\nHOST=::1\r\n',
    'PORT=3100\rHOST=::1\r',
    '# Where it listens\nexport PORT = "3100" # not 3000\n\nHOST=\'::1\'',
  ]) {
    const { env, problems } = load(t, content);
    assert.deepEqual({ ...env }, { PORT: '3100', HOST: '::1' }, JSON.stringify(content));
    assert.deepEqual(problems, []);
  }
});

test('the environment overrides .env, even if it leaves a variable empty', (t) => {
  const { env } = load(t, 'PORT=3100\nHOST=::1\nLOG_LEVEL=debug', { PORT: '3200', HOST: '' });

  assert.deepEqual({ ...env }, { PORT: '3200', HOST: '', LOG_LEVEL: 'debug' });
});

// fault: unusable-env-line
test('a line of .env that would be skipped or cut short is named by its number, and its value is not shown', (t) => {
  for (const [content, words] of [
    ['PORT=3000\nSPOTIFY_CLIENT_SECRET: hidden', /^Line 2 of \.env must be NAME=value/],
    ['\u200BSPOTIFY_CLIENT_SECRET=hidden', /^Line 1 of \.env must be NAME=value/],
    [
      'REDIS_URL=redis://:hid#den@redis:6379',
      /^Line 1 of \.env: REDIS_URL has a # in its value.*double quotes/,
    ],
    ['SPOTIFY_CLIENT_SECRET="hidden', /^Line 1 of \.env: SPOTIFY_CLIENT_SECRET has a " before its value/],
    ["SPOTIFY_CLIENT_SECRET='hidden' too", /^Line 1 of \.env: SPOTIFY_CLIENT_SECRET has text after/],
    ['PORT=3000\n\nPORT=hidden', /^Line 3 of \.env: PORT is already set on line 1/],
  ] as const) {
    const { problems } = load(t, content);
    assert.match(problems.join('\n'), words, content);
    assert.doesNotMatch(problems.join('\n'), /hid/);
    assert.equal(problems.length, 1);
  }
});

test('a .env that is a folder, or in an unreadable encoding, is reported in one sentence; a missing one is fine', (t) => {
  for (const content of [Buffer.from('\uFEFFPORT=3100', 'utf16le'), Buffer.from('NAME=caf\xe9', 'latin1')])
    assert.match(load(t, content).problems.join(), /^\.env is not UTF-8 text\. Save it with/);

  const folder = mkdtempSync(join(tmpdir(), 'turntable-env-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, '.env'));
  assert.match(loadEnvFile(join(folder, '.env'), {}).problems.join(), /^\.env is a folder/);
  assert.deepEqual(loadEnvFile(join(folder, 'missing.env'), {}), { names: [], problems: [] });
  assert.match(
    loadEnvFile(join(folder, `${'x'.repeat(300)}.env`), {}).problems.join(),
    /can’t be read \(ENAMETOOLONG\)/,
  );
});

// fault: misspelled-setting
test('an unknown name in .env is reported, with the setting it may stand for; the environment may hold any', (t) => {
  const noted = (content: string, env = {}) => {
    const file = load(t, content, env);
    return readConfig(file.env, file).unknownSettings.join('\n');
  };
  for (const [name, meant] of [
    ['SPOTIFY_CLIENTID', 'SPOTIFY_CLIENT_ID'],
    ['spotify_client_id', 'SPOTIFY_CLIENT_ID'],
    ['CLIENT_SECRET', 'SPOTIFY_CLIENT_SECRET'],
    ['SPOTFIY_CLIENT_ID', 'SPOTIFY_CLIENT_ID'],
    ['REDIS_URI', 'REDIS_URL'],
    ['SESSION_SECRETS', 'SESSION_SECRET'],
  ])
    assert.equal(noted(`${name}=hidden`), `${name} isn’t a setting; did you mean ${meant}?`);
  assert.equal(noted('FAVORITE_COLOR=blue'), 'FAVORITE_COLOR isn’t a setting.');
  assert.equal(
    noted('PORT=3100\nTZ=UTC\nNODE_OPTIONS=--trace-gc\nSPOTIFY_CLIENT_ID=', { SPOTIFY_ID: 'x' }),
    '',
  );

  const misspelled = load(t, 'NODE_ENV=production\nSPOTIFY_CLIENTID=hidden');
  assert.throws(
    () => readConfig(misspelled.env, misspelled),
    /SPOTIFY_CLIENT_ID.*not set.*did you mean SPOTIFY_CLIENT_ID\?/s,
    'even if nothing starts because it is missing',
  );
});

// fault: invalid-redis-url
test('a Redis URL that cannot work is refused with the correct form, and without its password', () => {
  for (const [REDIS_URL, words] of [
    ['redis://:secr%et@redis:6379', /has a % .*write % as %25/],
    ['redis://:secr%zzet@redis:6379', /has a % .*write % as %25/],
    ['redis://:secr#et@redis:6379', /write % as %25, # as %23, \/ as %2F, \? as %3F/],
    ['redis://:secr/et@redis:6379', /must have the form .* \/ as %2F/],
    ['redis://:secr?et@redis:6379', /must have the form .* \? as %3F/],
    ['redis://127.0.0.1:0', /must include the port/],
    ['redis://secr:12/et@redis:6379', /an @ after its host.* \/ as %2F/],
    ['redis://secr:12#et@redis:6379', /an @ after its host.* # as %23/],
    ['redis://secr:12?et@redis:6379', /an @ after its host.* \? as %3F/],
    ['redis://redis:6379/#secret', /has a # at the end/],
    ['redis://redis:6379/secret', /The database in REDIS_URL is not a number.*6379\/0/],
    ['redis://redis:6379/0/', /The database in REDIS_URL is not a number/],
    ['redis://redis:6379/?db=secret', /The database in REDIS_URL is not a number/],
    ['redis://redis:6379?lazyConnect=secret', /a parameter .* isn’t supported: lazyConnect\. Remove it/],
    ['/run/redis.sock?db=1&sentinels=secret', /isn’t supported: sentinels/],
    ['redis://redis:6379?secr%20et', /a parameter .* isn’t supported\. Remove it/],
    ['redis:6379', /must have the form redis:\/\/127\.0\.0\.1:6379/],
    ['redis:///0', /must have the form/],
    ['redis://:secret@', /must have the form/],
    ['http://:secret@redis', /must have the form/],
    ['secret.sock', /unix:\/path\/to\/redis\.sock/],
    ['unix:secret.sock', /unix:\/path\/to\/redis\.sock/],
    [`unix:/secret/${'x'.repeat(100)}.sock`, /The socket path is 113 bytes long.* at most 103/],
    ['redis+unix:secret.sock', /unix:\/path\/to\/redis\.sock/],
    ['redis://:secret@one:6379,two:6379/1', /leads to a cluster, which has only database 0/],
    ['redis://:secret@one:6379,two:0', /must include the port/],
    ['redis://:secret@one:6379,', /must have the form/],
    ['redis://one?cluster=secret', /cluster can only be true/],
    [
      'redis://one,two?db=1&password=secret',
      /isn’t supported: db\. Remove it\. Supported parameters: cluster/,
    ],
    ['redis+sentinel://:secret@one:26379,two:26379', /must have the name of the primary after the Sentinels/],
    ['redis+sentinel://:secret@one:26379/music/x', /must have the name of the primary after the Sentinels/],
    ['redis+sentinel://one/music?cluster=true&password=secret', /isn’t supported: cluster/],
    ['redis+other://:secret@one', /must have the form/],
  ] as const) {
    assert.match(configProblems({ ...credentials, REDIS_URL }), words, REDIS_URL);
    assert.doesNotMatch(configProblems({ ...credentials, REDIS_URL }), /secr|:12/, REDIS_URL);
  }
});

test('a Redis URL in any of its forms is accepted, and shown without user and password', () => {
  for (const [REDIS_URL, address] of [
    ['redis://redis', 'redis:6379'],
    ['redis://user:p%40ss@redis:6380/3', 'redis:6380'],
    ['rediss://:p@ss@redis', 'redis:6379'],
    ['redis://[::1]:6379/?keyPrefix=a:', '[::1]:6379'],
    ['unix:/run/redis.sock', '/run/redis.sock'],
    ['unix:///run/redis.sock', '/run/redis.sock'],
    ['/run/redis.sock?db=2&password=pass', '/run/redis.sock'],
    ['redis+unix:///run/redis.sock', '/run/redis.sock'],
    ['redis://user:p%40ss@one:7000,two,[::1]:7002', 'one:7000, two:6379, [::1]:7002'],
    ['rediss://:p@ss@one:7000?cluster=true', 'one:7000'],
    ['redis+sentinel://:p%40ss@one,two:5000/music', 'music (one:26379, two:5000)'],
    ['rediss+sentinel://one/music/2?sentinelPassword=pass', 'music (one:26379)'],
  ] as const)
    assert.equal(formatRedisAddress(readConfig({ ...credentials, REDIS_URL }).redisUrl), address);
});

test('the target of a Redis URL is read from it, with user and password decoded', () => {
  const shared = { username: 'user', password: 'p@ss', isTls: true, family: undefined };
  assert.deepEqual(redisTarget('rediss://user:p%40ss@one:7000,two/0'), {
    kind: 'cluster',
    ...shared,
    hosts: [
      { host: 'one', port: 7000 },
      { host: 'two', port: 6379 },
    ],
  });
  assert.deepEqual(redisTarget('rediss+sentinel://user:p%40ss@[::1]/music/2?sentinelPassword=s%26s'), {
    kind: 'sentinel',
    ...shared,
    hosts: [{ host: '::1', port: 26379 }],
    name: 'music',
    db: 2,
    sentinelUsername: undefined,
    sentinelPassword: 's&s',
  });
  const { kind, isTls } = redisTarget('redis://user:p%40ss@one/3');
  assert.deepEqual({ kind, isTls }, { kind: 'single', isTls: false });
});

// fault: invalid-setting-file
test('secrets can be in files, and a file that cannot be used is named without its content', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-secrets-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const secret = 'hidden-0123456789-abcdefghijklmnop';
  const files = {
    SPOTIFY_CLIENT_SECRET_FILE: file('client', 'a hidden secret\n'),
    SESSION_SECRET_FILE: file('session', `${secret}\r\n`),
    REDIS_URL_FILE: file('redis', '\ufeffredis://:hidden@redis:6380\n'),
    METRICS_TOKEN_FILE: file('metrics', `${secret}\n`),
  };
  const { spotify, secrets, redisUrl, shouldFindRedis, metricsToken } = readConfig({
    SPOTIFY_CLIENT_ID: 'an id',
    ...files,
  });
  assert.equal(spotify?.clientSecret, 'a hidden secret');
  assert.deepEqual(secrets, [secret]);
  assert.equal(metricsToken, secret);
  assert.equal(redisUrl, 'redis://:hidden@redis:6380');
  assert.equal(shouldFindRedis, false);

  const certificate = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(1_300)}\n-----END CERTIFICATE-----`;
  const missing = join(folder, 'missing');
  for (const [env, words] of [
    [
      { SPOTIFY_CLIENT_SECRET_FILE: files.SPOTIFY_CLIENT_SECRET_FILE },
      /SPOTIFY_CLIENT_SECRET and .*_FILE are both set/,
    ],
    [
      { REDIS_URL: 'redis://:hidden@redis', REDIS_URL_FILE: files.REDIS_URL_FILE },
      /REDIS_URL and REDIS_URL_FILE are both/,
    ],
    [
      { SESSION_SECRET_FILE: missing },
      /SESSION_SECRET_FILE must be the path of a file, but there is no such file/,
    ],
    [{ SESSION_SECRET_FILE: folder }, /SESSION_SECRET_FILE must be the path of a file, but it is a folder/],
    [
      { SESSION_SECRET_FILE: file('large', 'h'.repeat(100_001)) },
      /The file in SESSION_SECRET_FILE is too large/,
    ],
    [{ SESSION_SECRET_FILE: '/dev/zero' }, /The file in SESSION_SECRET_FILE is too large/],
    [
      { SESSION_SECRET_FILE: file('lines', `${secret}\n${secret}\n`) },
      /SESSION_SECRET has a line break inside\. Separate secrets by commas\./,
    ],
    [{ SESSION_SECRET_FILE: file('empty', ' \n') }, /The file in SESSION_SECRET_FILE is empty/],
    [
      { SESSION_SECRET_FILE: file('bytes', Buffer.from('hidd\xe9n', 'latin1')) },
      /SESSION_SECRET_FILE is not UTF-8/,
    ],
    [
      { SESSION_SECRET_FILE: file('short', 'hidden') },
      /SESSION_SECRET: each secret .* at least 32 characters/,
    ],
    [{ REDIS_URL_FILE: file('bad', 'redis://:hid%den@redis') }, /REDIS_URL has a %/],
    [{ REDIS_CA_FILE: files.REDIS_URL_FILE }, /REDIS_CA_FILE is set, but REDIS_URL doesn’t use TLS/],
    [{ REDIS_URL: 'rediss://redis', REDIS_CA_FILE: missing }, /REDIS_CA_FILE must be the path of a file/],
    [{ REDIS_URL: 'rediss://redis', REDIS_CA_FILE: files.REDIS_URL_FILE }, /no certificate in PEM format/],
    [
      { REDIS_URL: 'rediss://redis', REDIS_CA_FILE: file('authorities', certificate.repeat(800)) },
      /The file in REDIS_CA_FILE is too large/,
    ],
  ] as const) {
    const problems = configProblems({ ...credentials, ...env });
    assert.match(problems, words);
    assert.doesNotMatch(problems, /hid/);
    assert.equal(problems.split('\n  - ').length, 2, problems);
  }
  // Those that a system trusts.
  const bundle = `${certificate}\n`.repeat(160);
  assert.ok(bundle.length > 200_000);
  const { redisCa } = readConfig({
    ...credentials,
    REDIS_URL: 'rediss://redis',
    REDIS_CA_FILE: file('bundle', bundle),
  });
  assert.equal(redisCa, bundle.trim());
  const inProduction = configProblems({
    NODE_ENV: 'production',
    SPOTIFY_CLIENT_ID: 'an id',
    SPOTIFY_CLIENT_SECRET_FILE: missing,
  });
  assert.match(inProduction, /SPOTIFY_CLIENT_SECRET_FILE must be the path of a file/);
  assert.doesNotMatch(inProduction, /not set/);
});

// fault: quotes-or-invisible-characters
test('quotes and invisible characters are refused by the name of the variable, without its value', () => {
  for (const [name, value, words] of [
    ['SPOTIFY_CLIENT_ID', '"hidden"', /SPOTIFY_CLIENT_ID has quotes around its value/],
    ['SPOTIFY_CLIENT_SECRET', '“hidden”', /SPOTIFY_CLIENT_SECRET has quotes around its value/],
    ['SPOTIFY_CLIENT_SECRET', "hidden'", /SPOTIFY_CLIENT_SECRET has quotes around its value/],
    [
      'SPOTIFY_CLIENT_SECRET',
      'hid\u200Bden',
      /SPOTIFY_CLIENT_SECRET contains an invisible character \(U\+200B\)/,
    ],
    ['SPOTIFY_CLIENT_ID', 'hid\u00A0den', /SPOTIFY_CLIENT_ID contains an invisible character \(U\+00A0\)/],
    ['SPOTIFY_CLIENT_ID', 'hid\rden', /SPOTIFY_CLIENT_ID contains an invisible character \(U\+000D\)/],
    [
      'SPOTIFY_CLIENT_SECRET',
      '\u2060hidden',
      /SPOTIFY_CLIENT_SECRET contains an invisible character \(U\+2060\)/,
    ],
    [
      'SPOTIFY_CLIENT_SECRET',
      'hid–den',
      /SPOTIFY_CLIENT_SECRET contains a character that Spotify doesn't use \(U\+2013\)/,
    ],
    [
      'SPOTIFY_CLIENT_ID',
      '<hidden>',
      /SPOTIFY_CLIENT_ID contains a character that Spotify doesn't use \(U\+003C\)/,
    ],
    ['REDIS_URL', '"redis://:hidden@redis"', /REDIS_URL has quotes around its value/],
    ['PORT', '30\u200B00', /PORT contains an invisible character/],
  ] as const) {
    const problems = configProblems({ ...credentials, [name]: value });
    assert.match(problems, words);
    assert.doesNotMatch(problems, /hid/);
    assert.equal(problems.split('\n  - ').length, 2, `only one sentence:\n${problems}`);
  }
  // At the end of a value, where they are easily pasted by mistake, they are ignored.
  assert.equal(readConfig({ ...credentials, SPOTIFY_CLIENT_ID: 'an id\r\n' }).spotify?.clientId, 'an id');
  assert.equal(
    readConfig({ ...credentials, SPOTIFY_CLIENT_ID: '\uFEFFan id\u00A0' }).spotify?.clientId,
    'an id',
  );
});

// fault: other-invalid-settings
test('other settings that cannot work are refused with what to write', () => {
  for (const [env, words] of [
    [{ PORT: '30 00' }, /PORT must be a whole number/],
    [{ HOST: 'http://127.0.0.1' }, /HOST must be an address.*or a host name, without a scheme or port/],
    [{ HOST: '127.0.0.1:3000' }, /HOST must be an address.*or a host name, without a scheme or port/],
    [{ BASE_URL: '127.0.0.1:3000' }, /BASE_URL must begin with http/],
    [{ NODE_ENV: 'Production' }, /NODE_ENV must be exactly "production"/],
    [{ SPOTIFY_LEDGER: 'two words' }, /SPOTIFY_LEDGER must be at most 60 letters, digits/],
    [{ NODE_ENV: 'prod' }, /NODE_ENV must be exactly "production"/],
    [{ SESSION_SECRET: 'change-me-change-me-change-me-change' }, /SESSION_SECRET starts with a placeholder/],
    [{ SESSION_SECRET: 'x'.repeat(40) }, /SESSION_SECRET starts with a placeholder/],
    [{ SESSION_SECRET: '<put 32 random characters in here>' }, /SESSION_SECRET starts with a placeholder/],
  ] as const)
    assert.match(configProblems(env), words);
  const fresh = 'uN0SqCWZyR1H8dN2m5Q7eJ4kL6pT9vXa';
  assert.equal(configProblems({ SESSION_SECRET: `${fresh},${'x'.repeat(40)}` }), '', 'it can be left behind');
});
