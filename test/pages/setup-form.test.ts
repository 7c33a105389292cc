import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { app, startWithoutCredentials } from '../support/setup-site.ts';
import { countApiCalls, countTokenRequests, holdResponse, startTurntable } from '../support/turntable.ts';

const form = /<form [^>]*method="post" action="\/setup#connect">/;
const written = `SPOTIFY_CLIENT_ID=${app.clientId}\nSPOTIFY_CLIENT_SECRET=${app.clientSecret}\n`;

type Setup = Awaited<ReturnType<typeof startWithoutCredentials>>;

/** Sends the form of the setup page as a browser does, by default filled in correctly. */
function connect({ browser, code }: Setup, fields: Record<string, string> = {}) {
  return browser()
    .post('/setup')
    .type('form')
    .send({ ...app, code, ...fields });
}

function assertUntouched({ envFile, simulator }: Setup, what = 'nothing was tried or saved'): void {
  assert.equal(existsSync(envFile), false, what);
  assert.equal(countTokenRequests(simulator, 'client_credentials'), 0, what);
}

test('the form tries the credentials, saves them, and leads to the sign-in without a restart', async (t) => {
  const setup = await startWithoutCredentials(t);
  const person = setup.browser();
  assert.match((await person.get('/').expect(200)).text, form);

  const { headers } = await connect(setup).expect(303);

  assert.equal(headers.location, '/?notice=app-connected');
  assert.equal(readFileSync(setup.envFile, 'utf8'), written);
  assert.equal(statSync(setup.envFile).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(setup.folder), ['.env']);
  assert.equal(countTokenRequests(setup.simulator, 'client_credentials'), 1);
  assert.equal(countApiCalls(setup.simulator, '/v1/search'), 0, 'costs no call');
  const landing = await person.get(String(headers.location)).expect(200);
  assert.match(landing.text, /Your Spotify app is connected\. Now you can sign in\./);
  assert.match(landing.text, /Sign in with Spotify/);
  await person.signIn();
  await person.get('/playlists').expect(200);
});

test('once there are credentials, the setup page has no form, and takes none', async (t) => {
  const setup = await startWithoutCredentials(t);
  await connect(setup).expect(303);
  const { text } = await setup.browser().get('/setup').expect(200);
  assert.doesNotMatch(text, form);
  await connect(setup).expect(405);

  const { browser } = await startTurntable(t);
  assert.doesNotMatch((await browser().get('/setup').expect(200)).text, form);
  await browser().post('/setup').type('form').send(app).expect(405);
});

test('neither the pages nor the log contain what was entered, or the code', async (t) => {
  const setup = await startWithoutCredentials(t);
  const { code, logged } = setup;
  setup.simulator.fault({ on: 'token', answer: { status: 500 } });
  const pages = [
    await connect(setup),
    await connect(setup, { clientSecret: `${app.clientSecret}0` }),
    await connect(setup, { clientId: app.clientSecret }),
    await connect(setup),
    await setup.browser().get('/'),
    await setup.browser().get('/setup'),
  ];

  assert.deepEqual(
    pages.map(({ status }) => status),
    [502, 422, 422, 303, 200, 200],
  );
  const shown = pages.map(({ text, headers }) => text + JSON.stringify(headers)).join() + logged.join('');
  for (const secret of [app.clientId, app.clientSecret, code, code.replace('-', '')])
    assert.doesNotMatch(shown, new RegExp(secret));
});

// fault: setup-form-forbidden
test('there is no form in production, with a credential, without loopback http, behind a proxy, or if the environment wins', async (t) => {
  const cases: [string, NonNullable<Parameters<typeof startWithoutCredentials>[1]>, string?][] = [
    ['in production', { settings: { isProduction: true } }],
    ['with one credential', { settings: { missing: ['SPOTIFY_CLIENT_SECRET'] } }],
    ['with https', { settings: { baseUrl: 'https://127.0.0.1' } }],
    ['at another address', { settings: { baseUrl: 'http://music.example' } }],
    ['with TRUST_PROXY', { settings: { trustProxy: 'loopback' } }],
    ['with an empty variable', { setByEnvironment: ['SPOTIFY_CLIENT_ID'] }],
  ];
  for (const [what, options] of cases) {
    const setup = await startWithoutCredentials(t, options);
    assert.equal(setup.code, '', what);
    const { text } = await setup.browser().get('/').expect(200);
    assert.doesNotMatch(text, form, what);
    assert.match(text, /value="SPOTIFY_CLIENT_SECRET="/, `${what}: the lines to copy`);
    await connect(setup).expect(405);
    assertUntouched(setup, what);
  }
});

// fault: setup-form-elsewhere
test('the form is only for requests that come directly from this machine, to the address in BASE_URL', async (t) => {
  const headers: Record<string, string>[] = [
    { Forwarded: 'for=192.0.2.1' },
    { Via: '1.1 proxy' },
    { 'X-Forwarded-For': '127.0.0.1' },
    { 'X-Forwarded-Proto': 'http' },
    { 'X-Forwarded-Host': '127.0.0.1' },
    { 'X-Forwarded-Prefix': '' },
  ];
  const setup = await startWithoutCredentials(t);
  for (const one of headers) {
    const what = JSON.stringify(one);
    assert.doesNotMatch((await setup.browser().get('/').set(one).expect(200)).text, form, what);
    const { text } = await connect(setup).set(one).expect(403);
    assert.match(text, /only works on the machine itself/, what);
    assertUntouched(setup, what);
  }

  for (const peer of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::7', '128.0.0.1', '']) {
    const far = await startWithoutCredentials(t, { peer });
    assert.doesNotMatch((await far.browser().get('/').expect(200)).text, form, peer);
    await connect(far).expect(403);
    assertUntouched(far, peer);
  }
  for (const peer of ['127.0.0.9', '::1', '::ffff:127.0.0.1']) {
    const near = await startWithoutCredentials(t, { peer });
    assert.match((await near.browser().get('/').expect(200)).text, form, peer);
  }
});

// fault: setup-form-rebinding
test('a name of another site that leads to this machine doesn’t reach the form', async (t) => {
  const setup = await startWithoutCredentials(t);
  const { port } = new URL(setup.url);
  for (const host of [`evil.example:${port}`, `localhost:${port}`, '127.0.0.1', `127.0.0.2:${port}`]) {
    const { status } = await connect(setup).set('Host', host);
    assert.equal(status, 421, host);
    assertUntouched(setup, host);
  }
  // The same address, written differently: no browser sends it like this.
  await connect(setup).set('Host', `127.1:${port}`).expect(403);
  assertUntouched(setup);
});

// fault: setup-form-from-another-site
test('only a page of this site can send the form', async (t) => {
  const setup = await startWithoutCredentials(t);
  for (const site of ['cross-site', 'same-site', 'none']) {
    await connect(setup).set('Sec-Fetch-Site', site).expect(403);
    assertUntouched(setup, site);
  }
  const { port } = new URL(setup.url);
  for (const origin of ['null', 'http://evil.example', `http://localhost:${port}`, undefined]) {
    const request = setup.browser().agent.post('/setup').type('form').accept('html').redirects(0);
    if (origin) request.set('Origin', origin);
    await request.send({ ...app, code: setup.code }).expect(403);
    assertUntouched(setup, origin);
  }
});

// fault: setup-code-guessed
test('after ten wrong codes, not even the right one is accepted', async (t) => {
  const setup = await startWithoutCredentials(t);
  assert.match(setup.code, /^[A-Z2-9]{4}-[A-Z2-9]{4}$/);
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    const { text } = await connect(setup, { code: `AAAA-AAA${attempt % 9}` }).expect(403);
    assert.match(text, /That isn’t the code/);
    assert.match(text, form);
  }
  const { text } = await connect(setup).expect(403);
  assert.match(text, /Too many wrong codes\.<\/strong> Restart Turntable to get a new code/);
  assertUntouched(setup);
});

test('a code is accepted in lower case, with spaces and without its hyphen; none is not', async (t) => {
  const setup = await startWithoutCredentials(t);
  await connect(setup, { code: '' }).expect(403);
  await connect(setup, { code: ` ${setup.code.toLowerCase().replace('-', ' ')} ` }).expect(303);
});

// fault: setup-form-malformed
test('anything but 32 hexadecimal digits is refused before Spotify is asked', async (t) => {
  const setup = await startWithoutCredentials(t);
  const { clientId } = app;
  const wrong = ['', clientId.slice(1), `${clientId}0`, clientId.toUpperCase(), `${clientId}\nPORT=1`, 'x'];
  for (const value of wrong)
    for (const name of ['clientId', 'clientSecret']) {
      const { text } = await connect(setup, { [name]: value }).expect(422);
      assert.match(text, /have 32 characters each/);
      assertUntouched(setup, value);
    }
  await connect(setup, { clientId: ` ${clientId}\n` }).expect(303);
});

// fault: setup-credentials-rejected
test('credentials that Spotify rejects, and an unknown redirect URI, are not saved', async (t) => {
  const setup = await startWithoutCredentials(t, { isRedirectUriUnknown: true });
  const { simulator, envFile, redirectUri } = setup;
  const swapped = { clientId: app.clientSecret, clientSecret: app.clientId };
  assert.match((await connect(setup, swapped).expect(422)).text, /Spotify rejects this client ID and secret/);
  simulator.fault({ on: 'token', answer: { status: 429 } });
  assert.match((await connect(setup).expect(503)).text, /Spotify is limiting requests/);
  simulator.fault({ on: 'token', how: 'reset' });
  assert.match((await connect(setup).expect(502)).text, /Spotify didn’t respond/);
  assert.match((await connect(setup).expect(422)).text, /Spotify doesn’t know the redirect URI yet/);
  assert.equal(existsSync(envFile), false);

  simulator.registerRedirectUri(redirectUri);
  await connect(setup).expect(303);
});

// fault: setup-form-pressed-twice
test('pressing the button twice connects once, and both lead to the sign-in', async (t) => {
  const setup = await startWithoutCredentials(t);
  const held = holdResponse(setup.simulator, 'token');
  const first = connect(setup).then(({ status }) => status);
  await held.reached;
  const arrived = setup.nextRequest();
  const second = connect(setup).then(({ status }) => status);
  await arrived;
  held.release();
  assert.deepEqual(await Promise.all([first, second]), [303, 303]);
  assert.equal(countTokenRequests(setup.simulator, 'client_credentials'), 1);
});

// fault: env-file-with-content
test('everything else in .env stays as it is, and an empty variable is filled in', async (t) => {
  const setup = await startWithoutCredentials(t);
  const lines = (id: string, secret: string) =>
    [
      '\uFEFF# Turntable',
      'PORT=3000 # its port',
      `export SPOTIFY_CLIENT_ID=${id}# from the dashboard`,
      '#SPOTIFY_CLIENT_SECRET=old',
      'SESSION_SECRET="a # in quotes and SPOTIFY_CLIENT_ID="',
      `SPOTIFY_CLIENT_SECRET=${secret}`,
      'LOG_LEVEL=info',
    ].join('\r\n');
  writeFileSync(setup.envFile, lines('  ', '""'), { mode: 0o644 });

  await connect(setup).expect(303);

  assert.equal(readFileSync(setup.envFile, 'utf8'), lines(`${app.clientId} `, app.clientSecret));
  assert.equal(statSync(setup.envFile).mode & 0o777, 0o600);
});

test('variables that are missing in .env are added at its end', async (t) => {
  const setup = await startWithoutCredentials(t);
  writeFileSync(setup.envFile, 'PORT=3000');
  await connect(setup).expect(303);
  assert.equal(readFileSync(setup.envFile, 'utf8'), `PORT=3000\n${written}`);
});

// fault: env-file-not-writable
test('if .env can’t be written, it stays as it is, and the page shows what to copy', async (t) => {
  const cases: [string, (setup: Setup) => void, RegExp][] = [
    [
      'a link',
      ({ folder, envFile }) => {
        writeFileSync(join(folder, 'target'), 'PORT=3000\n');
        symlinkSync('target', envFile);
      },
      /\.env is a symbolic link\./,
    ],
    ['a dangling link', ({ envFile }) => symlinkSync('nowhere', envFile), /\.env is a symbolic link\./],
    ['a folder', ({ envFile }) => mkdirSync(envFile), /\.env isn’t a file\./],
    ['not text', ({ envFile }) => writeFileSync(envFile, Buffer.from([0xff, 0xfe, 0x41])), /can’t be read/],
    [
      'a value that was set since the start',
      ({ envFile }) => writeFileSync(envFile, 'SPOTIFY_CLIENT_SECRET=mine\n'),
      /\.env sets SPOTIFY_CLIENT_SECRET already\./,
    ],
    [
      'a value of several lines, one of which looks like the variable',
      ({ envFile }) => writeFileSync(envFile, 'NOTE="\nSPOTIFY_CLIENT_ID=\n"\n'),
      /\.env has lines that can’t be edited safely\./,
    ],
  ];
  for (const [what, prepare, why] of cases) {
    const setup = await startWithoutCredentials(t);
    prepare(setup);
    const before = contentOf(setup.folder);

    const { text } = await connect(setup).expect(409);

    assert.match(text, why, what);
    assert.doesNotMatch(text, /mine|0123456789abcdef/);
    for (const line of ['SPOTIFY_CLIENT_ID=', 'SPOTIFY_CLIENT_SECRET='])
      assert.match(text, new RegExp(`value="${line}"`), what);
    assert.deepEqual(contentOf(setup.folder), before, what);
    await setup.browser().get('/login').expect(307).expect('Location', '/');
  }
});

/** The names in a folder, and what is behind them. */
function contentOf(folder: string): string[] {
  return readdirSync(folder).map((name) => {
    const path = join(folder, name);
    const stats = lstatSync(path);
    const content = stats.isFile()
      ? readFileSync(path, 'latin1')
      : stats.isSymbolicLink() && readlinkSync(path);
    return `${name} ${stats.mode} ${content}`;
  });
}

test('without a Redis, the credentials are saved, and the page says what is missing', async (t) => {
  const setup = await startWithoutCredentials(t, { noRedis: 'Install redis-server.' });
  const { text } = await connect(setup).expect(503);
  assert.match(
    text,
    /Both values are saved in \.env\. Install redis-server\. Then restart Turntable, or enter all three again\./,
  );
  assert.equal(readFileSync(setup.envFile, 'utf8'), written);
});

// fault: setup-form-again
test('once there is a Redis, the same values are accepted again, and others are not', async (t) => {
  const options = { noRedis: 'Install redis-server.' };
  const setup = await startWithoutCredentials(t, options);
  await connect(setup).expect(503);
  await connect(setup).expect(503);
  options.noRedis = '';
  const other = await connect(setup, { clientId: app.clientSecret, clientSecret: app.clientId });
  assert.equal(other.status, 422, 'Spotify rejects them');
  assert.equal(readFileSync(setup.envFile, 'utf8'), written);

  await connect(setup).expect(303);
  assert.equal(readFileSync(setup.envFile, 'utf8'), written, 'nothing is written twice');
  await setup.browser().signIn();
});

test('programs get problem details', async (t) => {
  const setup = await startWithoutCredentials(t);
  const send = (fields: object) =>
    setup
      .browser()
      .post('/setup')
      .accept('json')
      .send(fields)
      .expect('Content-Type', /problem\+json/);
  assert.equal((await send({}).expect(403)).body.reason, 'wrong-code');
  assert.equal((await send({ code: setup.code }).expect(422)).body.reason, 'malformed-credentials');
  assert.equal((await send({ code: [setup.code] }).expect(403)).body.reason, 'wrong-code');
});
