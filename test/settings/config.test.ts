import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { configProblems } from '../support/config-problems.ts';

const credentials = { SPOTIFY_CLIENT_ID: 'an id', SPOTIFY_CLIENT_SECRET: 'a secret' };

test('without settings there is a server on this machine, waiting for credentials', () => {
  const { secrets, ...config } = readConfig({});

  assert.equal(secrets.length, 1);
  assert.deepEqual(config, {
    isProduction: false,
    port: 3000,
    host: '127.0.0.1',
    baseUrl: 'http://127.0.0.1:3000',
    redirectUri: 'http://127.0.0.1:3000/callback',
    redisUrl: 'redis://127.0.0.1:6379',
    redisCa: null,
    redisPrefix: 'turntable:',
    shouldFindRedis: true,
    spotify: null,
    spotifyLogo: null,
    missing: ['SPOTIFY_CLIENT_ID', 'SPOTIFY_CLIENT_SECRET'],
    trustProxy: false,
    logLevel: 'info',
    metricsPort: null,
    metricsToken: null,
    allowedListeners: null,
    ownerListeners: null,
    market: 'US',
    dailyCalls: 700,
    dailySearches: 100,
    hasSetupPage: true,
    ledgerName: '',
    unknownSettings: [],
  });
});

test('the setup page is available on this machine only, unless it is turned on', () => {
  const setupPage = (env: Record<string, string>) => readConfig({ ...credentials, ...env }).hasSetupPage;
  const public_ = { BASE_URL: 'https://music.example', TRUST_PROXY: '1' };

  assert.equal(setupPage({}), true);
  assert.equal(setupPage({ SETUP_PAGE: 'off' }), false);
  assert.equal(setupPage({ NODE_ENV: 'production' }), false);
  assert.equal(setupPage(public_), false);
  assert.equal(setupPage({ ...public_, NODE_ENV: 'production', SETUP_PAGE: 'on' }), true);
  assert.match(configProblems({ SETUP_PAGE: 'yes' }), /SETUP_PAGE must be on or off/);
});

test('metrics need their own port, or a token that cannot be guessed', () => {
  const token = 'dGVzdCB0b2tlbiB0aGF0IGlzIGxvbmcgZW5vdWdo+/==';
  const { metricsPort, metricsToken } = readConfig({ METRICS_PORT: '9464', METRICS_TOKEN: token });

  assert.equal(metricsPort, 9464);
  assert.equal(metricsToken, token);
  for (const METRICS_PORT of ['0', '65536', 'on', '3000'])
    assert.match(
      configProblems({ METRICS_PORT }),
      /METRICS_PORT must be .* not the same as PORT/,
      METRICS_PORT,
    );
  for (const METRICS_TOKEN of [
    'hidden',
    'hidden'.repeat(5),
    `hidden ${token}`,
    `${token}hidden`,
    'change-me-hidden-change-me-hidden-change-me',
    '1'.repeat(40),
  ]) {
    const problems = configProblems({ METRICS_TOKEN });
    assert.match(problems, /METRICS_TOKEN must be random.*openssl rand/, METRICS_TOKEN);
    assert.doesNotMatch(problems, /hidden/);
  }
});

test('two settings are enough', () => {
  const { spotify, secrets } = readConfig(credentials);

  assert.deepEqual(spotify, {
    clientId: 'an id',
    clientSecret: 'a secret',
    accountsUrl: 'https://accounts.spotify.com',
    apiUrl: 'https://api.spotify.com/v1',
    otherOrigins: [],
  });
  assert.doesNotMatch(secrets[0], /a secret/);
  assert.notDeepEqual(secrets, readConfig({ ...credentials, SPOTIFY_CLIENT_SECRET: 'another' }).secrets);
});

test('an empty variable is treated as unset', () => {
  assert.deepEqual(
    readConfig({ PORT: '', BASE_URL: ' ', SPOTIFY_CLIENT_ID: '', SESSION_SECRET: '' }),
    readConfig({}),
  );
});

test('all problems are reported together, and no secret with them', () => {
  const told = configProblems({
    PORT: 'eighty',
    BASE_URL: 'https://music.example',
    REDIS_URL: 'http://:a-password@redis',
    SESSION_SECRET: 'too short',
    SPOTIFY_CLIENT_SECRET: 'a secret',
    SPOTIFY_API_URL: 'not a url',
    SPOTIFY_LOGO: 'logo.gif',
    LOG_LEVEL: 'loud',
    NODE_ENV: 'production',
  });

  for (const name of [
    'PORT',
    'TRUST_PROXY',
    'REDIS_URL',
    'SESSION_SECRET',
    'SPOTIFY_CLIENT_ID',
    'SPOTIFY_API_URL',
    'SPOTIFY_LOGO',
    'LOG_LEVEL',
  ]) {
    assert.ok(told.includes(name), `${name} is named`);
  }
  assert.doesNotMatch(told, /too short|a secret|a-password/);
});

test('https without a trusted proxy is refused with the reason', () => {
  assert.match(
    configProblems({ BASE_URL: 'https://music.example' }),
    /TRUST_PROXY.*Secure cookies are silently not set/s,
  );
  assert.equal(configProblems({ BASE_URL: 'https://music.example', TRUST_PROXY: '1' }), '');
});

test('addresses that Spotify refuses as redirect URIs are refused with the reason', () => {
  assert.match(configProblems({ BASE_URL: 'http://localhost:3000' }), /localhost, which Spotify refuses/);
  assert.match(configProblems({ BASE_URL: '127.0.0.1:3030' }), /Write BASE_URL=http:\/\/127\.0\.0\.1:3030$/m);
  assert.match(configProblems({ BASE_URL: 'music.example' }), /Write BASE_URL=https:\/\/music\.example$/m);
  assert.match(configProblems({ BASE_URL: 'http://192.168.1.5:3000' }), /must be https/);
  assert.equal(configProblems({ BASE_URL: 'http://[::1]:3000' }), '');
});

test('an address can have a path, with or without a slash at its end', () => {
  for (const [given, used] of [
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    ['http://127.0.0.1:3000/music', 'http://127.0.0.1:3000/music'],
    ['HTTP://127.0.0.1:3000/At-home/music_2.0~/', 'http://127.0.0.1:3000/At-home/music_2.0~'],
  ] as const) {
    const { baseUrl, redirectUri } = readConfig({ ...credentials, BASE_URL: given });
    assert.equal(baseUrl, used);
    assert.equal(redirectUri, `${used}/callback`);
  }
  assert.match(
    configProblems({ BASE_URL: 'example.org/music' }),
    /Write BASE_URL=https:\/\/example\.org\/music$/m,
  );
});

test('a path that programs could understand in different ways is refused, and anything after it', () => {
  for (const [path, instead] of [
    ['/music?', '/music'],
    ['/music?a=b', '/music'],
    ['/music/#top', '/music'],
    ['?a=b', ''],
    ['/a/../music', '/music'],
    ['/./music', '/music'],
    ['/..', '/music'],
    ['/%6Dusic', '/music'],
    ['/a%2Fmusic', '/music'],
    ['/..%2fmusic', '/music'],
    ['/a//music', '/music'],
    ['//music', '/music'],
    ['/music//', '/music'],
    ['/a\\music', '/music'],
    ['/my music', '/music'],
    ['/:music', '/music'],
    ['/mus*c', '/music'],
    ['/müsic', '/music'],
  ] as const) {
    const said = configProblems({ BASE_URL: `http://127.0.0.1:3000${path}` });
    assert.match(said, /BASE_URL must contain only a scheme, a host, a port, and a path/, path);
    assert.ok(said.endsWith(`Write BASE_URL=http://127.0.0.1:3000${instead}`), said);
  }
  for (const url of [
    'http:/127.0.0.1:3000/music',
    'http:///127.0.0.1:3000/music',
    'http:127.0.0.1:3000/a/..',
  ])
    assert.match(configProblems({ BASE_URL: url }), /must contain only/, url);
  assert.match(configProblems({ BASE_URL: 'http://a:b@127.0.0.1:3000/music' }), /must contain only/);
});

test('a Redis is found if none is configured, but not in production', () => {
  assert.equal(readConfig(credentials).shouldFindRedis, true);
  assert.equal(readConfig({ ...credentials, NODE_ENV: 'production' }).shouldFindRedis, false);
  assert.equal(readConfig({ ...credentials, REDIS_URL: 'redis://127.0.0.1:6379' }).shouldFindRedis, false);
});

test('the prefix of Redis keys can be set, once and without characters that are special to Redis', () => {
  const read = (env: Record<string, string>) => readConfig({ ...credentials, ...env }).redisPrefix;

  assert.equal(read({ REDIS_PREFIX: 'music:' }), 'music:');
  assert.equal(read({ REDIS_PREFIX: '' }), 'turntable:');
  for (const REDIS_PREFIX of ['{music}', 'my music:', 'music*', 'x'.repeat(101)])
    assert.match(configProblems({ REDIS_PREFIX }), /REDIS_PREFIX must be at most 100 characters/);
  assert.match(
    configProblems({ REDIS_PREFIX: 'music:', REDIS_URL: 'redis://127.0.0.1?keyPrefix=other:' }),
    /Remove the one in REDIS_URL/,
  );
});

test('the address is derived from where the server listens, or has to be set', () => {
  assert.equal(readConfig({ HOST: '0.0.0.0', PORT: '3100' }).baseUrl, 'http://127.0.0.1:3100');
  assert.equal(readConfig({ HOST: '::1' }).baseUrl, 'http://[::1]:3000');
  assert.match(configProblems({ HOST: '192.168.1.5' }), /HOST=192\.168\.1\.5 requires BASE_URL/);
  assert.equal(
    configProblems({ HOST: '192.168.1.5', BASE_URL: 'https://music.example', TRUST_PROXY: '1' }),
    '',
  );
});

test('TRUST_PROXY takes a number or addresses, and nothing that trusts everyone', () => {
  assert.equal(readConfig({ TRUST_PROXY: '2' }).trustProxy, 2);
  assert.equal(readConfig({ TRUST_PROXY: 'loopback, 10.0.0.0/8' }).trustProxy, 'loopback, 10.0.0.0/8');
  for (const TRUST_PROXY of ['true', '0.0.0.0/0', '::/0', '10.0.0.0/8, 0.0.0.0/0'])
    assert.match(configProblems({ TRUST_PROXY }), /would trust every client/, TRUST_PROXY);
  for (const TRUST_PROXY of [
    'nonsense',
    '10.0.0.0/99',
    '10.0.0.0/8/8',
    '::1/129',
    '10.0.0.0/x',
    'loopback/8',
  ]) {
    assert.match(configProblems({ TRUST_PROXY }), /TRUST_PROXY must be/, TRUST_PROXY);
  }
});

test('SESSION_SECRET is a list, and each secret must be long enough', () => {
  const [a, b] = ['one that is long enough but only just', 'another one that is long enough too'];
  assert.deepEqual(readConfig({ SESSION_SECRET: `${a}, ${b}` }).secrets, [a, b]);
  assert.match(configProblems({ SESSION_SECRET: `${a},short` }), /at least 32 characters/);
  assert.match(configProblems({ SESSION_SECRET: `${a},` }), /at least 32 characters/);
});

test('the simulator’s origin is trusted with covers and links only if it stands in for Spotify', () => {
  const { spotify } = readConfig({
    ...credentials,
    SPOTIFY_ACCOUNTS_URL: 'http://localhost:3001/',
    SPOTIFY_API_URL: 'http://localhost:3001/v1',
  });
  assert.equal(spotify?.accountsUrl, 'http://localhost:3001');
  assert.deepEqual(spotify?.otherOrigins, ['http://localhost:3001']);
});
