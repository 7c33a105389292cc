import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test as testOnce } from 'node:test';
import { Ajv } from 'ajv';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import {
  type ExportedItem,
  getFile,
  longPlaylistName,
  playlistNamed,
  readTable,
  signInToExport,
  untilPagesExpire,
} from '../support/exports.ts';
import { apiRequests } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

/*
 * Each format is read back by a strict parser that is not ours, and tables by the rules of the programs that import them.
 */
const hasPython = spawnSync('python3', ['--version']).status === 0;
const skip = hasPython || process.env.CI ? false : 'there is no python3 on the PATH to read ZIP files with';

/** Exportify's header (GitHub: watsonbox/exportify), and two columns of ours. */
const header =
  '"Track URI","Track Name","Artist URI(s)","Artist Name(s)","Album URI","Album Name","Album Artist URI(s)","Album Artist Name(s)",' +
  '"Album Release Date","Album Image URL","Disc Number","Track Number","Track Duration (ms)","Track Preview URL","Explicit","Popularity",' +
  '"ISRC","Added By","Added At","Position","Is Playable"';

type Named = { name: string; uri: string | null };
type FullItem = {
  kind: string;
  name: string;
  uri: string | null;
  link: string | null;
  local?: boolean;
  durationMs: number | null;
  explicit: boolean;
  artists?: Named[];
  show?: Named | null;
  album?: (Named & { artists: Named[]; released: string | null }) | null;
  isrc?: string | null;
};

const full = (items: readonly ExportedItem[]) =>
  items as unknown as { item: FullItem | null; addedAt: string | null }[];

const trackUri = /^spotify:track:[A-Za-z\d]{22}$/;
const isrc = /^[A-Z]{2}[A-Z\d]{3}\d{7}$/;

/** Splits the artists of a cell as importers do: at a comma and a space, unless a backslash precedes them. */
function artistsIn(cell: string): string[] {
  return cell === '' ? [] : cell.split(/(?<!\\), /).map((name) => name.replaceAll('\\,', ','));
}

async function text(person: Browser, path: string, headers: Record<string, string> = {}) {
  const response = await person.get(path).set(headers).buffer(true).expect(200);
  // Only media types that are text by their name have it.
  return { headers: response.headers, text: response.text ?? String(response.body) };
}

// fault: table-refused-by-importers
test('a table has Exportify’s columns and a row for each track, and nothing else', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const { items } = await getFile(mara, `${path}/export.json`);

  const answer = await text(mara, `${path}/export.csv`);

  assert.match(String(answer.headers['content-type']), /^text\/csv; charset=utf-8$/);
  assert.equal(answer.headers['content-disposition'], `attachment; filename="${longPlaylistName}.csv"`);
  assert.equal(answer.text.split('\r\n')[0], header, 'without a byte order mark');
  assert.doesNotMatch(answer.text, /[^\r]\n|\r[^\n]/, 'each line ends as RFC 4180 has it');
  assert.doesNotMatch(answer.text, /^"?#/m);
  const rows = readTable(answer.text);
  const present = full(items).flatMap(({ item, addedAt }, index) =>
    item ? [{ item, addedAt, position: index + 1 }] : [],
  );
  assert.ok(present.length < items.length, 'some are no longer on Spotify');
  assert.deepEqual(
    rows.map(({ Position }) => Number(Position)),
    present.map(({ position }) => position),
  );
  for (const [index, row] of rows.entries()) {
    const { item, addedAt } = present[index] ?? assert.fail();
    const names = (item.artists ?? (item.show ? [item.show] : [])).map(({ name }) => name);
    assert.equal(row['Track URI'], item.uri ?? '');
    if (item.kind === 'track' && !item.local) assert.match(String(row['Track URI']), trackUri);
    assert.equal(row['Track Name'], item.name ?? '');
    assert.deepEqual(artistsIn(String(row['Artist Name(s)'])), names);
    assert.equal(row['Track Duration (ms)'], String(item.durationMs ?? ''));
    assert.equal(row.Explicit, String(item.explicit));
    assert.equal(row['Added At'], addedAt ?? '');
    assert.equal(row.ISRC, item.isrc ?? '');
    if (row.ISRC) assert.match(row.ISRC, isrc);
  }
  const tracks = rows.filter((row) => trackUri.test(String(row['Track URI'])));
  assert.ok(tracks.length > 1_000);
  for (const column of ['ISRC', 'Album URI', 'Album Artist Name(s)', 'Album Release Date', 'Track Number'])
    assert.ok(
      tracks.every((row) => row[column] !== ''),
      column,
    );
  assert.ok(
    tracks.every((row) =>
      artistsIn(String(row['Artist URI(s)'])).every((uri) => /^spotify:artist:/.test(uri)),
    ),
  );
  const hasPopularity = apiVersionIn(t) !== '2026-02';
  assert.equal(
    tracks.some(({ Popularity }) => Popularity !== ''),
    hasPopularity,
  );
});

testOnce('the headers of a table say what it contains, because its rows can’t', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);

  const { headers } = await text(mara, `${path}/export.csv`);

  const { manifest } = await getFile(mara, `${path}/export.json`);
  const facts = Object.entries(headers).filter(([name]) => name.startsWith('x-export-'));
  const { 'x-export-created': created = '', ...others } = Object.fromEntries(facts) as Record<string, string>;
  assert.ok(Math.abs(Date.parse(created) - turntable.clock.now()) < 60_000);
  assert.deepEqual(others, {
    'x-export-source': manifest.source,
    'x-export-snapshot': manifest.snapshotId,
    'x-export-announced': '1200',
    'x-export-from': '0',
    'x-export-complete': 'true',
    'x-export-rows': '1184',
    'x-export-missing': '0',
    'x-export-gone': String(manifest.gone),
  });
});

/** A playlist of one track whose names have everything that a format could stumble over. */
async function withOneTrack(t: Parameters<typeof startTurntable>[0]) {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, 'Sunday, slowly');
  const artist = (name: string, nth: number) => ({
    name,
    uri: `spotify:artist:${String(nth).padStart(22, 'a')}`,
  });
  const track = {
    type: 'track',
    uri: `spotify:track:${'b'.repeat(22)}`,
    name: '=1+1; "quoted",\nsecond line',
    external_urls: { spotify: `https://open.spotify.com/track/${'b'.repeat(22)}` },
    external_ids: { isrc: 'us-rc1-76-07839' },
    duration_ms: 61_500,
    artists: [artist('Tyler, The Creator', 1), artist('Crosby, Stills & Nash', 2)],
    album: {
      name: 'Flower; Boy',
      uri: `spotify:album:${'c'.repeat(22)}`,
      artists: [artist('Tyler, The Creator', 1)],
      release_date: '2017-07-21',
      release_date_precision: 'day',
    },
    disc_number: 1,
    track_number: 3,
  };
  const items = [{ added_at: '2020-01-02T03:04:05Z', added_by: { id: 'mara' }, item: track, track }];
  const body = JSON.stringify({ total: 1, items });
  turntable.simulator.fault({ on: /\/items$/, times: 10, answer: { status: 200, body } });
  return { mara, path };
}

/**
 * The rules by which programs read files of Exportify, TuneMyMusic and Soundiiz, as far as their sources and forms show: headers are compared without
 * case, spaces and signs; ids are found by their shape; artists end at a comma that isn't escaped; an ISRC has a shape as well.
 */
function importTable(table: string, delimiter: ',' | ';') {
  const names = {
    title: ['trackname', 'title', 'track'],
    artist: ['artistnames', 'artistname', 'artist'],
    album: ['albumname', 'album'],
    isrc: ['isrc'],
  };
  return readTable(table, delimiter).map((row) => {
    const cells = Object.entries(row).map(([name, cell]) => [
      name.toLowerCase().replace(/[^a-z]/g, ''),
      cell,
    ]);
    const find = (key: keyof typeof names) =>
      cells.find(([name = '']) => names[key].includes(name))?.[1] ?? '';
    const [id = null] = cells.flatMap(([, cell = '']) => /^spotify:track:[A-Za-z\d]{22}$/.exec(cell) ?? []);
    const code = find('isrc');
    return {
      id,
      title: find('title'),
      artists: artistsIn(find('artist')),
      album: find('album'),
      isrc: isrc.test(code) ? code : null,
    };
  });
}

/** Titles as they are on Spotify, of the kinds that a table or its protection could spoil. */
const realTitles = [
  'Help! - Remastered 2009',
  '(I Can’t Get No) Satisfaction - Mono',
  'Who Are You? - Live',
  '"Heroes" - Single Version',
  '-',
  '+',
  '=',
  '÷',
  '+44',
  '1-800-273-8255',
  "'Round Midnight",
  'C’est la vie; or not',
  'Tick, Tick… Boom!',
  '99.9%',
  'R U Mine?',
  ';-)',
];

// fault: title-changed-for-importers
testOnce('X-Export-Rows counts the rows of the file, which tables don’t have for what is gone', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const id = '0'.repeat(22);
  const track = { type: 'track', name: 'A song', artists: [], album: null };
  const episode = { type: 'episode', name: 'An episode' };
  const items = [{ item: track }, { item: null }, { item: episode }, { item: track }];
  const answer = { status: 200, body: JSON.stringify({ total: items.length, items }) };
  turntable.simulator.fault({ on: new RegExp(`/playlists/${id}/`), answer, times: 9 });
  const card = JSON.stringify({ id, name: 'Four', items: { total: 4 } });
  turntable.simulator.fault({
    on: new RegExp(`/playlists/${id}$`),
    answer: { status: 200, body: card },
    times: 9,
  });
  for (const [file, rows] of [
    ['export.csv', 3],
    ['export.csv?for=excel', 3],
    ['export.csv?for=soundiiz', 2],
    ['export.jspf', 3],
    ['export.json', 4],
  ] as const) {
    const { headers, text } = await mara.get(`/playlists/${id}/${file}`).buffer(true).expect(200);
    assert.equal(headers['x-export-rows'], String(rows), file);
    assert.equal(headers['x-export-gone'], '1');
    if (file === 'export.csv') assert.equal(readTable(text).length, rows);
  }
});

testOnce('importers read real titles, artists and codes, without undoing anything', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, 'Sunday, slowly');
  const tracks = realTitles.map((name, nth) => ({
    type: 'track',
    uri: `spotify:track:${String(nth).padStart(22, 'b')}`,
    name,
    external_ids: { isrc: `GBAYE00${String(nth).padStart(5, '0')}` },
    artists: [{ name: 'Earth, Wind & Fire' }, { name: '!!! (Chk Chk Chk)' }],
    album: { name: `The best of ${name}` },
  }));
  const items = tracks.map((track) => ({ item: track, track }));
  const body = JSON.stringify({ total: items.length, items });
  turntable.simulator.fault({ on: /\/items$/, times: 10, answer: { status: 200, body } });

  const table = importTable((await text(mara, `${path}/export.csv`)).text, ',');
  assert.deepEqual(
    table,
    tracks.map(({ uri, name, album, external_ids }) => ({
      id: uri,
      title: name,
      artists: ['Earth, Wind & Fire', '!!! (Chk Chk Chk)'],
      album: album.name,
      isrc: external_ids.isrc,
    })),
  );
  const form = importTable((await text(mara, `${path}/export.csv?for=soundiiz`)).text, ';');
  assert.deepEqual(
    form.map(({ title, album, isrc }) => [title, album, isrc]),
    tracks.map(({ name, album, external_ids }) => [name, album.name, external_ids.isrc]),
  );
});

// fault: comma-in-artist-name
testOnce(
  'names with commas, quotes, line breaks and formulas survive a table, and its URIs are untouched',
  async (t) => {
    const { mara, path } = await withOneTrack(t);

    const [row, ...others] = readTable((await text(mara, `${path}/export.csv`)).text);

    assert.ok(row);
    assert.deepEqual(others, []);
    assert.equal(row['Track URI'], `spotify:track:${'b'.repeat(22)}`);
    assert.equal(row['Track Name'], `'=1+1; "quoted", second line`);
    assert.equal(row['Artist Name(s)'], 'Tyler\\, The Creator, Crosby\\, Stills & Nash');
    assert.deepEqual(artistsIn(row['Artist Name(s)'] ?? ''), ['Tyler, The Creator', 'Crosby, Stills & Nash']);
    assert.equal(row.ISRC, 'USRC17607839');
    assert.equal(row['Added By'], 'spotify:user:mara');
    assert.equal(row['Added At'], '2020-01-02T03:04:05Z');
    assert.equal(row['Album Release Date'], '2017-07-21');
  },
);

// fault: excel-in-german
testOnce(
  'a table for Excel has the mark of UTF-8, and the separator that Excel expects in the visitor’s language',
  async (t) => {
    const { mara, path } = await withOneTrack(t);

    for (const [language, delimiter] of [
      ['de', ';'],
      ['fr-CA', ';'],
      ['en-GB', ','],
      ['ja', ','],
    ] as const) {
      const { text: table } = await text(mara, `${path}/export.csv?for=excel`, {
        'Accept-Language': language,
      });
      assert.ok(table.startsWith('\uFEFF"Track URI"'), language);
      const [row] = readTable(table, delimiter);
      assert.equal(row?.['Album Name'], 'Flower; Boy');
      assert.equal(Object.keys(row ?? {}).length, 21);
    }
  },
);

testOnce('a table for Soundiiz has the four columns of its form', async (t) => {
  const { mara, path } = await withOneTrack(t);

  const { text: table } = await text(mara, `${path}/export.csv?for=soundiiz`);

  assert.equal(table.split('\r\n')[0], 'title;artist;album;isrc');
  assert.deepEqual(readTable(table, ';'), [
    {
      title: `'=1+1; "quoted", second line`,
      artist: 'Tyler, The Creator, Crosby, Stills & Nash',
      album: 'Flower; Boy',
      isrc: 'USRC17607839',
    },
  ]);
});

const strings = { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 };
/** JSPF (Xiph wiki: "JSPF"), with the extension of ListenBrainz (MusicBrainz: "JSPF"). Both allow more; we write no more than this. */
const jspfSchema = {
  type: 'object',
  required: ['playlist'],
  additionalProperties: false,
  properties: {
    playlist: {
      type: 'object',
      required: ['title', 'track'],
      additionalProperties: false,
      properties: {
        title: { type: 'string' },
        date: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT' },
        location: { type: 'string', pattern: '^https?://' },
        identifier: { type: 'string', pattern: '^spotify:playlist:' },
        track: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            properties: {
              location: strings,
              identifier: strings,
              title: { type: 'string' },
              creator: { type: 'string' },
              album: { type: 'string' },
              image: { type: 'string' },
              trackNum: { type: 'integer', minimum: 1 },
              duration: { type: 'integer', minimum: 1 },
              extension: {
                type: 'object',
                additionalProperties: false,
                properties: {
                  'https://musicbrainz.org/doc/jspf#track': {
                    type: 'object',
                    additionalProperties: false,
                    properties: {
                      added_by: { type: 'string' },
                      added_at: { type: 'string' },
                      additional_metadata: { type: 'object' },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

test('JSPF follows its schema, and identifies each track by its URI', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const { items } = await getFile(mara, `${path}/export.json`);
  const present = full(items).flatMap(({ item }) => item ?? []);

  const { text: file, headers } = await text(mara, `${path}/export.jspf`);

  assert.equal(headers['content-type'], 'application/jspf+json');
  assert.equal(headers['content-disposition'], `attachment; filename="${longPlaylistName}.jspf"`);
  const json = JSON.parse(file);
  const validate = new Ajv().compile(jspfSchema);
  assert.equal(validate(json), true, JSON.stringify(validate.errors?.[0]));
  const { title, track } = json.playlist as { title: string; track: Record<string, unknown>[] };
  assert.equal(title, longPlaylistName);
  assert.deepEqual(
    track.map(({ identifier }) => identifier),
    present.map(({ uri }) => (uri ? [uri] : undefined)),
  );
  assert.deepEqual(
    track.map(({ title }) => title),
    present.map(({ name }) => name ?? undefined),
  );
});

test('M3U8 has two lines for each track that has an address', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const { items } = await getFile(mara, `${path}/export.json`);
  const present = full(items).flatMap(({ item }) => (item?.link ? [item] : []));

  const { text: file, headers } = await text(mara, `${path}/export.m3u8`);

  assert.match(String(headers['content-type']), /^audio\/x-mpegurl/);
  const [first, name, ...lines] = file.trimEnd().split('\n');
  assert.deepEqual([first, name], ['#EXTM3U', `#PLAYLIST:${longPlaylistName}`]);
  assert.equal(lines.length, 2 * present.length);
  for (const [index, { link, durationMs, name }] of present.entries()) {
    const seconds = durationMs === null ? -1 : Math.round(durationMs / 1000);
    const about = lines[2 * index] ?? '';
    assert.ok(about.startsWith(`#EXTINF:${seconds},`) && about.endsWith(name ?? ''), about);
    assert.equal(lines[2 * index + 1], link);
  }
});

// fault: name-breaks-line
testOnce('a name with a line break is still one line of M3U8', async (t) => {
  const { mara, path } = await withOneTrack(t);

  const { text: file } = await text(mara, `${path}/export.m3u8`);

  assert.deepEqual(file.split('\n'), [
    '#EXTM3U',
    '#PLAYLIST:Sunday, slowly',
    '#EXTINF:62,Tyler, The Creator, Crosby, Stills & Nash - =1+1; "quoted", second line',
    `https://open.spotify.com/track/${'b'.repeat(22)}`,
    '',
  ]);
});

/** Unpacks a ZIP from standard input, checking each file, and prints its files in their order. */
const unzip = `
import io, json, sys, zipfile
archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert archive.testzip() is None
print(json.dumps([[info.filename, archive.read(info).decode('utf-8')] for info in archive.infolist()]))
`;

async function getZip(person: Browser, path: string): Promise<{ name: string; files: Map<string, string> }> {
  const { body, headers } = await person
    .get(path)
    .buffer(true)
    .parse((res, done) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('end', () => done(null, Buffer.concat(chunks)));
    })
    .expect(200)
    .expect('Content-Type', 'application/zip');
  const { stdout, stderr, status } = spawnSync('python3', ['-c', unzip], {
    input: body,
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  assert.equal(status, 0, stderr);
  const entries = JSON.parse(stdout) as [string, string][];
  const files = new Map(entries);
  assert.equal(files.size, entries.length, 'no two have the same name');
  return { name: String(headers['content-disposition']), files };
}

// fault: zip-of-all-playlists
test('a ZIP of all playlists has a table for each, and a manifest beside them', async (t) => {
  if (skip) return t.skip(skip);
  const turntable = await startTurntable(t);
  const noor = await signInToExport(turntable, 'noor');
  const { playlists, summary } = JSON.parse((await text(noor, '/playlists/export.json')).text);

  const { name, files } = await getZip(noor, '/playlists/export.zip');

  assert.equal(name, 'attachment; filename=playlists.zip');
  const manifest = JSON.parse(files.get('manifest.json') ?? '');
  assert.deepEqual(manifest.summary, summary);
  assert.equal(manifest.lists.length, playlists.length);
  const tables = [...files.keys()].filter((file) => file !== 'manifest.json');
  assert.deepEqual(
    tables,
    manifest.lists.flatMap(({ file }: { file: string | null }) => file ?? []),
  );
  for (const [index, { file, ...facts }] of manifest.lists.entries()) {
    const { exportedAt: _then, ...expected } = playlists[index].manifest;
    const { exportedAt: _now, ...found } = facts;
    assert.deepEqual(found, expected);
    assert.equal(file !== null, expected.readable);
    if (file === null) continue;
    const table = files.get(file) ?? '';
    assert.equal(table.split('\r\n')[0], header);
    const present = playlists[index].items.filter(({ item }: ExportedItem) => item !== null);
    assert.equal(readTable(table).length, present.length, file);
  }
});

testOnce('the files in a ZIP may have any format, and one list can be one too', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const noor = await signInToExport(turntable, 'noor');
  const path = await playlistNamed(noor, 'Morning walk');

  for (const extension of ['json', 'jspf', 'm3u8']) {
    const { files } = await getZip(noor, `${path}/export.zip?of=${extension}`);
    assert.deepEqual([...files.keys()], [`Morning walk.${extension}`, 'manifest.json']);
  }
  const { files } = await getZip(noor, `${path}/export.zip?for=soundiiz`);
  assert.match(files.get('Morning walk.csv') ?? '', /^title;artist;album;isrc\r\n/);
  assert.equal(JSON.parse(files.get('manifest.json') ?? '').lists[0].complete, true);
});

// fault: same-name-in-zip
testOnce('playlists with the same name are several files of a ZIP', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const names = ['Mix', 'mix', 'Mix', 'manifest'];
  const cards = names.map((name, nth) => ({ id: String(nth).padStart(22, '0'), name, items: { total: 0 } }));
  const list = JSON.stringify({ total: names.length, items: cards });
  simulator.fault({ on: /\/me\/playlists$/, answer: { status: 200, body: list } });
  simulator.fault({ on: /\/items$/, times: 4, answer: { status: 200, body: '{"items":[],"total":0}' } });

  const { files } = await getZip(noor, '/playlists/export.zip?of=json');

  assert.deepEqual(
    [...files.keys()],
    ['Mix.json', 'mix (2).json', 'Mix (3).json', 'manifest (2).json', 'manifest.json'],
  );
});

// fault: part-in-zip
testOnce('a file in a ZIP that lacks rows says so in its name', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const cards = ['Whole', 'Short', 'Whole'].map((name, nth) => {
    const id = String(nth).padStart(22, '0');
    return { id, name, snapshot_id: 'a', owner: { id: 'noor' }, items: { total: 3 } };
  });
  const list = JSON.stringify({ total: cards.length, items: cards });
  simulator.fault({ on: /\/me\/playlists$/, times: 9, answer: { status: 200, body: list } });
  for (const [nth, count] of [3, 2, 3].entries()) {
    const items = Array.from({ length: count }, () => ({ item: { type: 'track', name: 'One' } }));
    const answer = { status: 200, body: JSON.stringify({ total: 3, items }) };
    simulator.fault({ on: new RegExp(`/${cards[nth]?.id}/items$`), times: 9, answer });
  }
  const expected = ['Whole.csv', 'Short (1 of 3 rows missing).csv', 'Whole (2).csv', 'manifest.json'];

  const { name, files } = await getZip(noor, '/playlists/export.zip');

  assert.match(name, /rows missing/);
  assert.deepEqual([...files.keys()], expected);
  const { lists } = JSON.parse(files.get('manifest.json') ?? '');
  assert.deepEqual(
    lists.map(({ complete, missing }: { complete: boolean; missing: number }) => [complete, missing]),
    [
      [true, 0],
      [false, 1],
      [true, 0],
    ],
  );
});

// fault: long-name-in-zip
testOnce('a name that is too long for a file system is cut between characters', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const names = ['🎧'.repeat(100), '🎧'.repeat(100), 'ש'.repeat(100), `${'x'.repeat(79)}é and more`];
  const cards = names.map((name, nth) => ({ id: String(nth).padStart(22, '0'), name, items: { total: 1 } }));
  const list = JSON.stringify({ total: names.length, items: cards });
  simulator.fault({ on: /\/me\/playlists$/, answer: { status: 200, body: list } });
  simulator.fault({ on: /\/items$/, times: 8, answer: { status: 200, body: '{"items":[],"total":1}' } });

  const { files } = await getZip(noor, '/playlists/export.zip?of=jspf');

  const found = [...files.keys()].slice(0, -1);
  for (const file of found) {
    assert.ok(Buffer.byteLength(file) <= 255, file);
    assert.match(file, /rows missing.*\.jspf$/);
    assert.doesNotMatch(file, /\ufffd/);
  }
  assert.equal(new Set(found).size, names.length);
  assert.match(found[0] ?? '', /^(?:🎧){40} \(/u);
  assert.match(found[3] ?? '', /^x{79}é \(/);
});

testOnce('formats and variants that don’t exist are a 404, without a call to Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  turntable.simulator.forgetCalls();

  for (const file of [
    'csv?for=numbers',
    'csv?for=excel&for=excel',
    'json?for=excel',
    'csv?of=json',
    'zip?of=zip',
    'zip?of=xml',
    'zip?of=json&for=excel',
    'pdf',
  ])
    await mara.get(`${path}/export.${file}`).expect(404);
  for (const file of ['jspf', 'm3u8', 'csv?for=soundiiz'])
    await mara.get(`/playlists/export.${file}`).expect(404);
  for (const other of [
    '/library/nothing/export',
    '/library/nothing/export.csv',
    '/library/export.xml',
    '/library/top/export.csv?range=ever',
  ])
    await mara.get(other).expect(404);
  assert.deepEqual(apiRequests(turntable.simulator), []);
});

// fault: export-of-library
test('saved tracks, recently played and top tracks are files as well', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const saved: { item: FullItem; at: string }[] = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { body } = await mara.getJson(`/library?page=${page}`).expect(200);
    pages = body.pages;
    saved.push(...body.tracks);
  }

  const table = await text(mara, '/library/export.csv');
  assert.equal(table.headers['content-disposition'], 'attachment; filename="Saved tracks.csv"');
  assert.equal(table.headers['x-export-complete'], 'true');
  const rows = readTable(table.text);
  assert.deepEqual(
    rows.map((row) => [row['Track Name'], row['Added At']]),
    saved.map(({ item, at }) => [item.name ?? '', at]),
  );

  const recent = (await mara.getJson('/library/recent').expect(200)).body.tracks;
  const history = await getFile(mara, '/library/recent/export.json');
  assert.deepEqual(
    full(history.items).map(({ item, addedAt }) => [item?.uri, addedAt]),
    recent.map(({ item, at }: { item: FullItem; at: string }) => [item.uri, at]),
  );
  assert.equal(history.name, 'Recently played');

  for (const [range, words] of [
    ['short_term', 'four weeks'],
    ['long_term', 'a year'],
  ]) {
    const { tracks } = (await mara.getJson(`/library/top?range=${range}`).expect(200)).body;
    const top = await getFile(mara, `/library/top/export.json?range=${range}`);
    assert.equal(top.name, `Top tracks, ${words}`);
    assert.deepEqual(
      full(top.items).map(({ item }) => item?.uri),
      tracks.map(({ uri }: FullItem) => uri),
    );
  }
});

const albumHeader =
  'Album URI,Album Name,Album Type,Album Artist URI(s),Album Artist Name(s),Album Release Date,Release Date Precision,Track Count,Saved At';

type Saved = { album?: Thing; show?: Thing; item?: Thing; at: string | null };
type Thing = {
  uri: string;
  name: string;
  artists?: Named[];
  type?: string;
  released?: string;
  count?: number;
};

/** All entries of a list of the library, from its pages. */
async function allOf(person: Browser, list: 'albums' | 'shows' | 'episodes'): Promise<Saved[]> {
  const found: Saved[] = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { body } = await person.getJson(`/library/${list}?page=${page}`).expect(200);
    pages = body.pages;
    found.push(...body[list]);
  }
  return found;
}

// fault: export-of-albums
test('saved albums, podcasts and episodes are files with a row for each', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);

  const albums = await allOf(mara, 'albums');
  const table = await text(mara, '/library/albums/export.csv');
  assert.equal(table.headers['content-disposition'], 'attachment; filename="Saved albums.csv"');
  assert.equal(table.headers['x-export-complete'], 'true');
  const rows = readTable(table.text);
  assert.deepEqual(Object.keys(rows[0] ?? {}), [...albumHeader.split(','), 'Position']);
  assert.ok(albums.length > 1);
  const precisions = ['year', 'month', 'day'];
  assert.deepEqual(
    rows.map((row) => Object.values(row)),
    albums.map(({ album, at }, index) => {
      const { uri, name, type, artists = [], released = '', count } = album ?? assert.fail();
      const names = artists.map((one) => one.name.replaceAll(',', '\\,')).join(', ');
      const uris = artists.map((one) => one.uri).join(', ');
      const precision = released && precisions[released.split('-').length - 1];
      return [uri, name, type, uris, names, released, precision, String(count), at, String(index + 1)];
    }),
  );

  const shows = await allOf(mara, 'shows');
  assert.deepEqual(
    readTable((await text(mara, '/library/shows/export.csv')).text).map((row) => [
      row['Show URI'],
      row['Show Name'],
      row['Episode Count'],
      row['Saved At'],
    ]),
    shows.map(({ show, at }) => [show?.uri, show?.name, String(show?.count ?? ''), at]),
  );

  const episodes = await allOf(mara, 'episodes');
  const { items, manifest } = await getFile(mara, '/library/episodes/export.json');
  assert.deepEqual(
    full(items).map(({ item, addedAt }) => [item?.uri, addedAt]),
    episodes.map(({ item, at }) => [item?.uri, at]),
  );
  assert.deepEqual([manifest.contains, manifest.episodes], ['items', episodes.length]);
  assert.match((await text(mara, '/library/episodes/export.m3u8')).text, /^#EXTM3U\n/);
});

/** Makes the listener follow this many artists, and returns the ids in the order of Spotify's list. */
function followMany({ simulator }: Awaited<ReturnType<typeof startTurntable>>, total: number): string[] {
  const ids = Array.from({ length: total }, (_, nth) => String(nth).padStart(22, '0'));
  for (let from = 0; from < total; from += 50) {
    const page = ids.slice(from, from + 50);
    const isLast = from + 50 >= total;
    const items = page.map((id) => ({ type: 'artist', name: `Artist ${id}`, uri: `spotify:artist:${id}` }));
    const next = isLast ? null : 'https://api.spotify.com/v1/me/following?after=';
    const artists = { items, total, limit: 50, next, cursors: { after: isLast ? null : page.at(-1) } };
    const answer = { status: 200, body: JSON.stringify({ artists }) };
    simulator.fault({ on: /\/me\/following$/, answer });
  }
  return ids;
}

// fault: pages-by-cursor
test('followed artists, which Spotify sends page by page, are a file in their order', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const ids = followMany(turntable, 120);
  followMany(turntable, 50); // the first page is read again at the end
  turntable.simulator.forgetCalls();

  const answer = await mara.get('/library/artists/export.json').buffer(true);
  assert.equal(answer.status, 409, 'its total has changed');
  assert.equal(apiRequests(turntable.simulator).length, 4);

  turntable.clock.advance(untilPagesExpire);
  followMany(turntable, 120);
  followMany(turntable, 120);
  const { items, manifest } = await getFile(mara, '/library/artists/export.json');
  assert.deepEqual(
    full(items).map(({ item }) => item?.uri),
    ids.map((id) => `spotify:artist:${id}`),
  );
  assert.deepEqual([manifest.contains, manifest.announced, manifest.complete], ['artists', 120, true]);
  const cursors = turntable.simulator.calls.slice(-4).map(({ query }) => query.after);
  assert.deepEqual(cursors, [undefined, ids[49], ids[99], undefined], 'each page after the one before it');
});

// fault: cursor-that-leads-nowhere
testOnce('a page of followed artists that is empty ends their list, and the rest is missing', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const page = (count: number) => {
    const items = Array.from({ length: count }, (_, nth) => ({ type: 'artist', name: `Artist ${nth}` }));
    const next = 'https://api.spotify.com/v1/me/following?after=';
    const cursors = { after: String(count).padStart(22, '0') };
    const artists = { items, total: 120, limit: 50, next, cursors };
    return { status: 200, body: JSON.stringify({ artists }) };
  };
  // The first page is read again at the end.
  for (const count of [50, 0, 50, 0, 50])
    turntable.simulator.fault({ on: /\/me\/following$/, answer: page(count) });
  turntable.simulator.forgetCalls();

  const { manifest } = await getFile(mara, '/library/artists/export.json');

  assert.deepEqual([manifest.announced, manifest.written, manifest.missing], [120, 120, 70]);
  assert.equal(manifest.complete, false);
  assert.equal(apiRequests(turntable.simulator).length, 3);
});

test('top and followed artists are files as well, and only formats for tracks are a 404', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const artists: Thing[] = [];
  for (let page = '/library/artists', next: string | null = ''; next !== null; ) {
    const { body } = await mara.getJson(page).expect(200);
    artists.push(...body.artists);
    next = body.next;
    page = `/library/artists?after=${next}`;
  }
  assert.ok(artists.length > 50);
  const rows = readTable((await text(mara, '/library/artists/export.csv')).text);
  assert.deepEqual(
    rows.map((row) => [row['Artist URI'], row['Artist Name']]),
    artists.map(({ uri, name }) => [uri, name]),
  );
  const top = (await mara.getJson('/library/top?of=artists&range=long_term').expect(200)).body.artists;
  const file = await getFile(mara, '/library/top-artists/export.json?range=long_term');
  assert.equal(file.name, 'Top artists, a year');
  assert.deepEqual(
    full(file.items).map(({ item }) => item?.name),
    top.map(({ name }: Thing) => name),
  );
  turntable.simulator.forgetCalls();
  for (const list of ['albums', 'shows', 'artists', 'top-artists'])
    for (const format of ['jspf', 'm3u8', 'csv?for=soundiiz', 'zip?of=m3u8'])
      await mara.get(`/library/${list}/export.${format}`).expect(404);
  assert.deepEqual(apiRequests(turntable.simulator), []);
  const { text: page } = await mara.get('/library/albums/export').expect(200);
  assert.doesNotMatch(page, /m3u8|jspf|soundiiz/);
  assert.match(page, />Start export</);
});

// fault: from-of-short-list
testOnce(
  'the rest of a list that Spotify sends at once has the right rows, without another call',
  async (t) => {
    const turntable = await startTurntable(t);
    const mara = await signInToExport(turntable);
    for (const list of ['/library/recent', '/library/top']) {
      const whole = await getFile(mara, `${list}/export.json`);
      turntable.simulator.forgetCalls();
      const rest = await getFile(mara, `${list}/export.json?from=7`);
      assert.deepEqual(rest.items, whole.items.slice(7));
      assert.equal(rest.manifest.from, 7);
      assert.equal(apiRequests(turntable.simulator).length, 0, 'it is shared by the formats');
      await mara.get(`${list}/export.json?from=51`).expect(404);
    }
  },
);

testOnce('each list has a link to its export at the top of its page', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);

  for (const [page, to, file] of [
    ['/library', '/library/export', '/library/export.csv'],
    ['/library/albums', '/library/albums/export', '/library/albums/export.csv'],
    ['/library/shows', '/library/shows/export', '/library/shows/export.csv'],
    ['/library/episodes', '/library/episodes/export', '/library/episodes/export.csv'],
    ['/library/artists', '/library/artists/export', '/library/artists/export.csv'],
    [
      '/library/top?of=artists',
      '/library/top-artists/export?range=medium_term',
      '/library/top-artists/export.csv?range=medium_term',
    ],
    ['/library/recent', '/library/recent/export', '/library/recent/export.csv'],
    ['/library/top', '/library/top/export?range=medium_term', '/library/top/export.csv?range=medium_term'],
    ['/playlists', '/playlists/export', '/playlists/export.csv'],
    [path, `${path}/export`, `${path}/export.csv`],
  ] as const) {
    const { text: list } = await mara.get(page).expect(200);
    const at = list.indexOf(`href="${to}"`);
    assert.ok(at > 0, page);
    assert.ok(at < list.search(/<[uo]l class="(cards|track-list)/), `${page}: before the list`);
    const heading = /<(?:header class="header"|div class="page-heading[^"]*")>[\s\S]*?<\/(?:header|div)>\n/;
    assert.ok(page === path || heading.exec(list)?.[0].includes(`href="${to}"`), `${page}: in the heading`);
    assert.ok((await mara.get(to).expect(200)).text.includes(`href="${file}"`), to);
  }
  const { text: playlist } = await mara.get(path).expect(200);
  const [header = ''] = /<header class="header">[\s\S]*?<\/header>/.exec(playlist) ?? [];
  assert.ok(header.includes(`href="${path}/export">Export</a>`), 'in the header of a playlist');
  const { body } = await mara.getJson('/library/export').expect(200);
  assert.equal(body.name, 'Saved tracks');
  assert.equal(body.calls, Math.ceil(body.rows / 50) + 1);
});

// fault: library-changes-during-export
testOnce(
  'a track that is saved during the export of saved tracks fails it, even if another is removed',
  async (t) => {
    const turntable = await startTurntable(t);
    const { simulator } = turntable;
    const mara = await signInToExport(turntable);
    const track = (name: string) => ({ added_at: '2020-01-02T03:04:05Z', track: { type: 'track', name } });
    const page = (newest: string) => ({
      status: 200,
      body: JSON.stringify({
        total: 51,
        items: [track(newest), ...Array.from({ length: 49 }, () => track('old'))],
      }),
    });
    const second = { status: 200, body: JSON.stringify({ total: 51, items: [track('last')] }) };
    const savedTracks = (last: string) => {
      simulator.fault({ on: /\/me\/tracks$/, answer: page('first') });
      simulator.fault({ on: /\/me\/tracks$/, minOffset: 50, answer: second });
      simulator.fault({ on: /\/me\/tracks$/, answer: page(last) });
    };

    savedTracks('first');
    assert.equal((await getFile(mara, '/library/export.json')).items.length, 51);
    turntable.clock.advance(untilPagesExpire);
    savedTracks('just added');
    const { text: problem } = await mara.get('/library/export.json').expect(409);
    assert.match(problem, /changed during the export/);
  },
);
