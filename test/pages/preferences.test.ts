import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTurntable } from '../support/turntable.ts';

/** The preferences as the page shows them. */
function chosen(text: string): string[] {
  return [...text.matchAll(/name="(\w+)" value="(\w+)" checked/g)].map(
    ([, name, value]) => `${name}=${value}`,
  );
}

const asOnDevice = ['theme=system', 'motion=system', 'shortcuts=on'];

test('a browser remembers its theme, motion and shortcuts, before and after a sign-in', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  assert.deepEqual(chosen((await mara.get('/preferences').expect(200)).text), asOnDevice);
  assert.match((await mara.get('/')).text, /<html lang="en" class="[^"]*">/);

  const fields = { theme: 'dark', motion: 'reduced', shortcuts: 'off' };
  const saved = await mara.post('/preferences').type('form').send(fields).expect(303);
  const page = await mara.get(saved.headers.location ?? '').expect(200);

  assert.match(page.text, /Preferences saved\./);
  assert.deepEqual(chosen(page.text), ['theme=dark', 'motion=reduced', 'shortcuts=off']);
  assert.match(String(saved.headers['set-cookie']), /Max-Age=31536000;.*HttpOnly;.*SameSite=Lax/);
  await mara.signIn();
  for (const path of ['/', '/playlists', '/privacy', '/nowhere', '/offline']) {
    const { text } = await mara.get(path).redirects(1);
    assert.match(text, /<html lang="en"[^>]* data-theme="dark" data-motion="reduced">/, path);
    assert.match(text, /<meta name="color-scheme" content="dark">/, path);
    assert.match(text, /<meta name="theme-color" content="#161312">/, path);
    assert.match(text, /<a href="\/preferences">Preferences<\/a>/, path);
  }
  assert.match((await mara.get('/playlists')).text, /<input type="checkbox"> Enable these shortcuts/);
  assert.deepEqual(chosen((await browser().get('/preferences')).text), asOnDevice, 'another browser');
});

test('a program can change one preference, and the others stay', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.post('/preferences').type('form').send({ theme: 'light' }).expect(303);

  await mara.post('/preferences').accept('json').send({ shortcuts: 'off' }).expect(204);

  const { text } = await mara.get('/preferences');
  assert.deepEqual(chosen(text), ['theme=light', 'motion=system', 'shortcuts=off']);
});

test('unknown preferences and values are refused, and change nothing', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  for (const fields of [
    { theme: 'pink' },
    { motion: 'light' },
    { font: 'large' },
    { theme: ['dark', 'light'] },
    // As from a body that can’t be read.
    {},
  ]) {
    const { body } = await mara.post('/preferences').accept('json').send(fields).expect(400);
    assert.equal(body.reason, 'unknown-preference');
  }
  assert.deepEqual(chosen((await mara.get('/preferences')).text), asOnDevice);
});

test('preferences that were tampered with, or are of a later version, are as good as none', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const saved = await mara.post('/preferences').type('form').send({ theme: 'dark' }).expect(303);
  const name = String(saved.headers['set-cookie']).split('=')[0];
  const values = ['theme=pink', 'theme=dark&theme=light', '%%%', '"><script>', `theme=${'x'.repeat(2_000)}`];
  for (const value of values) {
    const { text } = await browser()
      .get('/preferences')
      .set('Cookie', `${name}=${encodeURIComponent(value)}`)
      .expect(200);
    assert.doesNotMatch(text, /data-theme="(pink|")|<script>|xxx/, value);
    assert.equal(chosen(text).length, 3, value);
  }
  const later = encodeURIComponent('theme=dark&density=high');
  const { text } = await browser().get('/preferences').set('Cookie', `${name}=${later}`);
  assert.deepEqual(chosen(text), ['theme=dark', 'motion=system', 'shortcuts=on']);
});
