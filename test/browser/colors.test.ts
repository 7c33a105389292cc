import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noColor } from '../../src/web/cover-colors.ts';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { startTurntable } from '../support/turntable.ts';

/** Text needs a contrast of 4.5, and the outlines of controls of 3 (WCAG 2.2, 1.4.3 and 1.4.11). */
const pairs = [
  ...['--foreground', '--muted', '--accent'].flatMap((text) =>
    ['--stage', '--background', '--surface'].map((ground) => [text, ground, 4.5]),
  ),
  ['--on-accent', '--accent', 4.5],
  ['--border-strong', '--background', 3],
  ['--border-strong', '--stage', 3],
];

/** Returns the pairs of colors with too little contrast, over all classes of the page. */
const lowContrasts = `(() => {
  const sample = document.body.appendChild(document.createElement('i'));
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const luminance = (name) => {
    sample.style.color = 'var(' + name + ')';
    canvas.fillStyle = getComputedStyle(sample).color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((one) => one / 255).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  let count = 0;
  const classes = ['', '${noColor}'];
  for (let hue = 0; hue < 360; hue += 15) for (const chroma of [0, 1, 2]) classes.push('hue-' + hue + ' chroma-' + chroma);
  for (const name of classes) {
    document.documentElement.className = name;
    for (const [text, ground, least] of ${JSON.stringify(pairs)}) {
      const [dark, light] = [luminance(text), luminance(ground)].sort((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      count += 1;
      if (contrast < least) low.push([document.documentElement.className, text, ground, contrast.toFixed(2)].join(' '));
    }
  }
  return { low, count };
})()`;

for (const colorScheme of ['light', 'dark'] as const) {
  test(`text is readable on the color of any cover, and without one, ${colorScheme}`, { skip }, async (t) => {
    const { url } = await startTurntable(t);
    // Otherwise colors change gradually.
    const browser = await openBrowser(t, { colorScheme, reducedMotion: 'reduce' });
    const page = await browser.newPage();
    await page.goto(url);
    const { low, count } = (await page.evaluate(lowContrasts)) as { low: string[]; count: number };
    assert.equal(count, (24 * 3 + 2) * pairs.length);
    assert.deepEqual(low, []);
  });
}

test('the page takes on the color of the next track, and the record turns while music plays', {
  skip,
}, async (t) => {
  const { url, simulator, browser: person } = await startTurntable(t, { ticking: true });
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = person();
  await mara.signIn('mara', '?allow=user-modify-playback-state');
  await until(async () => (await mara.get('/now-playing')).text.includes('class="hue-'));
  const browser = await openBrowser(t);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  await page.goto(`${url}/now-playing`);
  const state = () =>
    page.evaluate<string[]>(
      `[document.documentElement.className, getComputedStyle(document.querySelector('.record'), '::before').animationPlayState]`,
    );
  const [first, isTurning] = await state();
  assert.match(first ?? '', /^hue-\d+ chroma-[012]$/);
  assert.equal(isTurning, 'running');

  await page.getByRole('button', { name: 'Pause' }).click();
  await until(async () => (await state())[1] === 'paused');
  simulator.plays('mara', { kind: 'track', index: 5, progressMs: 20_000 });
  await mara.post('/player/next').type('form');
  await until(async () => ![first, '', noColor].includes((await state())[0]));
});
