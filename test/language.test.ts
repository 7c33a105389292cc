import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/process.ts';

/*
 * The words that Turntable no longer uses: docs/glossary.md has those that replace them. Names are checked as whole words, phrases in any
 * place, even across lines; both in code, comments, views, styles, docs and test titles, and with a capital as well.
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
  'endings',
  'everybody',
  'fleet-clock',
  'fromRedis',
  'isPassing',
  'kept',
  'lifeLeft',
  'live-odds',
  'mostPerSession',
  'Needs',
  'nobody',
  'OrHole',
  'own-path',
  'ownPath',
  'patienceMs',
  'renewal',
  'renewals',
  'renewed',
  'renewing',
  'sabotage',
  'send-again',
  'SessionsUnavailable',
  'shelf',
  'shelves',
  'sights',
  'sleeve',
  'somebody',
  'sparing',
  'strike',
  'Told',
  'toldBeforeMs',
  'underWay',
  'unseen',
  'upon',
  'watcher',
  'watchers',
  'what-it-does',
];
const retiredPhrases = [
  'also if',
  'also those',
  'also when',
  'also while',
  'anew',
  'answer 503',
  'answered 503',
  'answers 503',
  'are to be',
  'are told',
  'be told',
  'forbid to',
  'for want of',
  'in vain',
  'is owed',
  'is to be',
  'is told',
  'left alone for now',
  'look only',
  'meanwhile',
  'of its own',
  'of the day is gone',
  'of their own',
  'once plenty',
  'plenty is',
  'possible are',
  'should it',
  'stands for ever',
  'thousand million',
  'wants to be left alone',
  'was told',
  'were told',
  'what becomes of',
  'what plays',
  'whatever becomes of',
  'who asks',
  'who comes',
  'who looks',
  'who watches',
];
/** British spellings, in any part of a word and in any case: people read American English. */
const british = [
  'afterwards',
  'behaviour',
  'cancelled',
  'cancelling',
  'catalogue',
  'centre',
  'colour',
  'defence',
  'equalis',
  'favour',
  'grey',
  'honour',
  'initialis',
  'labelling',
  'licence',
  'maximis',
  'minimis',
  'misspelt',
  'neighbour',
  'normalis',
  'organis',
  'prioritis',
  'recognis',
  'serialis',
  'summaris',
  'synchronis',
  'towards',
  'whilst',
];

/** Between two words: a space, or a new line with what begins a line of a comment. */
const gap = String.raw`(?: |\s*\n[\s/*#]*)`;
const retired = new RegExp(
  `(?<![\\w-])(${[...retiredNames, ...retiredPhrases]
    .flatMap((one) => [one, one[0]?.toUpperCase() + one.slice(1)])
    .map((one) => one.replaceAll(' ', gap))
    .join('|')})(?![\\w])`,
  'g',
);
const spelling = new RegExp(`\\w*(${british.join('|')})\\w*`, 'gi');

/** Made-up music may be called anything, and this file has to name what it looks for. */
const exempt = new Set(['simulator/catalog.ts', 'test/language.test.ts', 'package-lock.json']);
/** Parts of a file that aren't checked: names before a rename, words of Node, and seeds that the demo's data depends on. */
const unchecked: Readonly<Record<string, RegExp>> = {
  'CHANGELOG.md': /`[^`]*`/g,
  'simulator/test/panel.test.ts': /for catalogue\b/g,
  'simulator/playlists.ts': /createRandom\('[^']*'\)/g,
  'simulator/top-items.ts': /createRandom\(`[^`]*`\)/g,
  'test/access/quota-ledger.test.ts': /of catalogue\b/g,
  'test/mutations/reporter.ts': /'cancelledByParent'/g,
  'views/export/state.ejs': / cancelled:/g,
};
/** The quota family of this name: as a value, a property, or in a table. Names that are stored or public don't change. */
const quotaFamily = /['`]catalogue['`]|^ *catalogue:|\| catalogue \|/gm;
const sources = [
  '*.{md,json,yml}',
  '.env.example',
  '.ci/run',
  '.npmrc',
  'Dockerfile',
  '.github/**/*.{md,yml}',
  'deploy/*',
  '{src,simulator,dev,test,bench,docs,public,views}/**/*.{ts,mjs,js,css,ejs,md,svg,webmanifest,yml,json}',
];

test('no retired name or phrase is left', () => {
  const files = globSync(sources, { cwd: root }).filter(
    // Records contain made-up music as well.
    (file) => !exempt.has(file) && !file.startsWith('test/fixtures/records/'),
  );

  assert.ok(files.length > 300);
  assert.deepEqual(
    files.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
        .replace(unchecked[file] ?? '', '')
        .replace(quotaFamily, '');
      return findRetired(text).map((found) => `${file}:${found}`);
    }),
    [],
  );
});

test('the check finds a retired name and a retired phrase, and leaves parts of words alone', () => {
  assert.deepEqual(findRetired('fine\nconst door = 1; // waits in vain'), ['2 door', '2 in vain']);
  assert.deepEqual(findRetired('Kept.\n * waits in\n * vain'), ['1 Kept', '2 in\n * vain']);
  assert.deepEqual(findRetired('indoors, outdoor, keptTogether, remeanwhiled'), []);
  assert.deepEqual(findRetired('one\ncoverColours, GREY'), ['2 coverColours', '2 GREY']);
});

/** Line and word of each retired word in a text. */
function findRetired(text: string): string[] {
  return [...text.matchAll(retired), ...text.matchAll(spelling)].map(
    ({ 0: found, index }) => `${text.slice(0, index).split('\n').length} ${found}`,
  );
}
