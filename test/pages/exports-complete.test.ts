import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import {
  download,
  type ExportFile,
  getFile,
  longPlaylistName,
  playlistNamed,
  signInToExport,
  untilPagesExpire,
} from '../support/exports.ts';
import { until } from '../support/fleet.ts';
import { apiRequests } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

const items = /\/(items|tracks)$/;
const lists = /\/me\/playlists$/;
const someId = '0'.repeat(22);

type All = { playlists: ExportFile[]; summary: Record<string, unknown> };

function answer(body: unknown) {
  return { status: 200, body: JSON.stringify(body) };
}

/** Downloads all playlists as JSON, with the name of the file. */
async function all(turntable: Turntable, person: Browser, query = ''): Promise<All & { name: string }> {
  const { headers, text, isWhole } = await download(turntable, person, `/playlists/export.json${query}`);
  assert.equal(isWhole, true);
  const [, name = ''] = /filename="?([^"]*?)"?$/.exec(headers['content-disposition'] ?? '') ?? [];
  return { ...(JSON.parse(text) as All), name };
}

/** Makes Spotify list one playlist of two rows, and whatever else is passed in. */
function listed({ simulator }: Turntable, others: unknown[], owner: string, times = 1): void {
  const card = { id: someId, name: 'Of two', snapshot_id: 'a', owner: { id: owner }, items: { total: 2 } };
  simulator.fault({
    on: lists,
    times,
    answer: answer({ total: 1 + others.length, items: [card, ...others] }),
  });
}

function twoRows(total = 2) {
  const track = { type: 'track', name: 'One of two', artists: [], album: null };
  return answer({ total, items: [{ item: track }, { item: track }] });
}

/** Waits until the page of an export shows that it has finished, and returns the text of the page. */
async function outcomeOn(person: Browser, path: string): Promise<string> {
  let text = '';
  await until(async () => {
    ({ text } = await person.get(path).expect(200));
    return /data-state="(complete|incomplete|stopped)"/.test(text);
  });
  const [, shown = ''] = /<div id="export-state"[^>]*>([\s\S]*?)<\/div>/.exec(text) ?? [];
  return shown.replace(/\s+/g, ' ').trim();
}

// fault: short-page-of-playlists
test('a short page of playlists is read again, and then missing in the summary and the name', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const short = answer({ items: [], total: 12 });

  simulator.fault({ on: lists, answer: short });
  assert.equal((await all(turntable, noor)).summary.complete, true, 'once is repaired');

  simulator.fault({ on: lists, times: 2, answer: short });
  const { playlists, summary, name } = await all(turntable, noor);

  assert.deepEqual([playlists.length, summary.playlists, summary.announced], [0, 0, 12]);
  assert.deepEqual([summary.notSent, summary.complete], [12, false]);
  assert.equal(name, 'playlists (playlists missing).json');
  assert.match(
    await outcomeOn(noor, '/playlists/export'),
    /Incomplete: 0 rows\. Spotify returned no data for 12 playlists in your list, so they’re missing from the file\./,
  );
});

// fault: short-page-after-name
test('a download whose name is sent already fails if a later page of playlists is short', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  simulator.fault({ on: lists, minOffset: 100, times: 100, answer: answer({ items: [], total: 137 }) });

  const { status, text, isWhole } = await download(turntable, mara, '/playlists/export.json');

  assert.deepEqual([status, isWhole], [200, false]);
  assert.doesNotMatch(text, /"summary"/);
});

// fault: null-playlists
test('playlists that Spotify sends as null are counted, and the file is not called complete', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  listed(turntable, [null, null], 'noor');
  simulator.fault({ on: items, answer: twoRows() });

  const { summary, name } = await all(turntable, noor);

  assert.deepEqual([summary.playlists, summary.announced, summary.sentAsNull], [1, 3, 2]);
  assert.equal(summary.complete, false);
  assert.equal(name, 'playlists (playlists missing).json');
});

// fault: own-playlist-unreadable
test('a playlist of the listener’s that can’t be read makes the file incomplete, another person’s does not', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  await all(turntable, noor); // detects the API version
  const summaryOf = async (owner: string, status: number) => {
    listed(turntable, [], owner);
    simulator.fault({ on: items, answer: { status, body: '{}' } });
    const { playlists, summary, name } = await all(turntable, noor);
    assert.equal(playlists[0]?.manifest.readable, false);
    const { unreadable, incomplete, complete } = summary;
    return [unreadable, incomplete, complete, name];
  };

  assert.deepEqual(await summaryOf('tovekilde', 403), [1, 0, true, 'playlists.json']);
  for (const status of [403, 404])
    assert.deepEqual(await summaryOf('noor', status), [0, 1, false, 'playlists (rows missing).json']);
  assert.match(
    await outcomeOn(noor, '/playlists/export'),
    /Incomplete: 1 playlist couldn’t be read in full\./,
  );
});

/** Lets the first call for the playlist itself through, and answers the next with another snapshot. */
function changeAtEnd({ simulator }: Turntable, path: string): void {
  const on = new RegExp(`${path}$`);
  simulator.fault({ on, delayMs: 0 });
  simulator.fault({ on, answer: answer({ id: path.split('/')[2], snapshot_id: 'another' }) });
}

// fault: playlist-changes-during-export
test('a playlist that changes during its export without getting longer or shorter fails the export', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);

  changeAtEnd(turntable, path);
  const page = await mara.get(`${path}/export.csv`).buffer(true).expect(409);
  assert.match(page.text, /<h1>The list changed during the export<\/h1>/);
  assert.equal(page.headers['content-disposition'], undefined);

  changeAtEnd(turntable, path);
  const part = await download(turntable, mara, `${path}/export.json?part=yes`);
  const { manifest } = JSON.parse(part.text) as ExportFile;
  assert.deepEqual([manifest.complete, manifest.stopped?.reason], [false, 'changed-during-export']);
  assert.equal(
    part.headers['content-disposition'],
    `attachment; filename="${longPlaylistName} (changed during the export).json"`,
  );
  assert.match(await outcomeOn(mara, `${path}/export`), /the list was changed during the export\. <a /);
  const again = await getFile(mara, String(manifest.stopped?.resume));
  assert.deepEqual([again.items.length, again.manifest.complete], [1200, true], 'it starts again');
});

/** A playlist without rows, as Spotify lists it. */
function emptyOne(id: number) {
  const name = `Number ${id}`;
  return {
    id: `${id}`.padStart(22, '0'),
    name,
    snapshot_id: 'a',
    owner: { id: 'noor' },
    items: { total: 0 },
  };
}

/** Makes Spotify list these playlists from now on. */
function listedFromNow({ simulator }: Turntable, ...ids: number[]): void {
  for (let offset = 50 * Math.floor((ids.length - 1) / 50); offset >= 0; offset -= 50) {
    const page = ids.slice(offset, offset + 50).map(emptyOne);
    const body = answer({ total: ids.length, items: page });
    simulator.fault({ on: lists, minOffset: offset, times: 1, answer: body });
  }
}

const sixty = Array.from({ length: 60 }, (_, id) => id);

// fault: list-changes-during-export
test('a list of playlists that changes between its pages without getting longer or shorter fails the export', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  simulator.fault({ on: items, times: 1000, answer: answer({ total: 0, items: [] }) });
  const movedUp = [55, ...sixty.filter((id) => id !== 55)];
  /** The second page is read after playlist 55 was moved to the top, so it is on neither. */
  const moveBetweenPages = () => {
    simulator.fault({
      on: lists,
      minOffset: 50,
      answer: answer({ total: 60, items: movedUp.slice(50).map(emptyOne) }),
    });
    simulator.fault({ on: lists, answer: answer({ total: 60, items: sixty.slice(0, 50).map(emptyOne) }) });
    listedFromNow(turntable, ...movedUp);
  };

  listedFromNow(turntable, ...sixty);
  listedFromNow(turntable, ...sixty);
  const whole = await all(turntable, noor);
  assert.deepEqual([whole.playlists.length, whole.summary.complete], [60, true]);

  moveBetweenPages();
  const { isWhole, text } = await download(turntable, noor, '/playlists/export.json');
  assert.equal(isWhole, false);
  assert.doesNotMatch(text, /"summary"/);

  moveBetweenPages();
  const { summary, name } = await all(turntable, noor, '?part=yes');
  assert.equal(summary.complete, false);
  const { reason, resume } = summary.stopped as { reason: string; resume: string };
  assert.deepEqual([reason, name], ['changed-during-export', 'playlists (changed during the export).json']);
  assert.match(resume, /page=1&skip=0&from=0/, 'it starts again');
});

// fault: list-changes-between-parts
test('a list of playlists that changes between two parts is noticed at the end of the last one', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const stopAfterThree = async () => {
    listedFromNow(turntable, 0, 1, 2, 3, 4, 5);
    simulator.fault({ on: items, times: 3, answer: answer({ total: 0, items: [] }) });
    simulator.fault({ on: items, times: 2, answer: { status: 502, body: '' } });
    const { playlists, summary } = await all(turntable, noor, '?part=yes');
    assert.equal(playlists.length, 3);
    simulator.fault({ on: items, times: 100, answer: answer({ total: 0, items: [] }) });
    return String((summary.stopped as { resume: string }).resume).split('?')[1];
  };

  const same = await stopAfterThree();
  for (const _ of [1, 2]) listedFromNow(turntable, 0, 1, 2, 3, 4, 5);
  const { playlists, summary } = await all(turntable, noor, `?${same}`);
  assert.deepEqual([playlists.length, summary.complete], [3, true]);

  simulator.clearFaults();
  turntable.clock.advance(untilPagesExpire);
  const changed = await stopAfterThree();
  for (const _ of [1, 2]) listedFromNow(turntable, 1, 2, 3, 4, 5, 6);
  const rest = await all(turntable, noor, `?${changed}`);
  assert.deepEqual(
    [rest.summary.complete, (rest.summary.stopped as { reason: string }).reason],
    [false, 'changed-during-export'],
  );
});

// fault: playlist-changes-in-collection
test('the same applies to a file of all playlists, for one more call for each that is longer than a page', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const long = { id: someId, name: 'Long', snapshot_id: 'a', owner: { id: 'noor' }, items: { total: 52 } };
  const track = { type: 'track', name: 'One of many', artists: [], album: null };
  const page = answer({ total: 52, items: Array.from({ length: 50 }, () => ({ item: track })) });
  const withLong = (snapshot: string) => {
    simulator.forgetCalls();
    simulator.fault({ on: lists, answer: answer({ total: 1, items: [long] }) });
    simulator.fault({ on: items, answer: page });
    simulator.fault({ on: items, answer: twoRows(52) });
    const head = answer({ ...long, snapshot_id: snapshot });
    simulator.fault({ on: new RegExp(`/playlists/${someId}$`), answer: head });
  };

  withLong('a');
  assert.equal((await all(turntable, noor)).summary.complete, true);
  assert.deepEqual(apiRequests(simulator).slice(-1), [`GET /playlists/${someId}`]);
  assert.equal(apiRequests(simulator).length, 4);

  withLong('b');
  await noor.get('/playlists/export.json').expect(409);

  withLong('b');
  const { summary } = await all(turntable, noor, '?part=yes');
  assert.equal(summary.complete, false);
  assert.equal((summary.stopped as { reason: string }).reason, 'changed-during-export');
});

test('a part that begins in another version of the playlist is not called complete', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, 'Paper & pencil');

  const part = await download(turntable, mara, `${path}/export.json?from=50&snapshot=old&part=yes`);

  assert.equal((JSON.parse(part.text) as ExportFile).manifest.complete, false);
  assert.match(part.headers['content-disposition'] ?? '', /\(from row 51, playlist changed\)\.json/);
  const shown = await outcomeOn(mara, `${path}/export`);
  assert.match(shown, /the playlist has changed since the first part/);
  assert.match(shown, /<a href="[^"]+from=0&amp;[^"]*part=yes">Start again<\/a>/);
});

// fault: page-shows-cut-part
test('the page of an export says where a part stopped and why, and continues from there', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  simulator.fault({ on: items, minOffset: 200, times: 100, answer: { status: 502, body: '' } });

  const { manifest } = await getFile(mara, `${path}/export.json?part=yes`);
  simulator.clearFaults();
  const shown = await outcomeOn(mara, `${path}/export`);

  assert.doesNotMatch(shown, /Finished/);
  assert.match(
    shown,
    /Incomplete: the file contains 200 of 1,200 rows\. It stops there because Spotify didn’t respond\./,
  );
  const [, next = ''] = /<a href="([^"]+)">Download the rest<\/a>/.exec(shown) ?? [];
  assert.equal(next.replaceAll('&amp;', '&'), manifest.stopped?.resume);
  const { body } = await mara.getJson('/playlists/export/progress').expect(200);
  assert.deepEqual(
    [body.state, body.reason, body.resume],
    ['incomplete', 'spotify-unavailable', manifest.stopped?.resume],
  );
  assert.equal((await getFile(mara, next.replaceAll('&amp;', '&'))).manifest.complete, true);
  assert.match(await outcomeOn(mara, `${path}/export`), /Finished: 1,000 rows\./);
});

// fault: page-shows-empty-file
test('the page of an export says so if Spotify shows nothing of the playlist', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  await getFile(mara, `${path}/export.json`); // detects the API version
  turntable.clock.advance(untilPagesExpire);
  for (const status of [404, 403]) {
    simulator.fault({ on: items, answer: { status, body: '{}' } });
    assert.equal((await getFile(mara, `${path}/export.json`)).manifest.readable, false);
    const shown = await outcomeOn(mara, `${path}/export`);
    assert.match(
      shown,
      /The file has no rows: Spotify didn’t send this playlist’s contents\. <a [^>]+>Try again/,
    );
  }
});

test('a damaged link in the record of an export is never shown', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  await getFile(mara, `${path}/export.json`);
  await outcomeOn(mara, `${path}/export`);
  const [key = ''] = (await turntable.keys()).filter((one) => one.startsWith('export:'));
  const record = JSON.parse(String(await redis.get(key)));

  for (const resume of ['javascript:alert(1)', 'https://evil.example/', '//evil.example/']) {
    const damaged = { ...record, state: 'incomplete', reason: 'part-full', resume };
    await redis.set(key, JSON.stringify(damaged));
    const { body } = await mara.getJson('/playlists/export/progress').expect(200);
    assert.equal(body, null, resume);
  }
});

test('an export that fails offers the part that could be read', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  simulator.fault({ on: items, minOffset: 200, times: 100, answer: { status: 502, body: '' } });

  await mara.get(`${path}/export.csv`).expect(502);
  simulator.clearFaults();
  const shown = await outcomeOn(mara, `${path}/export`);

  assert.match(shown, /Stopped after 200 of 1,200 rows: Spotify didn’t respond\./);
  assert.ok(shown.includes(`<a href="${path}/export.csv?part=yes">Download a part</a>`));
});

// fault: position-beyond-end
test('a page beyond the end of a playlist, or of all playlists, is a 404 and no file', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const places = [
    ...['from=1200', 'from=99999', 'from=99999&part=yes'].map((query) => `${path}/export.csv?${query}`),
    ...['page=4', 'page=3&skip=49', 'from=99999', 'from=99999&part=yes', 'page=99&part=yes'].map(
      (query) => `/playlists/export.csv?${query}`,
    ),
  ];
  for (const place of places) {
    const { headers } = await mara.get(place).buffer(true).expect(404);
    assert.equal(headers['content-disposition'], undefined, place);
  }
});

test('the page of an export shows that none is running, and offers parts only if there are several', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);

  const page = await mara.get(`${path}/export`).expect(200);
  assert.match(page.text, /Not exporting right now\./);
  assert.doesNotMatch(page.text, /In parts/);
  const ofAll = await mara.get('/playlists/export').expect(200);
  assert.match(ofAll.text, /Not exporting right now\./);
  assert.match(ofAll.text, /In parts/);
});

// fault: question-names-file
test('the question before a file names the playlist and the format', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  const ask = (place: string) =>
    mara.get(place).set({
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Dest': 'document',
    });
  simulator.forgetCalls();

  for (const format of ['csv', 'json']) {
    const { text } = await ask(`${path}/export.${format}`).expect(200);
    assert.ok(text.includes(`Download “${longPlaylistName}” as ${format.toUpperCase()}?`), text);
    assert.match(text, /<a class="button secondary" href="\/">Go home<\/a>/);
  }
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`], 'asked for once');
  assert.match((await ask('/playlists/export.csv').expect(200)).text, /Download all playlists as CSV\?/);

  turntable.clock.advance({ minutes: 6 });
  simulator.fault({ on: /\/playlists\/\w+$/, answer: { status: 502, body: '' } });
  assert.match((await ask(`${path}/export.csv`).expect(200)).text, /Download this playlist as CSV\?/);
  await ask(`/playlists/${someId}/export.csv`).expect(404);
});

test('the number of calls that the page of an export announces is about right', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  for (const listener of ['mara', 'noor']) {
    const person = await signInToExport(turntable, listener);
    const { calls } = (await person.getJson('/playlists/export').expect(200)).body;
    simulator.forgetCalls();
    await all(turntable, person);
    const taken = apiRequests(simulator).length;
    assert.ok(Math.abs(calls - taken) <= taken * 0.2, `${listener}: ${calls} announced, ${taken} taken`);
  }
});
