import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

type Manifest = { start_url: string; scope: string; icons: { src: string; sizes: string; type: string }[] };

test('the site can be installed as an app: the manifest has icons of the sizes it declares', async (t) => {
  const { browser } = await startTurntable(t);
  const { text } = await browser().get('/').expect(200);
  const [, address = ''] =
    /<link rel="manifest" crossorigin="use-credentials" href="([^"]+)">/.exec(text) ?? [];
  const answer = await browser().get(address).expect(200);
  assert.match(answer.headers['content-type'] ?? '', /^application\/manifest\+json/);
  assert.match(answer.headers['cache-control'] ?? '', /immutable/);
  const manifest = answer.body as Manifest;
  // Relative to the manifest, as browsers read them.
  const resolved = (path: string) => new URL(path, `http://site${address}`).pathname;
  assert.deepEqual([manifest.start_url, manifest.scope].map(resolved), ['/', '/']);

  const linked = [...text.matchAll(/<link rel="(?:icon|apple-touch-icon)" href="([^"]+)"/g)].map(
    ([, one = '']) => one,
  );
  assert.equal(linked.length, 3);
  for (const src of [...linked, ...manifest.icons.map((icon) => resolved(icon.src))])
    await browser().get(src).expect(200);
  for (const { src, sizes, type } of manifest.icons) {
    if (type === 'image/png') assert.equal(sizeOf(src), sizes, src);
  }
  // Requested without a link, by browsers for a page of JSON and by other programs.
  await browser().get('/favicon.ico').expect(200).expect('Content-Type', /icon/);
  assert.deepEqual([sizeOf('icon-32.png'), sizeOf('icon-180.png')], ['32x32', '180x180']);
});

test('a shared link to the landing page has a preview, which uses addresses of this site only', async (t) => {
  const { browser } = await startTurntable(t, {
    env: { BASE_URL: 'https://music.example', TRUST_PROXY: '1' },
  });
  const { text } = await browser()
    .get('/')
    .set({ 'X-Forwarded-Proto': 'https', Host: '127.0.0.1:3000' })
    .expect(200);
  const shown = new Map(
    [...text.matchAll(/<meta (?:property|name)="([^"]+)" content="([^"]*)"/g)].map(([, name = '', value]) => [
      name,
      value,
    ]),
  );

  assert.equal(shown.get('og:url'), 'https://music.example/');
  assert.match(shown.get('og:image') ?? '', /^https:\/\/music\.example\/card\.png\?v=/);
  assert.equal(sizeOf('card.png'), '1200x630');
  assert.ok(shown.get('description'));
  assert.equal(shown.get('description'), shown.get('og:description'));
  assert.doesNotMatch(text, /127\.0\.0\.1/);
});

test('search engines may index the landing page and the privacy page, and no one’s music', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const robotsOf = async (path: string) => (await mara.get(path)).headers['x-robots-tag'];

  for (const path of ['/', '/privacy']) assert.equal(await robotsOf(path), undefined, path);
  for (const path of ['/nowhere', '/search?q=moon', '/login', '/setup'])
    assert.equal(await robotsOf(path), 'noindex', path);
  await mara.signIn();
  for (const path of ['/now-playing', '/playlists', '/account', '/library'])
    assert.equal(await robotsOf(path), 'noindex', path);
  const { text: rules } = await mara.get('/robots.txt').expect(200);
  for (const path of ['search', 'albums/', 'artists/', 'shows/', 'episodes/', 'tracks/'])
    assert.match(rules, new RegExp(`^Disallow: /${path}$`, 'm'), 'their pages would cost calls to Spotify');
});

/** The size of a PNG, from its header. */
function sizeOf(file: string): string {
  const bytes = readFileSync(join(root, 'public', file));
  return `${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`;
}

test('Spotify’s logo is in the footer, unmodified, if the owner has configured its file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-logo-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a logo.svg');
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="1"/>';
  writeFileSync(file, svg);
  const { browser } = await startTurntable(t, { env: { SPOTIFY_LOGO: file } });

  const { text } = await browser().get('/').expect(200);
  const [, address = ''] =
    /<a class="logo" href="https:\/\/open\.spotify\.com"><img src="([^"]+)"/.exec(text) ?? [];
  const logo = await browser()
    .get(address)
    .expect(200)
    .expect('Content-Type', /^image\/svg\+xml/);
  assert.equal(String(logo.body), svg);

  const without = await startTurntable(t, { env: { SPOTIFY_LOGO: join(folder, 'gone.svg') } });
  assert.doesNotMatch((await without.browser().get('/').expect(200)).text, /class="logo"/);
  assert.match(without.logged.join(''), /SPOTIFY_LOGO cannot be read/);
});
