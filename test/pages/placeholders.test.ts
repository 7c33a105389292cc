import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTable } from '../support/exports.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

type Row = { item: { kind: string; name: string | null; durationMs: number | null }; addedAt: string | null };

async function signedIn({ browser }: Turntable): Promise<{ mara: Browser; path: string }> {
  const mara = browser();
  await mara.signIn();
  const [{ id }] = (await mara.getJson('/playlists').expect(200)).body.playlists;
  return { mara, path: `/playlists/${id}` };
}

/** Makes Spotify answer with this for a while, for every path that ends like this. */
function answer({ simulator }: Turntable, on: RegExp, body: object, times = 1): void {
  simulator.fault({ on, times, answer: { status: 200, body: JSON.stringify(body) } });
}

const track = { type: 'track', name: 'A song', duration_ms: 185_000, artists: [{ name: 'Mo Lind' }] };
/** Placeholder and invalid dates. */
const noMoments = [
  '1970-01-01T00:00:00Z',
  '1970-01-01T00:00:00.000Z',
  '1969-12-31T23:00:00+00:00',
  '0000-00-00T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '2024-13-45T00:00:00Z',
  'yesterday',
  '',
  0,
  null,
];

// fault: placeholder-dates
test('a placeholder date is shown as unknown, on pages, in JSON and in files', async (t) => {
  const turntable = await startTurntable(t);
  const { mara, path } = await signedIn(turntable);
  const { clock } = turntable;
  const added = [...noMoments, '2013-05-01T20:00:00Z'];
  const entries = { total: added.length, items: added.map((added_at) => ({ added_at, item: track })) };
  const saved = { total: added.length, items: added.map((added_at) => ({ added_at, track })) };
  answer(turntable, /\/items$/, entries, 4);
  answer(turntable, /\/me\/tracks$/, saved, 2);
  answer(turntable, /\/recently-played$/, { items: noMoments.map((played_at) => ({ played_at, track })) }, 2);

  const { body } = await mara.getJson(path).expect(200);
  assert.deepEqual(
    (body.entries as Row[]).map(({ addedAt }) => addedAt),
    [...noMoments.map(() => null), '2013-05-01T20:00:00Z'],
  );
  const library = (await mara.getJson('/library').expect(200)).body;
  assert.deepEqual(
    library.tracks.map(({ at }: { at: unknown }) => at),
    [...noMoments.map(() => null), '2013-05-01T20:00:00Z'],
  );
  clock.advance({ minutes: 6 });
  for (const page of [path, '/library', '/library/recent']) {
    const { text } = await mara.get(page).expect(200);
    assert.match(text, /A song/);
    assert.equal(text.match(/<time /g)?.length ?? 0, page === '/library/recent' ? 0 : 1, page);
    assert.doesNotMatch(text, /1970|1969|Invalid/, page);
  }
  for (const format of ['csv', 'json']) {
    const { text } = await mara.get(`${path}/export.${format}`).buffer(true).expect(200);
    assert.doesNotMatch(text, /1970|1969|0000-|yesterday/);
    assert.match(text, /2013-05-01T20:00:00Z/);
  }
});

// fault: release-date-precision
test('a release date is shown as precisely as it is known, and not at all if it is invalid', async (t) => {
  const turntable = await startTurntable(t);
  const { mara } = await signedIn(turntable);
  const dates: [string | null, string | undefined, string | null][] = [
    ['0000', 'year', null],
    ['0000-00-00', 'day', null],
    ['0001-01-01', 'day', null],
    ['', 'year', null],
    [null, undefined, null],
    ['soon', 'day', null],
    ['1959-08-17', 'day', '1959-08-17'],
    ['1959-08-17', 'year', '1959'],
    ['1959-08-17', 'month', '1959-08'],
    ['1959-00-00', 'day', '1959'],
    ['1959-08-00', 'day', '1959-08'],
    ['1959-08', undefined, '1959-08'],
    ['1959-02-31x', 'day', null],
    ['1959', 'year', '1959'],
  ];
  const items = dates.map(([release_date, release_date_precision]) => ({
    name: 'A record',
    release_date,
    release_date_precision,
  }));
  answer(turntable, /\/search$/, { albums: { total: items.length, items } });

  const { body } = await mara.getJson('/search?q=a&type=album').expect(200);
  const page = await mara.get('/search?q=a&type=album').expect(200);

  assert.deepEqual(
    body.albums.items.map(({ released }: { released: unknown }) => released),
    dates.map(([, , released]) => released),
  );
  assert.doesNotMatch(page.text, />000\d</);
  assert.match(page.text, /<p class="small">1959<\/p>/);
});

// fault: placeholder-names-and-lengths
test('an empty name and a length of 0 are unknown, on pages, in JSON and in files', async (t) => {
  const turntable = await startTurntable(t);
  const { mara, path } = await signedIn(turntable);
  const nameless = {
    ...track,
    name: ' ',
    duration_ms: 0,
    artists: [{ name: '' }, { name: ' ' }],
    album: { name: '' },
  };
  const items = [nameless, { ...nameless, type: 'episode', name: null, show: { name: '' } }].map((item) => ({
    item,
  }));
  answer(turntable, /\/items$/, { total: 2, items }, 2);

  const page = await mara.get(path).expect(200);
  const { body } = await mara.getJson(path).expect(200);
  const { text } = await mara.get(`${path}/export.csv`).buffer(true).expect(200);

  assert.match(page.text, /Unnamed track[\s\S]*Unnamed podcast episode/);
  assert.doesNotMatch(page.text, /0:00|<bdi>\s*<\/bdi>/);
  for (const { item } of body.entries as Row[]) assert.deepEqual([item.name, item.durationMs], [null, null]);
  for (const row of readTable(text))
    assert.deepEqual([row['Track Name'], row['Track Duration (ms)']], ['', '']);

  const lists = [{ id: '0'.repeat(22), name: '', description: 'null', owner: { id: '', display_name: ' ' } }];
  turntable.clock.advance({ seconds: 2 });
  answer(turntable, /\/me\/playlists$/, { total: 1, items: lists });
  const [list] = (await mara.getJson('/playlists').expect(200)).body.playlists;
  assert.deepEqual([list.name, list.description, list.owner, list.count], [null, null, null, null]);
});

// fault: impossible-total
test('a total of fewer than the rows that came is ignored: the rows are shown, uncounted, with a link to the next page', async (t) => {
  const turntable = await startTurntable(t);
  const { mara, path } = await signedIn(turntable);
  const rows = Array.from({ length: 50 }, () => ({ item: track, track }));
  const lists = rows.map((_, index) => ({ id: '0'.repeat(22), name: `List ${index}` }));
  for (const [on, page, items, json] of [
    [/\/items$/, path, rows, 'entries'],
    [/\/me\/tracks$/, '/library', rows, 'tracks'],
    [/\/me\/playlists$/, '/playlists', lists, 'playlists'],
  ] as const) {
    turntable.clock.advance({ minutes: 10 });
    answer(turntable, on, { total: 0, items });
    const { text } = await mara.get(page).expect(200);
    assert.doesNotMatch(
      text,
      /\b0 (item|track|playlist)s|This playlist is empty|any tracks yet|any playlists yet/,
      page,
    );
    assert.match(text, /Page 1/, page);
    assert.match(text, new RegExp(`rel="next" href="${page}\\?page=2"`), page);

    turntable.clock.advance({ minutes: 10 });
    answer(turntable, on, { total: 20, items });
    const { body } = await mara.getJson(page).expect(200);
    assert.equal(body.total, null);
    assert.equal(body[json].length, 50);
    assert.equal(body.pages, 2);
  }

  const found = { tracks: { total: 0, items: rows.slice(0, 10).map((row) => row.track) } };
  answer(turntable, /\/search$/, found);
  const { body } = await mara.getJson('/search?q=a&type=track').expect(200);
  assert.deepEqual([body.tracks.total, body.pages], [null, 2]);
});

const book = { name: 'The Long Book', authors: [{ name: 'An Author' }] };
const spoken = { name: 'Something spoken', duration_ms: 900_000, uri: `spotify:episode:${'0'.repeat(22)}` };
const kinds: [string, object, string, RegExp][] = [
  [
    'an episode',
    { type: 'episode', show: { name: 'A Show' } },
    'episode',
    /Podcast episode of <bdi>A Show<\/bdi>/,
  ],
  [
    'a chapter',
    { type: 'chapter', audiobook: book },
    'chapter',
    /Audiobook chapter of <bdi>The Long Book<\/bdi> · <bdi>An Author<\/bdi>/,
  ],
  // As in the schema ("Get a Chapter").
  [
    'a chapter that calls itself an episode',
    { type: 'episode', audiobook: book },
    'chapter',
    /Audiobook chapter of <bdi>The Long Book/,
  ],
  [
    'an episode of an audiobook',
    { type: 'episode', show: { ...book, type: 'audiobook' } },
    'chapter',
    /Audiobook chapter of/,
  ],
  [
    'an audiobook',
    { type: 'audiobook', authors: book.authors },
    'audiobook',
    /Audiobook by <bdi>An Author<\/bdi>/,
  ],
];

for (const [what, given, kind, words] of kinds) {
  test(`${what} has the right label: in a playlist and its files, among saved and found items, and in now playing`, async (t) => {
    const turntable = await startTurntable(t);
    const { mara, path } = await signedIn(turntable);
    const item = { ...spoken, ...given };
    answer(turntable, /\/items$/, { total: 1, items: [{ item }] }, 3);
    answer(turntable, /\/me\/tracks$/, { total: 1, items: [{ track: item }] });
    answer(turntable, /\/search$/, { tracks: { total: 1, items: [item] } });
    const playing = { is_playing: true, currently_playing_type: 'episode', item, progress_ms: 1000 };
    answer(turntable, /\/me\/player$/, playing, 2);

    for (const page of [path, '/library', '/search?q=a&type=track'])
      assert.match((await mara.get(page).expect(200)).text, words, page);
    const file = JSON.parse((await mara.get(`${path}/export.json`).buffer(true).expect(200)).text);
    assert.equal(file.items[0].item.kind, kind);
    const counted = {
      episode: file.manifest.episodes,
      chapter: file.manifest.chapters,
      audiobook: file.manifest.chapters,
    };
    assert.equal(counted[kind as keyof typeof counted], 1);
    const table = await mara.get(`${path}/export.csv`).buffer(true).expect(200);
    assert.deepEqual(
      readTable(table.text).map((row) => [row['Track Name'], row.Position]),
      [['Something spoken', '1']],
    );
    const card = await mara.get('/now-playing').expect(200);
    assert.match(
      card.text,
      new RegExp(
        `<p class="subtitle">${words.source
          .split(' ')
          .slice(0, kind === 'audiobook' ? 1 : 2)
          .join(' ')}</p>`,
      ),
    );
    turntable.clock.advance({ seconds: 5 });
    assert.equal((await mara.getJson('/now-playing').expect(200)).body.kind, kind);
  });
}
