import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import subsetFont from 'subset-font';

/*
 * npm run font
 *
 * Makes public/bricolage.woff2 from the package with the typeface: the characters of Western European languages, and the weights and optical sizes
 * that pages use. The license (docs/licenses/bricolage-grotesque.txt) permits that, and reserves no name. Other scripts are left to the fonts of
 * the visitor's system.
 */
const from = '@fontsource-variable/bricolage-grotesque/files/bricolage-grotesque-latin-opsz-normal.woff2';
const license = '@fontsource-variable/bricolage-grotesque/LICENSE';
const maxBytes = 60_000;

const range = (first: number, last: number) =>
  String.fromCodePoint(...Array.from({ length: last - first + 1 }, (_, index) => first + index));
const characters = `${range(0x20, 0x7e)}${range(0xa0, 0xff)}ıŒœŸŠšŽž–—‘’‚“”„•…‹›€−`;

const original = await readFile(fileURLToPath(import.meta.resolve(from)));
const font = await subsetFont(original, characters, {
  targetFormat: 'woff2',
  variationAxes: { opsz: { min: 14, max: 40 }, wght: { min: 400, max: 700 } },
});
if (font.length > maxBytes) throw new Error(`The font has ${font.length} bytes`);
await writeFile(new URL('../public/bricolage.woff2', import.meta.url), font);
await writeFile(
  new URL('licenses/bricolage-grotesque.txt', import.meta.url),
  await readFile(fileURLToPath(import.meta.resolve(license))),
);
