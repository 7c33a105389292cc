import assert from 'node:assert/strict';
import { test } from 'node:test';
import ejs from 'ejs';
import { apiVersionIn, testInEachApiVersion } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

type Item = { uri: string; name: string; restriction: string | null };
type Row = { item: Item | null; playable?: boolean | null };
type T = Parameters<typeof apiVersionIn>[0];

async function signedIn({ browser }: Turntable): Promise<Browser> {
  const mara = browser();
  await mara.signIn('mara', allowAll);
  // Detects the API version.
  await mara.get('/library').expect(200);
  await mara.get((await firstPlaylist(mara)).path).expect(200);
  return mara;
}

async function firstPlaylist(person: Browser): Promise<{ path: string; entries: Row[] }> {
  const [{ id }] = (await person.getJson('/playlists').expect(200)).body.playlists;
  const path = `/playlists/${id}`;
  return { path, entries: (await person.getJson(path).expect(200)).body.entries };
}

async function savedBy(person: Browser): Promise<Row[]> {
  return (await person.getJson('/library?notice=track-removed').expect(200)).body.tracks;
}

/** The fields that the button in a row sends. */
function buttonBeside(html: string, name: string): string {
  const row =
    html
      .split(/<li(?: data-uri="[^"]+")?>/)
      .find((one) => one.includes(`<bdi>${ejs.escapeXML(name)}</bdi>`)) ?? '';
  const [, value = ''] = /name="entry" value="([^"]+)"/.exec(row) ?? [];
  assert.notEqual(value, '', `a button beside ${name}`);
  return value;
}

const saysOriginals = (t: T) => apiVersionIn(t) !== '2026-02';
const contents = (t: T) => (apiVersionIn(t) === 'legacy' ? 'tracks' : 'items');
const itemOf = (row: Row | undefined): Item => row?.item ?? assert.fail('no such row');

// fault: unplayable-marked
testInEachApiVersion(
  'items that Spotify cannot play are marked with the reason, in a playlist and among saved tracks',
  async (t) => {
    const turntable = await startTurntable(t, { env: { SPOTIFY_MARKET: 'se' } });
    const { simulator, clock } = turntable;
    const mara = await signedIn(turntable);
    const { path, entries } = await firstPlaylist(mara);
    const words = {
      market: 'Not available in your country',
      product: 'Not available with your Spotify plan',
      explicit: 'Hidden by your explicit content filter',
      constructor: 'Not available to you',
    };
    for (const list of [entries, await savedBy(mara)])
      Object.keys(words).forEach((reason, index) => {
        simulator.settings.unavailable.set(itemOf(list[index]).uri, { reason });
      });
    clock.advance({ minutes: 10 });
    simulator.forgetCalls();

    for (const page of [path, '/library']) {
      const rows = (await mara.get(page).expect(200)).text.split(/<li(?: data-uri="[^"]+")?>/).slice(1);
      for (const [index, mark] of Object.values(words).entries())
        assert.match(rows[index] ?? '', new RegExp(`<span class="badge">${mark}</span>`));
      assert.doesNotMatch(rows[4] ?? '', /Not available|Hidden/);
    }
    const [first, , , , fifth] = (await mara.getJson(path).expect(200)).body.entries as Row[];
    assert.deepEqual([first?.playable, itemOf(first).restriction], [false, 'market']);
    assert.deepEqual([fifth?.playable, itemOf(fifth).restriction], [true, null]);
    const markets = simulator.calls
      .filter(({ path }) => /\/(items|tracks)$/.test(path))
      .map(({ query }) => query.market);
    assert.ok(markets.length >= 2);
    assert.ok(
      markets.every((market) => market === 'SE'),
      markets.join(),
    );
  },
);

// fault: relinked-original-in-playlist
testInEachApiVersion(
  'removing a relinked track from a playlist removes the original, and nothing else',
  async (t) => {
    const turntable = await startTurntable(t);
    const { simulator, clock } = turntable;
    const mara = await signedIn(turntable);
    const { path, entries } = await firstPlaylist(mara);
    const [original, another] = [itemOf(entries[3]), itemOf(entries[5])];
    const elsewhere = itemOf(
      (await savedBy(mara)).find(({ item }) => !entries.some((one) => one.item?.uri === item?.uri)),
    );
    simulator.settings.unavailable.set(original.uri, { instead: elsewhere.uri });
    clock.advance({ minutes: 10 });

    const page = await mara.get(path).expect(200);
    const shown = (await mara.getJson(path).expect(200)).body.entries as Row[];
    assert.equal(itemOf(shown[3]).name, elsewhere.name, 'the instance that can be played');
    assert.equal(itemOf(shown[3]).uri, saysOriginals(t) ? original.uri : elsewhere.uri);
    const form = formFields(page.text, `${path}/remove`);
    for (const [name, cost] of [
      [another.name, 1],
      [elsewhere.name, 3],
    ] as const) {
      const now = await mara.get(`${path}?notice=item-removed`).expect(200);
      simulator.forgetCalls();
      const sent = {
        ...form,
        ...formFields(now.text, `${path}/remove`),
        entry: buttonBeside(now.text, name),
      };
      const left = await mara.post(`${path}/remove`).type('form').send(sent).expect(303);
      assert.match(String(left.headers.location), /notice=removed-with-undo&undo=/);
      // The playlist once, and its place twice.
      const reads = saysOriginals(t) ? 1 : cost;
      assert.deepEqual(apiRequests(simulator), [
        ...Array.from({ length: reads }, () => `GET ${path}/${contents(t)}`),
        `DELETE ${path}/${contents(t)}`,
      ]);
    }

    simulator.settings.unavailable.clear();
    const left = (await mara.getJson(`${path}?notice=item-removed`).expect(200)).body.entries as Row[];
    const gone = [original.uri, another.uri];
    assert.deepEqual(
      left.map((row) => itemOf(row).uri),
      entries.map((row) => itemOf(row).uri).filter((uri) => !gone.includes(uri)),
    );
  },
);

testInEachApiVersion('the originals of several rows are read together', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { path, entries } = await firstPlaylist(mara);
  const chosen = [itemOf(entries[1]), itemOf(entries[3]), itemOf(entries[5])];
  const others = (await savedBy(mara)).filter(
    ({ item }) => !entries.some((one) => one.item?.uri === item?.uri),
  );
  for (const [index, { uri }] of chosen.entries())
    simulator.settings.unavailable.set(uri, { instead: itemOf(others[index]).uri });
  clock.advance({ minutes: 10 });
  const page = await mara.get(path).expect(200);
  const shown = (await mara.getJson(path).expect(200)).body.entries as Row[];
  const entry = [1, 3, 5].map((place) => `${place} ${itemOf(shown[place]).uri}`);
  simulator.forgetCalls();

  const sent = { ...formFields(page.text, `${path}/remove`), entry };
  await mara.post(`${path}/remove`).type('form').send(sent).expect(303);

  // The playlist once, and all three places twice.
  const reads = saysOriginals(t) ? 1 : 3;
  assert.deepEqual(apiRequests(simulator), [
    ...Array.from({ length: reads }, () => `GET ${path}/${contents(t)}`),
    `DELETE ${path}/${contents(t)}`,
  ]);
  simulator.settings.unavailable.clear();
  const left = (await mara.getJson(`${path}?notice=item-removed`).expect(200)).body.entries as Row[];
  assert.deepEqual(
    left.map((row) => itemOf(row).uri),
    entries.map((row) => itemOf(row).uri).filter((uri) => !chosen.some((one) => one.uri === uri)),
  );
});

// fault: relinked-original-in-library
testInEachApiVersion(
  'removing a relinked track from the library removes the original, and nothing else',
  async (t) => {
    const turntable = await startTurntable(t);
    const { simulator, clock } = turntable;
    const mara = await signedIn(turntable);
    const saved = await savedBy(mara);
    const original = itemOf(saved[7]);
    const elsewhere = itemOf(
      (await firstPlaylist(mara)).entries.find(
        ({ item }) => !saved.some((one) => one.item?.uri === item?.uri),
      ),
    );
    simulator.settings.unavailable.set(original.uri, { instead: elsewhere.uri });
    clock.advance({ minutes: 10 });
    const page = await mara.get('/library').expect(200);

    const entry = buttonBeside(page.text, elsewhere.name);
    simulator.forgetCalls();
    const left = await mara
      .post('/library/remove')
      .type('form')
      .send({ entry, returnTo: '/library' })
      .expect(303);

    assert.match(String(left.headers.location), /notice=track-removed&undo=/);
    const reads = apiRequests(simulator).filter((one) => one === 'GET /me/tracks');
    // Its place without a market and, if it holds another URI, with one.
    const readsBy = { legacy: 0, both: 1, '2026-02': 2 };
    assert.equal(reads.length, readsBy[apiVersionIn(t)]);
    simulator.settings.unavailable.clear();
    assert.deepEqual(
      (await savedBy(mara)).slice(0, 40).map((row) => itemOf(row).uri),
      saved
        .map((row) => itemOf(row).uri)
        .filter((uri) => uri !== original.uri)
        .slice(0, 40),
    );
  },
);

// fault: row-moved-before-removal
test('a row that has since moved is not removed, and the page says so', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const page = await mara.get('/library').expect(200);
  const saved = await savedBy(mara);
  const entry = buttonBeside(page.text, itemOf(saved[2]).name);
  const { uri } = itemOf(saved[0]);
  await mara.post('/library/remove').send({ uri }).expect(303);

  const left = await mara
    .post('/library/remove')
    .type('form')
    .send({ entry, returnTo: '/library' })
    .expect(303);

  assert.match(
    (await mara.get(String(left.headers.location)).expect(200)).text,
    /Nothing was removed, because your library has changed/,
  );
  assert.deepEqual((await savedBy(mara)).slice(0, 30).map(itemOf), saved.slice(1, 31).map(itemOf));
  const [position, moved] = entry.split(' ');
  const answer = await mara
    .post('/library/remove')
    .set('Accept', 'application/json')
    .send({ uri: moved, position })
    .expect(409);
  assert.equal(answer.body.reason, 'library-changed');
  // As programs for 0.2.0 name it.
  await mara
    .post('/library/remove')
    .set('Accept', 'application/json')
    .send({ uri: moved, place: position })
    .expect(409);
});

// fault: export-holds-originals
testInEachApiVersion('a file has the playlist’s contents: the originals of relinked tracks', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { path, entries } = await firstPlaylist(mara);
  const elsewhere = itemOf((await savedBy(mara))[0]);
  for (const index of [0, 3, 19])
    simulator.settings.unavailable.set(itemOf(entries[index]).uri, { instead: elsewhere.uri });
  clock.advance({ minutes: 10 });

  const file = JSON.parse((await mara.get(`${path}/export.json`).buffer(true).expect(200)).text) as {
    items: Row[];
  };
  const table = await mara.get(`${path}/export.csv`).buffer(true).expect(200);

  assert.deepEqual(
    file.items.map((row) => itemOf(row).uri),
    entries.map((row) => itemOf(row).uri),
  );
  for (const row of entries) assert.ok(table.text.includes(itemOf(row).uri));
});

test('a file for the legacy version of the Web API marks what Spotify cannot play', async (t) => {
  const turntable = await startTurntable(t, { simulator: { apiVersion: 'legacy' } });
  const mara = await signedIn(turntable);
  const { path, entries } = await firstPlaylist(mara);
  turntable.simulator.settings.unavailable.set(itemOf(entries[0]).uri, { reason: 'product' });

  const { text } = await mara.get(`${path}/export.csv`).buffer(true).expect(200);

  assert.match(text.split('\r\n')[1] ?? '', /,"1","false"$/);
});

test('an empty row does not shift the positions of those after it', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const [first, , third] = await savedBy(mara);
  clock.advance({ minutes: 10 });
  const track = { type: 'track', name: 'The third', uri: itemOf(third).uri, is_playable: true };
  const body = JSON.stringify({ total: 161, items: [{ track: null }, null, { track }] });
  simulator.fault({ on: /\/me\/tracks$/, answer: { status: 200, body } });

  const entry = buttonBeside((await mara.get('/library').expect(200)).text, 'The third');
  assert.equal(entry, `2 ${itemOf(third).uri}`);
  const left = await mara
    .post('/library/remove')
    .type('form')
    .send({ entry, returnTo: '/library' })
    .expect(303);

  assert.match(String(left.headers.location), /notice=track-removed&undo=/);
  const now = (await savedBy(mara)).map((row) => itemOf(row).uri);
  assert.equal(now[0], itemOf(first).uri);
  assert.ok(!now.includes(itemOf(third).uri));
});
