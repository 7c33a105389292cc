import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/process.ts';

/*
 * The words that Turntable no longer uses: docs/glossary.md has those that replace them. Names are checked as whole words, phrases in any
 * place; both in code, comments, views, styles, docs and test titles.
 */
const retiredNames = [
  'absoluteLifeMs',
  'anybody',
  'askKept',
  'cool-down',
  'cool-downs',
  'CoolDown',
  'dialect',
  'dialects',
  'door',
  'doors',
  'earlyMs',
  'fromRedis',
  'isPassing',
  'kept',
  'lifeLeft',
  'Needs',
  'OrHole',
  'ownPath',
  'own-path',
  'patienceMs',
  'renewal',
  'renewals',
  'renewed',
  'renewing',
  'sabotage',
  'SessionsUnavailable',
  'shelf',
  'shelves',
  'sights',
  'sparing',
  'Told',
  'toldBeforeMs',
  'underWay',
  'watcher',
  'watchers',
];
const retiredPhrases = [
  'anew',
  'for want of',
  'in vain',
  'is owed',
  'meanwhile',
  'nobody’s promise',
  'of the day is gone',
  'should it',
  'stands for ever',
  'whatever becomes of',
  'what becomes of',
  'what plays',
  'who asks',
  'who comes',
  'who looks',
  'who watches',
];

const retired = new RegExp(
  `(?<![\\w-])(${[...retiredNames, ...retiredPhrases.flatMap((one) => [one, one[0]?.toUpperCase() + one.slice(1)])].join('|')})(?![\\w])`,
  'g',
);

/** Made-up music may be called anything, and this file has to name what it looks for. */
const exempt = new Set(['simulator/catalogue.ts', 'test/language.test.ts', 'package-lock.json']);
/** Parts of a file that aren't checked: the names before a rename, and a seed that all playlists of the demo depend on. */
const unchecked: Readonly<Record<string, RegExp>> = {
  'CHANGELOG.md': /`[^`]*`/g,
  'simulator/playlists.ts': /createRandom\('[^']*'\)/g,
};
const sources = [
  '*.{md,json,yml}',
  '.env.example',
  'Dockerfile',
  '.github/**/*.{md,yml}',
  '{src,simulator,dev,test,bench,docs,public,views}/**/*.{ts,mjs,js,css,ejs,md}',
];

test('no retired name or phrase is left', () => {
  const files = globSync(sources, { cwd: root }).filter((file) => !exempt.has(file));

  assert.ok(files.length > 300);
  assert.deepEqual(
    files.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8').replace(unchecked[file] ?? '', '');
      return findRetired(text).map((found) => `${file}:${found}`);
    }),
    [],
  );
});

test('the check finds a retired name and a retired phrase, and leaves parts of words alone', () => {
  assert.deepEqual(findRetired('fine\nconst door = 1; // waits in vain'), ['2 door', '2 in vain']);
  assert.deepEqual(findRetired('indoors, outdoor, keptTogether, remeanwhiled'), []);
});

/** Line and word of each retired word in a text. */
function findRetired(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => [...line.matchAll(retired)].map(([word]) => `${index + 1} ${word}`));
}
