import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { startTurntable } from '../support/turntable.ts';

/*
 * docs/decisions/2026-11-21-spotifys-rules.md lists what Spotify requires of sites that show its content, and how each rule is met.
 */

type Cover = { src: string; wrong: string[] };

// A cover is uncropped, unmodified, without an overlay, and beside it is a link that says that it opens it on Spotify.
const covers = `[...document.querySelectorAll('img')].filter((one) => one.src.includes('/covers/') && one.checkVisibility()).map((one) => {
  one.scrollIntoView({ block: 'center', behavior: 'instant' });
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const link = one.closest('a');
  const points = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.9, 0.9]];
  const over = points.map(([x, y]) => document.elementFromPoint(box.x + box.width * x, box.y + box.height * y));
  const shade = [one, link].filter(Boolean).some((each) => {
    const { filter, opacity, mixBlendMode, clipPath, maskImage, transform, animationName } = getComputedStyle(each);
    return [filter, clipPath, maskImage, transform, animationName].some((value) => value !== 'none') || opacity !== '1' || mixBlendMode !== 'normal';
  });
  return {
    src: one.src,
    wrong: [
      style.objectFit === 'contain' || 'cropped',
      Math.abs(box.width - box.height) < 1 || 'out of shape',
      parseFloat(style.borderTopLeftRadius) <= 8 || 'cut round',
      over.every((each) => each === one) || 'covered by something',
      !shade || 'changed',
      !link || link.origin === location.origin || 'leads out of the site',
      [...(one.closest('li, .top-result, .header, .now-playing') ?? document).querySelectorAll('a')].some((each) => each.href.startsWith(new URL(one.src).origin + '/open/') && each.textContent.startsWith('Open on Spotify') && (each.checkVisibility() || each.closest('.menu'))) || 'has no link to Spotify',
    ].filter((said) => said !== true),
  };
})`;

const pages: Record<string, { listener: string; path: string }> = {
  'a track that plays': { listener: 'mara', path: '/now-playing' },
  'an episode that plays': { listener: 'noor', path: '/now-playing' },
  'the wall': { listener: 'mara', path: '/wall' },
  playlists: { listener: 'mara', path: '/playlists' },
  'a search': { listener: 'mara', path: '/search?q=a&type=artist,track,album,playlist' },
  'saved tracks': { listener: 'mara', path: '/library' },
  'what was played': { listener: 'mara', path: '/library/recent' },
  'top artists': { listener: 'mara', path: '/library/top?of=artists' },
  'saved albums': { listener: 'mara', path: '/library/albums' },
  'saved podcasts': { listener: 'noor', path: '/library/shows' },
  'followed artists': { listener: 'mara', path: '/library/artists' },
};

for (const [name, { listener, path }] of Object.entries(pages)) {
  test(`${name}: covers are whole and unmodified, with a link to Spotify, and titles lead to their page`, {
    skip,
  }, async (t) => {
    const { url, browser: person } = await startTurntable(t);
    const visitor = person();
    await visitor.signIn(listener, '?allow=playlist-modify-public playlist-modify-private');
    const browser = await openBrowser(t);
    await browser.addCookies(visitor.cookies().map((cookie) => ({ ...cookie, url })));
    const page = await browser.newPage();
    await page.goto(url + path);
    await page.waitForLoadState('load');

    const found = (await page.evaluate(covers)) as Cover[];
    assert.ok(found.length > 0);
    assert.deepEqual(
      found.filter(({ wrong }) => wrong.length > 0),
      [],
    );
    // No one presses what is up next on a screen across the room.
    const titles = page.locator('main .name:not(.wall-next *), :is(.now-playing, .stage) h1');
    const unlinked = await titles.evaluateAll((all) =>
      (
        all as unknown as {
          querySelector(of: string): unknown;
          closest(of: string): unknown;
          textContent: string;
        }[]
      )
        .filter((one) => !one.querySelector('a') && !one.closest('a'))
        .map((one) => one.textContent.trim()),
    );
    // Removed tracks and local files have no page on Spotify.
    assert.deepEqual(
      unlinked.filter((title) => !/^(No longer on Spotify|Track \d|.*demo.*|.*\.mp3)$/i.test(title)),
      [],
    );
  });
}

test('a name that is truncated somewhere can be read in full on the page', { skip }, async (t) => {
  const { url, browser: person } = await startTurntable(t);
  const mara = person();
  await mara.signIn();
  const browser = await openBrowser(t, { viewport: { width: 390, height: 800 } });
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  for (const path of ['/now-playing', '/playlists', '/library', '/search?q=a']) {
    await page.goto(url + path);
    const cut = await page.evaluate(
      `[...document.querySelectorAll('main *')].filter((one) => !one.closest('.visually-hidden') && getComputedStyle(one).textOverflow === 'ellipsis' || getComputedStyle(one).webkitLineClamp > 0 && one.title !== one.textContent).length`,
    );
    assert.equal(cut, 0, path);
  }
});
