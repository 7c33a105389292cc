import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../support/event-stream.ts';
import { app, startWithoutCredentials } from '../support/setup-site.ts';
import { pathOf, startTurntable } from '../support/turntable.ts';

/* What a path in BASE_URL means for files, cookies, redirects, and everything outside of it. base-path-pages.test.ts has all pages. */

const basePath = '/music';

test('every file is below the path, and a page leads to all that it needs', async (t) => {
  const { browser } = await startTurntable(t, { basePath });
  const person = browser();
  const { text } = await person.get('/music/').expect(200);
  const files = [...text.matchAll(/(?:href|src|data-worker)="([^"#]+\?v=[^"#]+)"/g)].map(
    ([, url = '']) => url,
  );
  const linkTo = (name: string) => files.find((url) => url.startsWith(`/music/${name}?`)) ?? '';
  for (const file of new Set(files)) {
    const { headers } = await person.get(file).expect(200);
    assert.match(headers['cache-control'] ?? '', /immutable/, file);
  }
  assert.ok(files.length > 5);

  const { text: style } = await person.get(linkTo('app.css')).expect(200);
  const fonts = [...style.matchAll(/url\("([^"]+)"\)/g)].map(([, url = '']) => url);
  assert.ok(fonts.length > 0);
  for (const url of fonts) {
    assert.match(url, /^\/music\//);
    await person.get(url).expect(200);
  }

  const address = linkTo('app.webmanifest');
  const { body: manifest } = await person.get(address).expect(200);
  const resolved = (url: string) => new URL(url, `http://site${address}`).pathname;
  assert.deepEqual([manifest.start_url, manifest.scope].map(resolved), ['/music/', '/music/']);
  for (const { src } of [...manifest.icons, ...manifest.screenshots])
    await person.get(resolved(src)).expect(200);
  assert.deepEqual(
    manifest.shortcuts.map(({ url }: { url: string }) => resolved(url)),
    ['/music/now-playing', '/music/playlists', '/music/search'],
  );

  // Without Service-Worker-Allowed, the scope of a worker is the folder of its script.
  assert.match(linkTo('service-worker.js'), /^\/music\/service-worker\.js\?/);
  const { text: worker } = await person.get(linkTo('service-worker.js')).expect(200);
  assert.match(worker, /const page = 'offline';/);

  const { text: robots } = await person.get('/music/robots.txt').expect(200);
  assert.match(robots, /^Disallow: \/music\/search$/m);
  assert.doesNotMatch(robots, /^Disallow: \/(?!music\/)/m);
});

// fault: outside-base-path
test('outside the path there is nothing, and the page says where the site is', async (t) => {
  const { browser, baseUrl } = await startTurntable(t, { basePath });
  const person = browser();
  for (const path of [
    '/',
    '/now-playing',
    '/playlists',
    '/login',
    '/musical',
    '/musical/now-playing',
    '/MUSIC/',
  ]) {
    const { text } = await person.get(path).expect(404);
    assert.match(text, new RegExp(`This site is at ${baseUrl}`), path);
    assert.match(text, new RegExp(`href="${baseUrl}/"`), path);
    assert.match(text, /the proxy in front strips \/music from the path.*proxy_pass.*handle_path/, path);
  }
  await person.get('/app.css').expect(404);
  await person.post('/logout').expect(404);
  const { body } = await person.getJson('/login').expect(404);
  assert.equal(body.reason, 'outside-base-path');
  const missing = await person.getJson('/music/nowhere').expect(404);
  assert.equal(missing.body.reason, 'no-such-page');
});

test('the path without its slash leads to the home page, and localhost to the same page at the address of the site', async (t) => {
  const { browser, baseUrl } = await startTurntable(t, { basePath });
  const person = browser();
  const home = await person.get('/music?notice=signed-out').expect(307);
  assert.equal(home.headers.location, '/music/?notice=signed-out');
  assert.equal(home.headers['cache-control'], 'no-store');
  await person.post('/music').expect(404);

  const { port } = new URL(baseUrl);
  const { headers } = await person
    .get('/music/playlists?page=2')
    .set('Host', `localhost:${port}`)
    .expect(307);
  assert.equal(headers.location, `${baseUrl}/playlists?page=2`);
  const { text } = await person.get('/music/playlists').set('Host', `other.example:${port}`).expect(421);
  assert.match(text, new RegExp(`href="${baseUrl}/playlists"`));
});

test('cookies are sent below the path only', async (t) => {
  const { browser } = await startTurntable(t, { basePath });
  const mara = browser();
  const started = await mara.get('/music/login').expect(303);
  const { headers } = await mara.signIn();
  const preferences = await mara.post('/music/preferences').type('form').send({ theme: 'dark' }).expect(303);
  const set = [started.headers, headers, preferences.headers].flatMap((one) => one['set-cookie'] ?? []);
  assert.ok(set.length >= 4, set.join('\n'));
  for (const cookie of set) assert.match(cookie, /; Path=\/music;/);
  await mara.get('/music/now-playing').expect(200);

  const https = await startTurntable(t, {
    env: { BASE_URL: 'https://example.org/music', TRUST_PROXY: '1' },
  });
  const login = await https
    .browser()
    .get('/music/login')
    .set({ 'X-Forwarded-Proto': 'https', Host: 'example.org' })
    .expect(303);
  // Browsers take __Host- only with the path "/".
  assert.match(String(login.headers['set-cookie']), /^__Secure-turntable-\S+; .*Path=\/music; .*Secure/);
  const { searchParams } = new URL(login.headers.location ?? '');
  assert.equal(searchParams.get('redirect_uri'), 'https://example.org/music/callback');
});

test('after a sign-in, a browser is led to pages below the path only', async (t) => {
  const { browser } = await startTurntable(t, { basePath });
  for (const [returnTo, to] of [
    ['/music/playlists?page=2', '/music/playlists?page=2'],
    ['/music/../music/library', '/music/library'],
    ['/playlists', '/music/'],
    ['/', '/music/'],
    ['/music', '/music/'],
    ['/musical/page', '/music/'],
    ['/music/../other', '/music/'],
    ['/music/%2e%2e/other', '/music/'],
    ['/music/..\\other', '/music/'],
    ['/music/callback', '/music/'],
    ['/music/login?returnTo=/music/', '/music/'],
    ['//evil.example/music/', '/music/'],
  ] as const) {
    const { headers } = await browser().signIn('mara', `?returnTo=${encodeURIComponent(returnTo)}`);
    assert.equal(headers.location, to, returnTo);
  }
});

test('forms of this site are accepted by their origin, and those of other sites are not', async (t) => {
  const { browser, baseUrl } = await startTurntable(t, { basePath });
  const post = (origin: string) => browser().agent.post('/music/logout').set('Origin', origin).redirects(0);
  await post(new URL(baseUrl).origin).expect(303).expect('Location', '/music/?notice=signed-out');
  await post('http://127.0.0.1:1').expect(403);
});

test('an action can be undone, and live updates arrive, below the path', async (t) => {
  const { browser, url, simulator } = await startTurntable(t, { basePath });
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = browser();
  await mara.signIn('mara', '?allow=user-library-modify');
  const stream = await openStream(t, `${url}/music`, mara);
  const { data } = await stream.waitFor(({ event }) => event === 'card');
  assert.match(String(data.html), /href="\/music\//);
  assert.doesNotMatch(String(data.html), /(href|action)="\/(?!music\/)/);

  const { body: library } = await mara.getJson('/music/library').expect(200);
  const { uri } = library.tracks.find(({ item }: { item: { uri: string } | null }) => item?.uri).item;
  const removed = await mara
    .post('/music/library/remove')
    .type('form')
    .send({ uri, returnTo: '/music/library' })
    .expect(303);
  const { text } = await mara.get(removed.headers.location ?? '').expect(200);
  const [, undo = ''] = /action="(\/music\/undo\/library\/[\w-]+)"/.exec(text) ?? [];
  const undone = await mara.post(undo).type('form').send({ returnTo: '/music/library' }).expect(303);
  assert.match(undone.headers.location ?? '', /^\/music\/library\?notice=/);
  const elsewhere = `/music/library?notice=track-removed&undo=${encodeURIComponent(undo.replace('/music', ''))}`;
  assert.doesNotMatch((await mara.get(elsewhere).expect(200)).text, /\/undo\//);
});

test('a failed sign-in is shown away from its callback, below the path', async (t) => {
  const { browser } = await startTurntable(t, { basePath });
  const person = browser();
  const { text } = await person.failSignIn('/music/callback?error=access_denied&state=unknown', 400);
  assert.match(text, /<a class="button"[^>]* href="\/music\/login/);
});

test('health checks and metrics answer with and without the path, and logs have routes without it', async (t) => {
  const token = 'uN0SqCWZyR1H8dN2m5Q7eJ4kL6pT9vXa';
  const { browser, logged } = await startTurntable(t, { basePath, env: { METRICS_TOKEN: token } });
  const person = browser();
  for (const at of ['', '/music']) {
    assert.match((await person.get(`${at}/healthz`).expect(200)).text, /^alive /);
    assert.equal((await person.get(`${at}/readyz`).expect(200)).text, 'ready\n');
    await person.get(`${at}/metrics`).expect(401);
  }
  await person.get('/music/albums/unknown').expect(404);
  const { text } = await person.get('/music/metrics').auth(token, { type: 'bearer' }).expect(200);
  assert.match(text, /route="\/albums\/:id"/);
  assert.doesNotMatch(text, /music\//);
  const routes = logged.map((line) => JSON.parse(line)).flatMap(({ route }) => route ?? []);
  assert.ok(routes.includes('/healthz') && routes.includes('/albums/:id'), String(routes));
  assert.ok(!routes.some((route) => route.includes('/music')), String(routes));
});

test('the path may have characters that mean something in patterns', async (t) => {
  const { browser } = await startTurntable(t, { basePath: '/a.b-c_~/d' });
  const mara = browser();
  const { headers } = await mara.signIn();
  assert.equal(headers.location, '/a.b-c_~/d/');
  await mara.get('/a.b-c_~/d/now-playing').expect(200);
  await mara.get('/axb-c_~/d/now-playing').expect(404);
  const { location = '' } = (await mara.get('/a.b-c_~/d/').expect(303)).headers;
  assert.equal(pathOf(`http://site${location}`), '/a.b-c_~/d/now-playing');
});

test('the setup page takes credentials below the path, and its check knows the address', async (t) => {
  const setup = await startWithoutCredentials(t, { basePath });
  const person = setup.browser();
  await person.get('/').expect(404);
  const elsewhere = await person.get('/music/playlists').expect(307);
  assert.equal(elsewhere.headers.location, '/music/');
  const { text } = await person.get('/music/').expect(200);
  assert.match(text, /method="post" action="\/music\/setup#connect"/);
  assert.match(text, /value="http:\/\/127\.0\.0\.1:\d+\/music\/callback"/);

  const fields = { ...app, code: setup.code };
  const { headers } = await person.post('/music/setup').type('form').send(fields).expect(303);
  assert.equal(headers.location, '/music/?notice=app-connected');
  assert.equal((await person.signIn()).headers.location, '/music/');
  const first = await person.get('/music/setup/check').expect(303);
  const { text: results } = await person.get(first.headers.location ?? '').expect(200);
  assert.match(results, /OK<\/span> <strong>Address in your browser<\/strong>: http:\S+\/music, and Spotify/);
  assert.match(results, /OK<\/span> <strong>Cookies<\/strong>/);
});
