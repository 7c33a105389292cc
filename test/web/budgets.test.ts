import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

/* The sizes of pages and their files, in bytes as sent, without compression. */

const maxScripts = 40_000;
const maxStyle = 40_000;
const paths = [
  '/now-playing',
  '/wall',
  '/player/queue',
  '/devices',
  '/playlists',
  '/playlists/new',
  '/library',
  '/library/recent',
  '/library/top',
  '/search?q=night&type=artist,track,album,playlist',
  '/account',
  '/preferences',
  '/privacy',
  '/setup',
];

test('no page loads more than 40,000 bytes of scripts, or of style', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ count }: { count: number }) => count > 10);
  const sizes = new Map<string, number>();
  const sizeOf = async (url: string) => {
    const size = sizes.get(url) ?? (await mara.get(url).buffer(true).expect(200)).text.length;
    sizes.set(url, size);
    return size;
  };

  for (const path of [...paths, `/playlists/${id}`]) {
    const { text } = await mara.get(path).expect(200);
    // A script names the ones that it imports in attributes; those in data-later are loaded by a press only, and the service
    // worker after the page.
    const urls = [
      ...text.matchAll(/(?:src|data-(?!later|worker)[a-z-]+|href)="([^"?]+\.(?:js|css)\?v=[^"]+)"/g),
    ].map(([, url = '']) => url);
    let scripts = 0;
    let style = 0;
    for (const url of new Set(urls)) {
      if (url.includes('.css?')) style += await sizeOf(url);
      else scripts += await sizeOf(url);
    }
    t.diagnostic(`${path}: ${scripts} bytes of scripts, ${style} of style`);
    assert.ok(scripts > 1_000 && scripts <= maxScripts, `${path}: ${scripts} bytes of scripts`);
    assert.ok(style > 1_000 && style <= maxStyle, `${path}: ${style} bytes of style`);
  }
});
