import assert from 'node:assert/strict';
import { get } from 'node:http';
import { test as testOnce } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import {
  delayPages,
  type ExportedItem,
  type ExportFile,
  getFile,
  lengthenPlaylist,
  longPlaylistName,
  openDownload,
  playlistNamed,
  readTable,
  type StopReason,
  signInToExport,
} from '../support/exports.ts';
import { apiRequests } from '../support/pages.ts';
import { type Browser, holdResponse, startTurntable, type Turntable } from '../support/turntable.ts';

/**
 * The contents of a playlist as its pages show them, without what Spotify says about playing it here: files for new apps are read without a
 * market, so that they have the URIs of the originals.
 */
async function inside(person: Browser, path: string): Promise<ExportedItem[]> {
  const items: ExportedItem[] = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { body } = await person.getJson(`${path}?page=${page}`).expect(200);
    pages = body.pages;
    items.push(...body.entries.map(withoutMarket));
  }
  return items;
}

function withoutMarket({ item, ...entry }: ExportedItem): ExportedItem {
  return { ...entry, playable: null, item: item && { ...item, restriction: null } };
}

/** The rows of a file with only the fields that pages have as well. */
function asOnPages(items: readonly ExportedItem[]): ExportedItem[] {
  return items.map((entry) => {
    const { item, ...rest } = withoutMarket(entry) as { item: Record<string, unknown> | null };
    return { ...rest, item: item && onPage(item) } as ExportedItem;
  });
}

function onPage(item: Record<string, unknown>): unknown {
  const { isrc: _isrc, discNumber: _disc, trackNumber: _track, popularity: _popularity, ...fields } = item;
  const { previewUrl: _preview, ...shown } = fields;
  const named = (one: unknown) => {
    if (one === null || typeof one !== 'object') return one;
    const { name, link, uri } = one as { name: string; link: string; uri: string };
    return name === null ? null : { name, link, uri };
  };
  return {
    ...shown,
    ...('artists' in shown && { artists: (shown.artists as unknown[]).map(named) }),
    ...('album' in shown && { album: named(shown.album) }),
    ...('show' in shown && { show: named(shown.show) }),
  };
}

function callsInProgress({ simulator }: Turntable): number {
  return simulator.calls.filter(({ status, path }) => status === 0 && /\/(items|tracks)$/.test(path)).length;
}

async function untilNoMoreCalls({ simulator }: Turntable): Promise<void> {
  for (let before = -1; before !== simulator.calls.length; await sleep(300)) before = simulator.calls.length;
}

const someId = '0'.repeat(22);

test('the file of a playlist of 1,200 items has each item once and in order, and says so at its end', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const whole = await inside(mara, path);
  simulator.forgetCalls();

  const { items, manifest, ...card } = await getFile(mara, `${path}/export.json`);

  const contents = apiVersionIn(t) === 'legacy' ? 'tracks' : 'items';
  assert.deepEqual(apiRequests(simulator), [
    `GET ${path}`,
    ...Array.from({ length: 24 }, () => `GET ${path}/${contents}`),
    `GET ${path}`,
  ]);
  assert.deepEqual(asOnPages(items), whole);
  assert.deepEqual(card, { id: path.split('/').at(-1), name: longPlaylistName });
  const count = (is: (one: ExportedItem) => boolean | undefined) => whole.filter(is).length;
  const { snapshotId, exportedAt, source, ...facts } = manifest;
  assert.ok(snapshotId);
  assert.match(String(exportedAt), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.match(String(source), new RegExp(`/playlist/${card.id}$`));
  assert.deepEqual(facts, {
    id: card.id,
    name: longPlaylistName,
    contains: 'items',
    changedSince: false,
    readable: true,
    announced: 1200,
    from: 0,
    written: 1200,
    tracks: count(({ item }) => item?.kind === 'track' && !item.local),
    episodes: count(({ item }) => item?.kind === 'episode'),
    chapters: 0,
    local: count(({ item }) => item?.local),
    gone: count(({ item }) => item === null),
    missing: 0,
    complete: true,
    stopped: null,
  });
});

test('at most eight pages are loaded at once, and the file begins before the last one is requested', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  await mara.get(path).expect(200); // detects the API version
  simulator.forgetCalls();
  lengthenPlaylist(turntable, 20);
  let max = 0;
  const watch = setInterval(() => {
    max = Math.max(max, callsInProgress(turntable));
  }, 1);
  t.after(() => clearInterval(watch));

  const answer = await openDownload(turntable, mara, `${path}/export.csv`);
  let text = '';
  let askedAtFirst = 0;
  for await (const piece of answer) {
    askedAtFirst ||= simulator.calls.length;
    text += piece;
  }

  assert.ok(max > 4 && max <= 8, `${max} at once`);
  assert.ok(askedAtFirst < 24, `${askedAtFirst} calls before the first piece`);
  assert.equal(text.split('\r\n').length, 3002);
});

// fault: parts-make-whole
test('if Spotify stops answering, a part can be downloaded, and the parts together are the whole playlist', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const whole = await inside(mara, path);
  // Earlier calls do not count anymore.
  clock.advance({ days: 2 });

  const parts: ExportFile[] = [];
  for (let next = `${path}/export.json?part=yes`; next; ) {
    simulator.settings.callsPerDay = 11;
    const part = await getFile(mara, next);
    parts.push(part);
    simulator.settings.callsPerDay = null;
    const { stopped } = part.manifest;
    next = stopped?.resume ?? '';
    if (!stopped) break;
    assert.equal(stopped.reason, 'cooldown');
    assert.equal(part.manifest.complete, false);
    const waitMs = Date.parse(stopped.until ?? '') - clock.now();
    assert.ok(waitMs > 0 && waitMs <= 86_400_000, `${waitMs} ms`);
    await mara.get(next).expect(503); // not before then
    clock.advance({ seconds: Math.ceil(waitMs / 1000) });
  }

  assert.ok(parts.length > 2, `${parts.length} parts`);
  assert.deepEqual(
    parts.flatMap(({ items }) => asOnPages(items)),
    whole,
  );
  assert.deepEqual(
    parts.map(({ manifest }) => manifest.complete),
    parts.map((_, index) => index === parts.length - 1),
  );
  assert.ok(parts.every(({ manifest }) => manifest.changedSince === false));
});

test('the name of a part says what it contains, and its headers where it stopped and the next one begins', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  simulator.settings.callsPerDay = simulator.calls.filter(({ service }) => service === 'api').length + 9;

  const { text, headers } = await mara.get(`${path}/export.csv?part=yes`).buffer(true).expect(200);
  simulator.settings.callsPerDay = null;

  assert.equal(headers['x-export-complete'], 'false');
  assert.equal(headers['x-export-stopped'], 'cooldown');
  assert.match(String(headers['x-export-until']), /^\d{4}-\d\d-\d\dT/);
  const written = Number(headers['x-export-rows']) + Number(headers['x-export-gone']);
  const { pathname, searchParams } = new URL(String(headers['x-export-resume']), turntable.url);
  assert.equal(pathname, `${path}/export.csv`);
  assert.equal(searchParams.get('from'), String(written));
  const name = `${longPlaylistName} (rows 1-${written} of 1,200).csv`;
  assert.equal(headers['content-disposition'], `attachment; filename="${name}"`);
  assert.equal(readTable(text).length, written - Number(headers['x-export-gone']));
  turntable.clock.advance({ days: 2 });
  const rest = await mara.get(String(headers['x-export-resume'])).buffer(true).expect(200);
  assert.ok(Number(readTable(rest.text)[0]?.Position) > written, 'positions go on');
});

testOnce('a part says whether the playlist has changed since the previous one', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, 'Paper & pencil');
  const { manifest } = await getFile(mara, `${path}/export.json`);
  const from = (part: object) => `${path}/export.json?${new URLSearchParams({ from: '50', ...part })}`;
  const known = { snapshot: String(manifest.snapshotId) };
  assert.equal((await getFile(mara, from(known))).manifest.changedSince, false);

  const uri = (await mara.getJson('/now-playing').expect(200)).body.item.uri;
  await mara.post(`${path}/items`).send({ uri }).expect(303);

  const part = await getFile(mara, from(known));
  assert.equal(part.manifest.changedSince, true);
  assert.equal(part.manifest.written, 6);
  assert.equal(
    (await getFile(mara, `${path}/export.json`)).manifest.changedSince,
    false,
    'a file from the start has no part before',
  );
});

testOnce('a part that ends because Spotify is silent says so, without a time', async (t) => {
  const turntable = await startTurntable(t, { timing: { apiDeadlineMs: 2_000 } });
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  simulator.fault({ on: /\/items$/, minOffset: 450, times: 100, how: 'silence' });

  const { items, manifest } = await getFile(mara, `${path}/export.json?part=yes`);

  assert.equal(manifest.stopped?.reason, 'spotify-unavailable');
  assert.equal(manifest.stopped?.until, null);
  assert.equal(items.length, 450);
  assert.equal(manifest.written, 450);
  simulator.clearFaults();
  const rest = await getFile(mara, String(manifest.stopped?.resume));
  assert.equal(rest.items.length, 750);
  assert.equal(rest.manifest.complete, true);
});

testOnce('an error before the first row gives an error page, not a file', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, 'Sunday, slowly');

  for (const on of [/\/items$/, new RegExp(`${path}$`)]) {
    simulator.fault({ on, times: 2, answer: { status: 502, body: '' } });
    const page = await mara.get(`${path}/export.csv`).expect(502).expect('Content-Type', /html/);
    assert.equal(page.headers['content-disposition'], undefined);
    assert.match(page.text, /Spotify isn’t responding/);
  }
});

testOnce('a client that disconnects ends the calls to Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, logged } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  simulator.forgetCalls();
  lengthenPlaylist(turntable, 40);

  const answer = await openDownload(turntable, mara, `${path}/export.csv`);
  await new Promise((resolve) => answer.once('data', resolve));
  answer.destroy();
  while (!/"status":"cut off"/.test(logged.join(''))) await sleep(10);
  await untilNoMoreCalls(turntable);

  assert.ok(simulator.calls.length < 40, `${simulator.calls.length} calls of 61`);
  assert.doesNotMatch(logged.join(''), /Request failed/);
});

testOnce('a client that disconnects before anything is written is no error', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, logged } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const held = holdResponse(simulator, /\/(items|tracks)$/);
  simulator.forgetCalls();

  const request = get(`${turntable.url}${path}/export.csv`, { headers: { Cookie: mara.cookieHeader() } });
  request.once('error', () => undefined);
  await held.reached;
  request.destroy();
  while (!/"status":"cut off"/.test(logged.join(''))) await sleep(10);
  held.release();
  await sleep(100); // until the answer would have been written

  assert.ok(
    simulator.calls.length <= 9,
    `${simulator.calls.length} calls: the playlist, and what was in flight`,
  );
  assert.doesNotMatch(logged.join(''), /Request failed/);
});

testOnce('a client that stops reading slows the export down, and memory stays bounded', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  // More than the buffers between two programs can hold.
  const track = { type: 'track', name: 'x'.repeat(30_000), artists: [], album: null };
  const items = Array.from({ length: 50 }, () => ({ item: track }));
  const body = JSON.stringify({ total: 1200, items });
  simulator.fault({ on: /\/items$/, times: 24, answer: { status: 200, body } });
  simulator.forgetCalls();

  const answer = await openDownload(turntable, mara, `${path}/export.json`);
  answer.pause();
  await untilNoMoreCalls(turntable);
  const stoodStill = simulator.calls.length;
  let size = 0;
  for await (const piece of answer) size += piece.length;

  assert.ok(stoodStill < 20, `${stoodStill} of ${simulator.calls.length} calls while no one read`);
  assert.equal(simulator.calls.length, 26);
  assert.ok(size > 36_000_000);
});

test('all playlists come in one file, each with its manifest', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const { body } = await noor.getJson('/playlists').expect(200);

  const { playlists, summary } = JSON.parse(
    (await noor.get('/playlists/export.json').buffer(true).expect(200)).text,
  ) as { playlists: ExportFile[]; summary: object };

  assert.deepEqual(
    playlists.map(({ id }) => id),
    body.playlists.map(({ id }: ExportFile) => id),
  );
  assert.deepEqual(summary, {
    playlists: 12,
    announced: 12,
    sentAsNull: 0,
    notSent: 0,
    unreadable: apiVersionIn(t) === '2026-02' ? 1 : 0,
    incomplete: 0,
    missing: 0,
    complete: true,
    stopped: null,
  });
  for (const { id, items, manifest } of playlists) {
    const theirs = manifest.readable ? await inside(noor, `/playlists/${id}`) : [];
    assert.deepEqual(asOnPages(items), theirs, manifest.name as string);
    assert.equal(manifest.complete, manifest.readable);
  }
  const unreadable = playlists.filter(({ manifest }) => !manifest.readable).map(({ name }) => name);
  assert.deepEqual(unreadable, apiVersionIn(t) === '2026-02' ? ['Songs that can see the sea'] : []);
  assert.ok(apiRequests(simulator).includes('GET /me/playlists'));
});

test('as a table, each row of it names its playlist', async (t) => {
  const turntable = await startTurntable(t);
  const noor = await signInToExport(turntable, 'noor');

  const { text, headers } = await noor.get('/playlists/export.csv').buffer(true).expect(200);

  const rows = readTable(text);
  assert.equal(headers['content-disposition'], 'attachment; filename=playlists.csv');
  assert.equal(headers['x-export-playlists'], '12');
  assert.equal(headers['x-export-complete'], 'true');
  assert.equal(rows.filter(({ Playlist }) => Playlist === 'Morning walk').length, 9);
});

test('all playlists can be downloaded in parts, and the parts together are the whole', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  type All = { playlists: ExportFile[]; summary: { complete: boolean; stopped: StopReason | null } };
  const all = async (path: string): Promise<All> =>
    JSON.parse((await noor.get(path).buffer(true).expect(200)).text);
  const whole = await all('/playlists/export.json');
  // Earlier calls do not count anymore.
  clock.advance({ days: 2 });

  const parts: All[] = [];
  for (let next: string | undefined = '/playlists/export.json?part=yes'; next; ) {
    simulator.settings.callsPerDay = 5;
    const part: All = await all(next);
    simulator.settings.callsPerDay = null;
    parts.push(part);
    next = part.summary.stopped?.resume;
    clock.advance({ days: 2 });
    await noor.get('/playlists').expect(200);
  }

  assert.ok(parts.length > 2);
  const itemsOf = (files: ExportFile[]) =>
    files.flatMap(({ id, items }) => items.map((item) => ({ id, item })));
  assert.deepEqual(itemsOf(parts.flatMap(({ playlists }) => playlists)), itemsOf(whole.playlists));
  assert.deepEqual(
    parts.map(({ summary }) => summary.complete),
    parts.map((_, index) => index === parts.length - 1),
  );
});

test('the file of another person’s playlist says that Spotify does not show its contents', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, 'Lighthouse keepers');

  const { items, manifest } = await getFile(mara, `${path}/export.json`);

  const closed = apiVersionIn(t) === '2026-02';
  assert.equal(manifest.readable, !closed);
  assert.equal(manifest.complete, !closed);
  assert.equal(items.length, closed ? 0 : 64);
});

test('an empty playlist is a complete file', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);

  const { items, manifest } = await getFile(mara, `${await playlistNamed(mara, 'Someday')}/export.json`);

  assert.deepEqual(items, []);
  assert.equal(manifest.complete, true);
});

testOnce('a file is named after its playlist, as far as file names allow', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const named = async (name: string) => {
    const card = JSON.stringify({ id: someId, name, items: { total: 0 } });
    simulator.fault({ on: new RegExp(`/playlists/${someId}$`), answer: { status: 200, body: card } });
    simulator.fault({ on: /\/items$/, answer: { status: 200, body: '{"items":[],"total":0}' } });
    const { headers } = await mara.get(`/playlists/${someId}/export.csv`).buffer(true).expect(200);
    return headers['content-disposition'];
  };

  assert.equal(await named('AC/DC: live? <1979>\n'), 'attachment; filename="AC DC live 1979.csv"');
  assert.equal(await named(''), 'attachment; filename=playlist.csv');
  assert.equal(await named('///'), 'attachment; filename=playlist.csv');
  for (const [name, file] of [
    ['CON', 'CON_'],
    ['com1', 'com1_'],
    ['nul.live', 'nul_.live'],
    ['Console', 'Console'],
    ['..', 'playlist'],
    ['...Baby', 'Baby'],
    ['Wait... ', 'Wait'],
    ['Mr. Blue', 'Mr. Blue'],
    ['song\u202Egpj', 'songgpj'],
    ['\u2067rtl\u2069', 'rtl'],
  ] as const)
    assert.match(String(await named(name)), new RegExp(`filename="?${file}\\.csv"?$`), name);
  assert.match(String(await named('שירים')), /filename\*=UTF-8''%D7%A9/);
  // Cut between whole characters, and half a surrogate pair is dropped.
  assert.match(String(await named(`${'x'.repeat(79)}😀😀`)), /x%F0%9F%98%80\.csv$/);
  assert.match(String(await named('half \ud83d')), /half%20%EF%BF%BD\.csv$/);
});

testOnce('pages and formats that can’t exist are a 404, without a call to Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  turntable.simulator.forgetCalls();
  const paths = ['/playlists/export', `/playlists/${someId}/export`];

  for (const path of paths) {
    for (const format of ['xml', 'constructor', '__proto__', 'CSV', 'csv.gz'])
      await mara.get(`${path}.${format}`).expect(404);
  }
  for (const query of [
    'from=-1',
    'from=x',
    'from=1000000',
    'from=1&from=2',
    'page=0',
    'page=2002',
    'skip=x',
    'page=3&skip=1000',
    'skip=50',
  ]) {
    await mara.get(`/playlists/export.csv?${query}`).expect(404);
  }
  await mara.get('/playlists/a.b/export.csv').expect(404);
  assert.equal(turntable.simulator.calls.length, 0);
});

testOnce('a visitor who is not signed in is sent to sign in and then back to the file', async (t) => {
  const { browser } = await startTurntable(t);
  const visitor = browser();

  const led = await visitor.get('/playlists/export.csv').expect(303);
  assert.equal(led.headers.location, '/login?returnTo=%2Fplaylists%2Fexport.csv');
  await visitor.getJson('/playlists/export.json').expect(401);
});

testOnce('the pages link to the files, and a HEAD request makes no call', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  for (const format of ['csv', 'json']) {
    assert.ok((await mara.get('/playlists/export')).text.includes(`href="/playlists/export.${format}">`));
    assert.ok((await mara.get(`${path}/export`)).text.includes(`href="${path}/export.${format}">`));
  }
  assert.match((await mara.get('/playlists')).text, /<a [^>]*href="\/playlists\/export">Export all</);
  assert.ok((await mara.get(path)).text.includes(`<a href="${path}/export">Export</a>`));
  turntable.simulator.forgetCalls();

  const head = await mara.agent.head(`${path}/export.csv`).expect(200);

  assert.equal(head.headers['content-disposition'], `attachment; filename="${longPlaylistName}.csv"`);
  assert.equal(head.headers['content-type'], 'text/csv; charset=utf-8');
  for (const [file, name] of [
    ['/playlists/export.zip', 'playlists.zip'],
    ['/library/export.csv', 'Saved tracks.csv'],
    ['/library/top/export.json', 'Top tracks, six months.json'],
    [`/playlists/${someId}/export.csv`, 'playlist.csv'],
  ] as const) {
    const { headers } = await mara.agent.head(file).expect(200);
    assert.match(headers['content-disposition'] ?? '', new RegExp(`^attachment; filename="?${name}"?$`));
  }
  assert.deepEqual(apiRequests(turntable.simulator), []);
  await mara.agent.head('/library/export.nothing').expect(404);
});

// fault: calls-after-failed-export
testOnce('an export whose first page fails makes no more calls afterward', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const held = holdResponse(simulator, /\/items$/, { status: 400, body: '{}' });
  delayPages(turntable, 300, 30);
  simulator.forgetCalls();

  const answer = mara.get(`${path}/export.csv`).then(({ status }) => status);
  await held.reached;
  held.release();

  assert.notEqual(await answer, 200);
  const made = simulator.calls.length;
  await new Promise((resolve) => setTimeout(resolve, 600)); // longer than a page takes
  assert.equal(simulator.calls.length, made);
});
