import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longPlaylistName, playlistNamed } from '../support/exports.ts';
import { startTurntable } from '../support/turntable.ts';

const spaces = /[\s\u00a0\u202f]+/g;

/** A page of a long playlist in these languages: its number of items, and the date and length of one. */
async function read(t: Parameters<typeof startTurntable>[0]) {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, longPlaylistName);
  return async (languages?: string) => {
    // Spotify recorded no date for the first ones.
    const asked = mara.get(`${path}?page=20`);
    const { text } = await (languages === undefined ? asked : asked.set('Accept-Language', languages));
    const [, count = ''] = /<p class="small">(.*?), page/.exec(text) ?? [];
    const [, tag = '', day = ''] = /added <\/span>(<time[^>]*>)([^<]*)<\/time>/.exec(text) ?? [];
    const [, length = ''] = /<p class="small duration">(.*?)<\/p>/.exec(text) ?? [];
    return { count: count.replace(spaces, ' '), tag, day, length, text };
  };
}

test('dates, lengths and numbers follow the reader’s locale, and words are in English', async (t) => {
  const page = await read(t);
  const plain = await page();
  assert.match(plain.text, /<html lang="en"/);
  assert.equal(plain.count, '1,200 items');
  assert.match(plain.day, /^\d{1,2} \w+ \d{4}$/);
  assert.match(plain.length, /^\d:\d\d$/);
  assert.match(plain.tag, /^<time datetime="\d{4}-\d\d-\d\dT[\d:]+Z">$/);

  const american = await page('en-US,en;q=0.9');
  assert.match(american.day, /^\w+ \d{1,2}, \d{4}$/);
  const german = await page('de-AT, en;q=0.5');
  assert.equal(german.count.replace('.', ' '), '1 200 items');
  assert.match(german.tag, /^<time datetime="\d{4}-\d\d-\d\dT[\d:]+Z" lang="de-AT">$/, 'said to be German');
  assert.match((await page('fi')).length, /^\d\.\d\d$/);
  assert.match((await page('ar-EG')).length, /^[٠-٩]:[٠-٩]{2}$/);
  assert.equal((await page('ja;q=0.1, sv')).count, '1 200 items', 'the one that weighs most');
});

test('unknown languages and invalid headers change nothing', async (t) => {
  const page = await read(t);
  const { day } = await page();
  for (const odd of [
    '*',
    'tlh',
    'xx-YY, zz',
    'en-GB-u-ca-buddhist',
    ';;;,,,',
    'i-klingon',
    'de;q=0',
    'x'.repeat(5_000),
    '<b>',
  ])
    assert.equal((await page(odd)).day, day, odd.slice(0, 30));
});

test('times are given in UTC, for a script to convert to the reader’s time zone', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const { text } = await mara.get('/account').set('Accept-Language', 'fr');

  assert.match(
    text,
    /<time datetime="\d{4}-\d\d-\d\dT[\d:.]+Z" data-day="named" lang="fr">\d{1,2} \S+ \d{4}(,| à)? ?\d\d:\d\d UTC<\/time>/,
  );
  assert.equal(text.match(/<script src="\/clock\.js\?v=[\w-]+">/g)?.length, 1);
  assert.doesNotMatch(
    (await mara.get('/playlists')).text,
    /clock\.js/,
    'where there is none, there is no script',
  );
});

test('the time since a browser’s last visit is given in words', async (t) => {
  const { browser, clock } = await startTurntable(t);
  const [desk, phone] = [browser(), browser()];
  await desk.signIn();
  await phone.signIn();
  const seen = async () =>
    [...(await desk.get('/account')).text.matchAll(/last seen <time[^>]*>([^<]*)</g)].map(
      ([, words]) => words,
    );

  assert.deepEqual(await seen(), ['just now', 'just now']);
  clock.advance({ minutes: 42 });
  assert.ok((await seen()).includes('42 minutes ago'));
  clock.advance({ hours: 5 });
  assert.ok((await seen()).includes('5 hours ago'));
  clock.advance({ days: 3 });
  assert.ok((await seen()).includes('3 days ago'));
});
