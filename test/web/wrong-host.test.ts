import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTurntable } from '../support/turntable.ts';

const https = { BASE_URL: 'https://music.example', TRUST_PROXY: '1' };

// fault: wrong-address
test('at any other address every page says where this site is and what to set, before any cookie', async (t) => {
  const { browser, url, baseUrl, keys, simulator } = await startTurntable(t);
  const { port } = new URL(url);
  const mara = browser();
  await mara.signIn();
  const before = await keys();
  simulator.forgetCalls();

  for (const host of [
    `192.168.1.5:${port}`,
    '127.0.0.1:1',
    `[::1]:${port}`,
    '127.0.0.1',
    'abc.tunnel.example',
    `turntable.local:${port}`,
    'localhost.example',
    '"><script>alert(1)</script>',
    '',
  ])
    for (const path of [
      '/',
      '/now-playing',
      '/wall',
      '/login',
      '/search?q=a',
      '/setup/check',
      '/privacy',
      '/nowhere',
    ]) {
      const page = await mara.get(path).set('Host', host).expect(421);
      assert.match(page.text, new RegExp(`<h1>This site is at ${baseUrl}</h1>`));
      assert.match(page.text, /set BASE_URL to its address/);
      assert.doesNotMatch(page.text, /<script>|role="search"/);
      assert.equal(page.headers['set-cookie'], undefined);
      assert.equal(page.headers['cache-control'], 'no-store');
    }
  const page = await mara.get('/playlists?page=2').set('Host', `192.168.1.5:${port}`).expect(421);
  assert.match(page.text, new RegExp(`You opened 192\\.168\\.1\\.5:${port}\\.`));
  assert.match(page.text, new RegExp(`href="${baseUrl}/playlists\\?page=2">Open ${baseUrl}<`));
  const { body } = await mara.getJson('/now-playing').set('Host', 'abc.tunnel.example').expect(421);
  assert.equal(body.reason, 'wrong-host');
  await mara.post('/logout').set('Host', 'abc.tunnel.example').expect(421);
  assert.deepEqual(await keys(), before);
  assert.deepEqual(simulator.calls, []);
});

test('static files and health checks work under any address', async (t) => {
  const { browser } = await startTurntable(t);
  const page = await browser().get('/').set('Host', '10.0.0.7:3000').expect(421);

  const files = [...page.text.matchAll(/(?:href|src)="(\/[^"]+\?v=[^"]+)"/g)].map(([, file = '']) => file);
  assert.ok(files.some((file) => file.startsWith('/app.css')));
  for (const path of [...files, '/healthz', '/readyz'])
    await browser().get(path).set('Host', '10.0.0.7:3000').expect(200);
});

test('a callback from Spotify to another address shows no page with a code in its address', async (t) => {
  const { browser } = await startTurntable(t);
  const back = await browser().get('/callback?code=a&state=b').set('Host', '10.0.0.7:3000').expect(303);
  assert.equal(back.headers.location, '/sign-in/problem');
  await browser().get('/sign-in/problem').set('Host', '10.0.0.7:3000').expect(421);
});

// fault: wrong-address-behind-proxy
test('behind a proxy the address that the browser used counts, in Host or, from a trusted proxy, in X-Forwarded-Host', async (t) => {
  const { browser } = await startTurntable(t, { env: https });
  const overHttps = { 'X-Forwarded-Proto': 'https' };
  const good: Record<string, string>[] = [
    { Host: 'music.example' },
    { Host: 'MUSIC.example:443' },
    { Host: 'app:3000', 'X-Forwarded-Host': 'music.example' },
    // Caddy and tailscale serve.
    { Host: 'music.example', 'X-Forwarded-Host': 'music.example', 'X-Forwarded-For': '192.0.2.9' },
    { Host: 'app:3000', 'X-Forwarded-Host': 'music.example, inner.example' },
    // nginx, unless it is configured to forward the browser's address.
    { Host: '127.0.0.1:3000' },
    { Host: 'localhost:3000' },
    { Host: '[::1]:3000' },
  ];
  const wrong: Record<string, string>[] = [
    { Host: 'app:3000' },
    { Host: '192.168.1.5:3000' },
    { Host: 'music.example:8443' },
    { Host: 'music.example', 'X-Forwarded-Host': 'other.example' },
    { Host: '127.0.0.1:3000', 'X-Forwarded-Host': '192.168.1.5' },
  ];

  for (const headers of good)
    await browser()
      .get('/')
      .set({ ...overHttps, ...headers })
      .expect(200);
  for (const headers of wrong) {
    const page = await browser()
      .get('/')
      .set({ ...overHttps, ...headers })
      .expect(421);
    assert.match(page.text, /<h1>This site is at https:\/\/music\.example<\/h1>/);
    assert.match(page.text, /proxy_set_header Host \$host/);
  }
});

test('forwarded headers of an untrusted proxy do not count', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const { host } = new URL(baseUrl);
  const page = await browser()
    .get('/')
    .set({ Host: 'abc.tunnel.example', 'X-Forwarded-Host': host })
    .expect(421);
  assert.match(page.text, /You opened abc\.tunnel\.example\./);
  await browser().get('/').set('X-Forwarded-Host', 'abc.tunnel.example').expect(200);
});
