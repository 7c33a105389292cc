import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { checkRunningSite, parseSiteUrl } from '../../src/checks/running-site.ts';
import { startTurntable } from '../support/turntable.ts';

type Answer = { status: number; headers: OutgoingHttpHeaders; text: string };
type Change = (path: string, answer: Answer) => Partial<Answer> | 'silence' | null;

/** A proxy in front of Turntable that changes its answers, and what the doctor says about it, by the name of the check. */
async function siteBehind(t: TestContext, change: Change, { basePath = '', stripsPath = false } = {}) {
  const seen: { path: string; headers: IncomingHttpHeaders }[] = [];
  let target = '';
  const proxy = createServer(async (req, res) => {
    const path = (req.url ?? '').slice(stripsPath ? basePath.length : 0);
    seen.push({ path, headers: req.headers });
    const response = await fetch(target + path, {
      redirect: 'manual',
      headers: { Accept: req.headers.accept ?? '', 'X-Forwarded-Host': req.headers.host ?? '' },
    });
    const headers: OutgoingHttpHeaders = Object.fromEntries(response.headers);
    headers['set-cookie'] = response.headers.getSetCookie();
    const answer = { status: response.status, headers, text: await response.text() };
    delete headers['content-length'];
    delete headers['content-encoding'];
    const changed = change(path, answer);
    if (changed === 'silence') return;
    const { status, headers: sent, text } = { ...answer, ...changed };
    res.writeHead(status, sent).end(text);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const baseUrl = origin + basePath;
  const { url, simulator } = await startTurntable(t, { env: { BASE_URL: baseUrl, TRUST_PROXY: '1' } });
  target = url;
  return {
    origin,
    seen,
    simulator,
    async ask(timeoutMs?: number) {
      const results = await checkRunningSite(baseUrl, timeoutMs);
      return Object.fromEntries(
        results.map(({ name, status, detail, fix }) => [
          name,
          `${status} ${detail}${fix ? ` -> ${fix}` : ''}`,
        ]),
      );
    },
  };
}

test('for a healthy site, the doctor says what it checked and what it couldn’t, with four requests', async (t) => {
  const { ask, seen, origin, simulator } = await siteBehind(t, () => null);

  const found = await ask();

  assert.deepEqual(Object.keys(found), [
    'Site',
    'Version',
    'HTTPS',
    'Readiness',
    'Sign-in',
    'Cookies',
    'Security headers',
    'Live updates',
  ]);
  for (const name of ['Site', 'Version', 'HTTPS', 'Readiness', 'Cookies', 'Security headers'])
    assert.match(found[name] ?? '', /^ok /, name);
  assert.equal(
    found['Sign-in'],
    `note leads back to ${origin}/callback, but to ${simulator.origin} in place of Spotify`,
  );
  assert.match(found['Live updates'] ?? '', /^note not checked, because only someone who is signed in/);
  assert.deepEqual(seen.map(({ path }) => path).sort(), ['/healthz', '/login', '/privacy', '/readyz']);
  assert.deepEqual(simulator.calls, [], 'and Spotify isn’t asked');
});

const faults: [string, Change, Record<string, RegExp>][] = [
  [
    'that is no Turntable',
    (path) => (path === '/healthz' ? { text: '<h1>Welcome to nginx!</h1>' } : null),
    { Site: /^failed what answers at \S+ isn’t Turntable \(status 200\) -> / },
  ],
  [
    'of another version',
    (path) => (path === '/healthz' ? { text: 'alive 0.1.0\n' } : null),
    { Version: /^note it is 0\.1\.0; this doctor is of \d/ },
  ],
  [
    'of a version that doesn’t say so yet',
    (path) => (path === '/healthz' ? { text: 'alive\n' } : null),
    { Site: /^ok /, Version: /^note it doesn’t say which/ },
  ],
  [
    'that isn’t ready, with control characters in the reason',
    (path) =>
      path === '/readyz' ? { status: 503, text: 'not ready: Redis \u001b[2Jdoes not answer\n' } : null,
    {
      Readiness:
        /^failed it can’t serve pages now \(status 503\): Redis \[2Jdoes not answer -> Run npm run doctor/,
    },
  ],
  [
    'whose sign-in leads back to another address',
    (path, { headers }) => {
      const location = new URL(String(headers.location ?? 'http://x'));
      location.searchParams.set('redirect_uri', 'http://127.0.0.1:3000/callback');
      return path === '/login' ? { headers: { ...headers, location: location.href } } : null;
    },
    {
      'Sign-in':
        /^failed Spotify would lead back to http:\/\/127\.0\.0\.1:3000\/callback, not to \S+ -> Set BASE_URL=/,
    },
  ],
  [
    'at another BASE_URL',
    (path) =>
      path === '/login' ? { status: 421, headers: {}, text: '{"status":421,"reason":"wrong-host"}' } : null,
    { 'Sign-in': /^failed the site has another BASE_URL -> / },
  ],
  [
    'whose sign-in fails',
    (path) => (path === '/login' ? { status: 404, headers: {}, text: 'not here' } : null),
    { 'Sign-in': /^failed it doesn’t lead to Spotify \(status 404\) -> / },
  ],
  [
    'whose cookies lose an attribute',
    (path, { headers }) => {
      const cookies = [headers['set-cookie'] ?? []]
        .flat()
        .map((one) => String(one).replace('; HttpOnly', ''));
      return path === '/login' ? { headers: { ...headers, 'set-cookie': cookies } } : null;
    },
    { Cookies: /^failed the cookie of the sign-in lacks HttpOnly -> / },
  ],
  [
    'whose cookies are lost',
    (path, { headers }) => (path === '/login' ? { headers: { ...headers, 'set-cookie': [] } } : null),
    { Cookies: /^failed the sign-in sets none -> / },
  ],
  [
    'whose headers are lost or weakened',
    (path, { headers }) => {
      const csp = `${headers['content-security-policy']};script-src 'unsafe-inline'`;
      const sent: OutgoingHttpHeaders = { ...headers, 'content-security-policy': csp };
      delete sent['x-frame-options'];
      return path === '/privacy' ? { headers: sent } : null;
    },
    {
      'Security headers': /^failed missing or changed: Content-Security-Policy, X-Frame-Options -> /,
    },
  ],
  [
    'that answers no page',
    (path) => (path === '/healthz' ? null : 'silence'),
    {
      Site: /^ok /,
      Readiness: /^failed no answer/,
      'Sign-in': /^failed no answer/,
      'Security headers': /^failed no answer/,
    },
  ],
  [
    'that answers nothing',
    () => 'silence',
    { Site: /^failed \S+ can’t be reached \(no answer within 0\.4 seconds\) -> / },
  ],
];

for (const [what, change, expected] of faults) {
  test(`the doctor recognizes a site ${what}`, async (t) => {
    const { ask } = await siteBehind(t, change);

    const found = await ask(what.includes('answers no') ? 400 : undefined);

    for (const [name, words] of Object.entries(expected)) assert.match(found[name] ?? '', words);
  });
}

test('the doctor stays at the address that it was given', async (t) => {
  const elsewhere = await siteBehind(t, () => null);
  const { ask } = await siteBehind(t, () => ({
    status: 302,
    headers: { location: `${elsewhere.origin}/healthz` },
    text: '',
  }));

  assert.match((await ask()).Site ?? '', /^failed what answers at \S+ isn’t Turntable \(status 302\)/);
  assert.deepEqual(elsewhere.seen, []);
});

test('an address that can’t be a site’s is refused', () => {
  assert.equal(parseSiteUrl('https://music.example.org'), 'https://music.example.org');
  assert.equal(parseSiteUrl('http://127.0.0.1:3000/'), 'http://127.0.0.1:3000');
  assert.equal(parseSiteUrl('https://example.org/music'), 'https://example.org/music');
  assert.equal(parseSiteUrl('https://example.org/music/'), 'https://example.org/music');
  for (const text of [
    '',
    'music.example.org',
    'ftp://music.example.org',
    'https://example.org/music//',
    'https://example.org/music#top',
    'https://user:password@music.example.org',
    'https://music.example.org/?query',
  ])
    assert.equal(parseSiteUrl(text), null, text);
});

test('a site below a path is checked there, with the cookies that it should have', async (t) => {
  const { ask, origin, seen } = await siteBehind(t, () => null, { basePath: '/music' });

  const found = await ask();

  assert.equal(found.Site, `ok Turntable answers at ${origin}/music`);
  assert.match(found['Sign-in'] ?? '', new RegExp(`leads back to ${origin}/music/callback`));
  assert.equal(found.Cookies, 'ok HttpOnly, SameSite=Lax, Path=/music, as they should be');
  for (const { path } of seen) assert.match(path, /^\/music\//);
});

// fault: proxy-strips-path
test('a proxy that strips the path from the address is named, with what to set', async (t) => {
  const { ask } = await siteBehind(t, () => null, { basePath: '/music', stripsPath: true });

  const found = await ask();

  assert.match(found.Site ?? '', /^ok /);
  assert.match(
    found['Sign-in'] ?? '',
    /^failed the proxy strips the path of BASE_URL from the address -> .*proxy_pass.*handle_path/,
  );
});
