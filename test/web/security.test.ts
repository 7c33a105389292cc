import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { clientSecret, openGrants, pathOf, startTurntable } from '../support/turntable.ts';

test('every response has the security headers, and allows no inline code', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const path of ['/', '/now-playing', '/playlists', '/nowhere', '/app.css']) {
    const { headers } = await mara.get(path);
    assert.equal(
      headers['content-security-policy'],
      `default-src 'none';style-src 'self';font-src 'self';script-src 'self';connect-src 'self';manifest-src 'self';img-src 'self' https://*.scdn.co https://*.spotifycdn.com ${simulator.origin};frame-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'`,
    );
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['strict-transport-security'], undefined, 'on http there is no HSTS');
    assert.equal(headers['x-powered-by'], undefined);
  }
});

test('behind https there is HSTS, and everything is upgraded', async (t) => {
  const { browser } = await startTurntable(t, {
    env: { BASE_URL: 'https://music.example', TRUST_PROXY: '1' },
  });

  const { headers } = await browser().get('/').set('X-Forwarded-Proto', 'https').expect(200);

  assert.equal(headers['strict-transport-security'], 'max-age=31536000');
  assert.match(headers['content-security-policy'] ?? '', /upgrade-insecure-requests/);
});

// fault: localhost-redirected
test('a visitor at localhost is redirected to the address that Spotify knows, before any cookie is set', async (t) => {
  const { url, baseUrl, browser, keys } = await startTurntable(t);
  const host = `localhost:${new URL(url).port}`;

  for (const path of [
    '/',
    '/login?returnTo=/playlists',
    '/playlists?page=2',
    '//evil.example',
    '/callback?code=a&state=b',
  ]) {
    const answer = await browser().get(path).set('Host', host).expect(307);
    assert.equal(answer.headers.location, baseUrl + path);
    assert.equal(new URL(answer.headers.location ?? '').origin, baseUrl);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['set-cookie'], undefined);
  }
  await browser().agent.head('/now-playing').set('Host', host).redirects(0).expect(307);
  await browser().agent.post('/logout').set('Host', host).expect(421);
  await browser().agent.delete('/').set('Host', host).expect(421);
  await browser().get('/healthz').set('Host', host).expect(200);
  assert.deepEqual(await keys(), []);
});

test('a proxy on this machine that requests localhost is not redirected in a loop', async (t) => {
  const { browser } = await startTurntable(t, {
    env: { BASE_URL: 'https://music.example', TRUST_PROXY: '1' },
  });

  for (const headers of [{ 'X-Forwarded-Proto': 'https' }, {}]) {
    await browser()
      .get('/')
      .set({ Host: 'localhost:3000', ...headers })
      .expect(200);
  }
});

test('a request line with a whole URL cannot lead elsewhere', async (t) => {
  const { url, baseUrl } = await startTurntable(t);

  const answer = await raw(url, 'GET http://evil.example/x', `localhost:${new URL(url).port}`);

  assert.match(answer, /^HTTP\/1\.1 307/);
  assert.match(answer, new RegExp(`Location: ${baseUrl}/\r\n`));
});

test('the headers of a proxy that is not trusted are ignored', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const left = await browser()
    .get('/login')
    .set({ 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' })
    .expect(303);

  assert.equal(new URL(left.headers.location ?? '').searchParams.get('redirect_uri'), `${baseUrl}/callback`);
  assert.doesNotMatch(JSON.stringify(left.headers), /evil\.example/);
});

test('unsupported methods change nothing', async (t) => {
  const { browser, url } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const method of ['put', 'patch', 'delete', 'options'] as const) {
    const { status } = await mara.agent[method]('/logout').set('Sec-Fetch-Site', 'same-origin');
    assert.ok(status === 405 || (method === 'options' && status === 200), `${method} ${status}`);
  }
  await mara.get('/logout?_method=POST').expect(405);
  await mara.get('/logout').set('X-HTTP-Method-Override', 'POST').expect(405);
  assert.match(await raw(url, 'TRACE /'), /^HTTP\/1\.1 40[345]/);
  await mara.get('/now-playing').expect(200);
});

test('files outside public/ are not served', async (t) => {
  const { url } = await startTurntable(t);

  for (const path of [
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%5cpackage.json',
    '/..%00',
    '/.env',
    '/.git/config',
    '/views/home/home.ejs',
    '/src/main.ts',
  ]) {
    const answer = await raw(url, `GET ${path}`);
    assert.match(answer, /^HTTP\/1\.1 40[034]/, path);
    assert.doesNotMatch(answer, /turntable"|\n\s+at /, path);
  }
});

test('files in public/ are cacheable for a year under an address with their version', async (t) => {
  const { browser } = await startTurntable(t);
  const page = await browser().get('/').expect(200);
  const styles = /href="(\/app\.css\?v=[\w-]{10})"/.exec(page.text)?.[1] ?? '';

  assert.equal(
    (await browser().get(styles).expect(200)).headers['cache-control'],
    'public, max-age=31536000, immutable',
  );
  for (const other of ['/app.css', '/app.css?v=another', `${styles}x`]) {
    assert.equal((await browser().get(other).expect(200)).headers['cache-control'], 'no-cache', other);
  }
});

// fault: tampered-cookies
test('cookies that were tampered with are ignored', async (t) => {
  const { browser, url, keys } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const session = mara.sessionCookie() ?? '';
  const before = await keys();
  const name = `turntable-${new URL(url).port}-session`;

  for (const cookie of [
    `${session.slice(0, -3)}abc`,
    '%',
    '%E0%A4%A',
    's:',
    's:a.b',
    'x'.repeat(4000),
    '',
    session.replace('s%3A', ''),
  ]) {
    const { status } = await fetch(`${url}/now-playing`, {
      headers: { Cookie: `${name}=${cookie}`, Accept: 'text/html' },
      redirect: 'manual',
    });
    assert.equal(status, 303, cookie.slice(0, 20));
  }
  assert.equal((await fetch(url, { headers: { Cookie: `${name}=${'x'.repeat(20_000)}` } })).status, 431);
  assert.deepEqual(await keys(), before);
});

test('unusual query strings get an answer, and pollute no prototype', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const query of [
    '__proto__[x]=1',
    'constructor.prototype.x=1',
    'settings[view options][outputFunctionName]=x',
    'a[b][c]=d',
    `${'p=1&'.repeat(3000)}`,
    '%',
    '=&=&',
    'page[]=1',
  ]) {
    const { status } = await mara.get(`/playlists?${query}`);
    assert.ok([200, 404].includes(status), `${query.slice(0, 30)}: ${status}`);
  }
  assert.equal('x' in {}, false);
});

test('an address that cannot be decoded is the visitor’s mistake, not ours', async (t) => {
  const { browser, logged } = await startTurntable(t);

  assert.match((await browser().get('/%E0%A4%A').expect(404)).text, /Page not found/);
  assert.doesNotMatch(logged.join(''), /"level":50/);
});

test('an error page has links to this site only', { skip }, async (t) => {
  const redis = await startOwnRedis(t);
  const { url } = await startTurntable(t, { redisUrl: redis.url });
  await redis.stop();

  for (const target of ['//evil.example/x', '/\\evil.example', 'http://evil.example/now-playing']) {
    const answer = await raw(url, `GET ${target}`);
    assert.match(answer, /^HTTP\/1\.1 503/);
    assert.doesNotMatch(answer, /evil\.example/);
  }
});

test('a request without a path is refused, and is not logged as an error', async (t) => {
  const { url, logged } = await startTurntable(t);

  const answer = await raw(url, 'OPTIONS *');

  assert.match(answer, /^HTTP\/1\.1 400/);
  assert.doesNotMatch(logged.join(''), /"level":50/);
});

test('an error page shows the request ID that is in the log', async (t) => {
  const { browser, simulator, logged } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.fault({ on: 'api', answer: { status: 500, body: '' } });

  const page = await mara.get('/now-playing').expect(502);

  const number = /<code>([0-9a-f]{10})<\/code>/.exec(page.text)?.[1] ?? 'none';
  assert.equal(page.headers['x-request-id'], number);
  assert.ok(logged.some((line) => line.includes(number) && line.includes('Request failed')));
});

// fault: secrets-do-not-leak
test('no token, code, state, secret or session id is in any log line, page, key or header', {
  skip,
}, async (t) => {
  const sessionSecret = 'canary-session-secret-'.repeat(2);
  const own = await startOwnRedis(t);
  const turntable = await startTurntable(t, { env: { SESSION_SECRET: sessionSecret }, redisUrl: own.url });
  const { browser, simulator, clock, logged, keys, url } = turntable;
  const redis = new Redis(own.url);
  t.after(() => redis.disconnect());
  const grants = openGrants(t, turntable, sessionSecret);
  simulator.settings.rotation = 'strict';
  const secrets = new Set([clientSecret, sessionSecret, btoa(clientSecret).slice(4, -4)]);
  const seen: string[] = [];
  const mara = browser();
  const visit = async (path: string) => {
    const page = await mara.get(path);
    const { location = '', 'set-cookie': _cookies, ...headers } = page.headers;
    // The redirect to Spotify has to contain the state; nothing else may.
    const leadsHere = new URL(location, url).origin === url;
    seen.push(page.text, JSON.stringify(headers), leadsHere ? location : '');
    await learnTokens();
    if (location === '/sign-in/problem') seen.push((await mara.get(location)).text);
    return page;
  };
  const learnTokens = async () => {
    for (const key of await keys()) {
      if (!key.startsWith('grant:')) continue;
      const grant = await grants.read(key.slice('grant:{'.length, -1));
      if (grant) secrets.add(grant.accessToken).add(grant.refreshToken);
    }
  };

  const learn = (way: string) => {
    const { searchParams } = new URL(way, url);
    for (const name of ['code', 'state']) secrets.add(searchParams.get(name) ?? '');
    return way;
  };

  const left = await visit('/login?returnTo=/now-playing');
  secrets.add(new URL(left.headers.location ?? '').searchParams.get('state') ?? '');
  const way = new URL(await simulator.agree(left.headers.location ?? '', 'mara'));
  learn(way.href);
  // The first time Spotify fails, the second time the state is already used.
  simulator.fault({ on: 'token', answer: { status: 500, body: '' } });
  await visit(pathOf(way.href));
  await visit(pathOf(way.href));
  await visit(learn(await mara.agree()));
  const sessionId =
    decodeURIComponent(mara.sessionCookie() ?? '')
      .slice(2)
      .split('.')[0] ?? '';
  assert.equal(sessionId.length, 32);
  secrets.add(sessionId);

  // Every way a request can fail, so that every possible log line is written.
  for (const fault of [
    { answer: { status: 401, body: '' } },
    { answer: { status: 403, body: '' } },
    { answer: { status: 500, body: '<html>' } },
    { answer: { status: 200, body: `{"access_token":"${clientSecret}` } },
    { how: 'reset' as const },
    { how: 'truncate' as const },
  ]) {
    clock.advance({ hours: 1 });
    simulator.fault({ on: 'api', ...fault });
    await visit('/now-playing');
    clock.advance({ hours: 1 });
    simulator.fault({ on: 'token', ...fault });
    await visit('/playlists');
    const signIn = learn(await mara.agree());
    simulator.fault({ on: 'api', ...fault });
    await visit(signIn);
  }
  await visit('/playlists');
  await visit(`/nowhere/?access_token=${clientSecret}`);
  clock.advance({ hours: 1 });
  // Redis refuses a write: its client's errors contain the whole command.
  await redis.config('SET', 'maxmemory', '1');
  await visit('/now-playing');
  await visit(learn(await mara.agree()));
  await redis.config('SET', 'maxmemory', '0');
  await visit('/now-playing');
  await mara.post('/logout').expect(303);

  assert.ok(secrets.size >= 10 && !secrets.has(''), 'there are tokens of several refreshes to look for');
  const keysShown = (await keys()).filter((key) => !/^(session|grant|lock):/.test(key));
  const said = [...seen, ...logged, ...keysShown].join('\n');
  for (const secret of secrets) assert.ok(!said.includes(secret), `${secret.slice(0, 6)}… is shown`);
  assert.match(logged.join(''), /Redis: OOM/);
  assert.doesNotMatch(logged.join(''), /\\n\s+at |Bearer |Basic /);
});

/** A request with exactly this method and target to the server at `url`. */
function raw(url: string, request: string, host = new URL(url).host): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () =>
      socket.write(`${request} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.once('error', reject).once('close', () => resolve(answer));
  });
}
