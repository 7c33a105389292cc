import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { playlists } from '../../simulator/playlists.ts';
import type { Fault } from '../../simulator/simulator.ts';
import * as accessErrors from '../../src/access/errors.ts';
import { serve } from '../../src/ops/serve.ts';
import { stopFor } from '../../src/pages/export/stop.ts';
import * as spotifyErrors from '../../src/spotify/errors.ts';
import {
  type Download,
  delayPages,
  download,
  type ExportFile,
  getFile,
  lengthenPlaylist,
  longPlaylistName,
  openDownload,
  playlistNamed,
  readTable,
  signInToExport,
  untilPagesExpire,
} from '../support/exports.ts';
import { until } from '../support/fleet.ts';
import { apiRequests } from '../support/pages.ts';
import { type Browser, countApiCalls, startTurntable, type Turntable } from '../support/turntable.ts';

type Answer = NonNullable<Fault['answer']>;

const items = /\/items$/;
const wait = (seconds: number): Answer => ({
  status: 429,
  headers: { 'Retry-After': String(seconds) },
  body: 'Too many requests',
});

type Progress = {
  state: string;
  what: string;
  rows: number;
  of: number | null;
  until: number | null;
  reason: string | null;
};

async function progressOf(person: Browser): Promise<Progress | null> {
  return (await person.getJson('/playlists/export/progress').expect(200)).body;
}

async function isPaused(person: Browser): Promise<boolean> {
  return (await progressOf(person))?.state === 'paused';
}

/** Waits until an export pauses, and the pages that it requested at the same time have arrived at Spotify. */
async function untilPaused(person: Browser, { simulator }: Turntable): Promise<void> {
  await until(() => isPaused(person));
  for (let seen = -1; seen !== simulator.calls.length; ) {
    seen = simulator.calls.length;
    await sleep(250);
  }
}

async function longPlaylist(turntable: Turntable): Promise<{ mara: Browser; path: string }> {
  const mara = await signInToExport(turntable);
  return { mara, path: await playlistNamed(mara, longPlaylistName) };
}

/** An answer with 50 rows of a playlist of this length. */
function rowsOf(total: number, count = 50): Answer {
  const track = { type: 'track', name: 'One of many', artists: [], album: null };
  return {
    status: 200,
    body: JSON.stringify({ total, items: Array.from({ length: count }, () => ({ item: track })) }),
  };
}

const passing: [string, Omit<Fault, 'on'>, number][] = [
  ['a 429 that asks for four seconds', { answer: wait(4) }, 4],
  ['a 429 that asks for a minute', { answer: wait(60) }, 60],
  ['a 502', { answer: { status: 502, body: '' } }, 0],
  ['an empty 503', { answer: { status: 503, body: '' } }, 0],
  ['a connection that breaks', { how: 'reset' }, 0],
  ['a truncated answer', { how: 'truncate' }, 0],
  ['a page of HTML', { answer: { status: 200, body: '<html>busy</html>' } }, 0],
  ['silence', { how: 'silence' }, 0],
];

for (const [what, fault, seconds] of passing) {
  // fault: failure-in-middle-of-file
  test(`${what} in the middle of a playlist does not end its file`, async (t) => {
    const turntable = await startTurntable(t, { timing: { apiDeadlineMs: 1_000 } });
    const { simulator, clock } = turntable;
    const { mara, path } = await longPlaylist(turntable);
    const whole = await getFile(mara, `${path}/export.json`);
    clock.advance(untilPagesExpire);
    simulator.forgetCalls();
    simulator.fault({ on: items, minOffset: 300, ...fault });

    const exported = download(turntable, mara, `${path}/export.json`);
    if (seconds > 0) {
      await until(() => isPaused(mara));
      clock.advance({ seconds });
    }
    const { status, headers, text, isWhole } = await exported;

    assert.deepEqual([status, isWhole], [200, true]);
    assert.equal(Number(headers['content-length']), Buffer.byteLength(text));
    const { items: rows, manifest } = JSON.parse(text) as ExportFile;
    assert.deepEqual(rows, whole.items);
    assert.equal(manifest.complete, true);
    assert.equal(countApiCalls(simulator, `/v1${path}/items`), 25, 'one more than there are pages');
  });
}

// fault: failures-in-file-of-all
test('all 137 playlists are in the file despite temporary failures', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signInToExport(turntable);
  const faults: Omit<Fault, 'on'>[] = [
    { answer: { status: 502, body: '' } },
    { how: 'reset' },
    { answer: wait(4) },
  ];
  // Each in another playlist: two in a row for the same read would end the file.
  const short = playlists.filter(({ owner, entries }) => owner.id === 'mara' && entries.length <= 50);
  const failing = faults.map((fault, index) => ({
    ...fault,
    on: new RegExp(`/${short[20 + index]?.id}/items$`),
  }));
  for (const fault of failing) simulator.fault(fault);
  simulator.fault({ on: /\/me\/playlists$/, times: 1, delayMs: 0 });
  simulator.fault({ on: /\/me\/playlists$/, answer: { status: 502, body: '' } });

  const exported = download(turntable, mara, '/playlists/export.json');
  await until(() => isPaused(mara));
  clock.advance({ seconds: 4 });
  const { status, text, isWhole } = await exported;

  assert.deepEqual([status, isWhole], [200, true]);
  const file = JSON.parse(text) as { playlists: ExportFile[]; summary: object };
  // Spotify counts five that it sends as null, and lists other people's playlists that no app may read.
  const facts = { playlists: 132, announced: 137, sentAsNull: 5, notSent: 0, unreadable: 28, incomplete: 0 };
  assert.deepEqual(file.summary, { ...facts, missing: 0, complete: false, stopped: null });
  assert.equal(file.playlists.length, 132);
  for (const { on } of failing)
    assert.equal(simulator.calls.filter(({ path }) => on.test(path)).length, 2, `${on}`);
});

// fault: pause-shown-on-page
test('a pause is shown on the page that started the export, whichever process serves it', async (t) => {
  const one = await startTurntable(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { simulator, clock } = one;
  const { mara, path } = await longPlaylist(one);
  const elsewhere = other.browser();
  await elsewhere.signIn();
  delayPages(one, 0, 6);
  simulator.fault({ on: items, answer: wait(40) });

  const exported = download(one, mara, `${path}/export.csv`);
  await until(() => isPaused(elsewhere));
  const page = await elsewhere.get(`${path}/export`).expect(200);
  const now = await progressOf(mara);
  clock.advance({ seconds: 40 });
  const { status, text } = await exported;

  assert.match(page.text, /Paused until <time [^>]+>[^<]+<\/time>, with \d+ of 1,200 rows read/);
  assert.match(page.text, /<noscript><meta http-equiv="refresh" content="5"><\/noscript>/);
  assert.equal(now?.until, clock.now());
  // Six pages of 50 rows, and whatever of the eight that are requested at once arrived as well.
  assert.ok(now.rows > 0 && now.rows <= (6 + 8) * 50, `${now.rows} rows`);
  assert.equal(now.of, 1200);
  assert.equal(status, 200);
  assert.ok(readTable(text).length > 1_100);
  await until(async () => (await progressOf(mara))?.state === 'complete');
  assert.match((await mara.get(`${path}/export`).expect(200)).text, /Finished: 1,200 rows\./);
  assert.doesNotMatch(
    (await mara.get('/playlists/export').expect(200)).text,
    /Finished/,
    'the page of another export',
  );
});

// fault: cooldown-before-first-row
test('before the first row, a short cooldown is a page that starts the download by itself', async (t) => {
  const turntable = await startTurntable(t, { timing: { firstByteMs: 0 } });
  const { simulator, clock } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  simulator.fault({ on: new RegExp(`${path}$`), answer: wait(40) });

  const page = await mara.get(`${path}/export.csv`).expect(503);

  assert.match(page.text, /<h1>Paused until <time/);
  assert.match(page.text, /<noscript><meta http-equiv="refresh" content="40"><\/noscript>/);
  assert.ok(page.text.includes(`href="${path}/export.csv" data-start-seconds="40"`));
  assert.equal(page.headers['retry-after'], '40');
  assert.equal(page.headers['content-disposition'], undefined);
  const refused = await mara.getJson(`${path}/export.csv`).expect(503);
  assert.equal(JSON.parse(refused.text).reason, 'cooldown');
  clock.advance({ seconds: 40 });
  const table = await mara.get(`${path}/export.csv`).buffer(true).expect(200);
  assert.equal(readTable(table.text).at(-1)?.Position, '1200');

  clock.advance({ minutes: 1 });
  simulator.fault({ on: new RegExp(`${path}$`), answer: wait(61) });
  const longer = await mara.get(`${path}/export.csv`).expect(503);
  assert.doesNotMatch(longer.text, /http-equiv="refresh"/);
});

test('a cooldown before the first row is waited out if there is time', async (t) => {
  const turntable = await startTurntable(t);
  const { mara, path } = await longPlaylist(turntable);
  turntable.simulator.fault({ on: new RegExp(`${path}$`), answer: wait(10) });

  const exported = download(turntable, mara, `${path}/export.csv`);
  await until(() => isPaused(mara));
  turntable.clock.advance({ seconds: 10 });

  assert.equal((await exported).status, 200);
});

const final: [string, Omit<Fault, 'on' | 'times'>, number, string][] = [
  ['a cooldown of more than a minute', { answer: wait(61) }, 503, 'cooldown'],
  ['a Spotify that keeps failing', { answer: { status: 502, body: '' } }, 502, 'spotify-unavailable'],
  ['a refusal', { answer: { status: 403, body: '{}' } }, 403, 'refused'],
  ['a playlist that is gone', { answer: { status: 404, body: '{}' } }, 404, 'no-such-page'],
  [
    'a revoked permission',
    { answer: { status: 403, body: 'Insufficient client scope' } },
    403,
    'missing-permission',
  ],
  [
    'an owner without Premium',
    { answer: { status: 403, body: 'Active premium subscription required for the owner of the app' } },
    403,
    'owner-needs-premium',
  ],
  ['a call that Spotify does not understand', { answer: { status: 400, body: '{}' } }, 502, 'not-understood'],
  ['a playlist that was changed', { answer: rowsOf(1100) }, 409, 'changed-during-export'],
];

for (const [what, fault, status, reason] of final) {
  // fault: export-keeps-failing
  test(`${what} in the middle is an error page and no file, and a part contains the rows before it`, async (t) => {
    const turntable = await startTurntable(t);
    const { simulator, clock } = turntable;
    const { mara, path } = await longPlaylist(turntable);
    for (const json of [false, true]) {
      simulator.fault({ on: items, minOffset: 300, times: 100, ...fault });
      const get = json ? mara.getJson : mara.get;
      const page = await get(`${path}/export.csv`).buffer(true).expect(status);
      assert.equal(page.headers['content-disposition'], undefined);
      if (json) assert.equal(JSON.parse(page.text).reason, reason);
      else assert.match(page.text, /<h1>/);
      simulator.clearFaults();
      clock.advance({ minutes: 2 });
    }

    simulator.fault({ on: items, minOffset: 300, times: 100, ...fault });
    const part = await download(turntable, mara, `${path}/export.json?part=yes`);
    assert.equal(part.status, 200);
    const { items: rows, manifest } = JSON.parse(part.text) as ExportFile;
    assert.equal(rows.length, 300);
    assert.equal(manifest.stopped?.reason, reason === 'no-such-page' ? 'not-found' : reason);
    assert.equal(
      part.headers['content-disposition'],
      `attachment; filename="${longPlaylistName} (${
        reason === 'changed-during-export' ? 'changed during the export' : 'rows 1-300 of 1,200'
      }).json"`,
    );
  });
}

// fault: retry-budget
test('reads are repeated within a budget: retries don’t double the load on a failing Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const noor = await signInToExport(turntable, 'noor');
  const { body } = await noor.getJson('/playlists').expect(200);
  // Every read would succeed the second time.
  for (const { id } of body.playlists)
    simulator.fault({ on: new RegExp(`${id}/(items|tracks)`), answer: { status: 502, body: '' } });
  simulator.forgetCalls();

  await noor.get('/playlists/export.csv').expect(502);

  const reads = apiRequests(simulator).filter((call) => items.test(call));
  assert.ok(
    reads.length <= 7 + 8,
    `${reads.length}: three that were repeated, the one that was not, and those at the same time`,
  );
});

// fault: pause-budget
test('pauses have a budget: an export does not wait forever', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  simulator.fault({ on: items, minOffset: 50, times: 100, answer: wait(50) });

  let isOver = false;
  const exported = download(turntable, mara, `${path}/export.csv`).finally(() => {
    isOver = true;
  });
  const pauses = new Set<number>();
  while (!isOver) {
    // The end of a pause tells it from the one before, which may still be shown.
    await until(async () => {
      const progress = await progressOf(mara);
      return isOver || (progress?.state === 'paused' && !pauses.has(Number(progress.until)));
    });
    pauses.add(Number((await progressOf(mara))?.until));
    clock.advance({ seconds: 50 });
  }

  assert.equal((await exported).status, 503);
  assert.ok(pauses.size <= 8, `${pauses.size} pauses`);
});

/** Downloads a file in which something fails permanently after its 1,000th row. */
async function cut(
  turntable: Turntable,
  get: (path: string, mara: Browser) => Promise<unknown>,
): Promise<void> {
  const { mara, path } = await longPlaylist(turntable);
  const { simulator } = turntable;
  simulator.fault({ on: items, minOffset: 1000, times: 100, answer: { status: 502, body: '' } });
  simulator.fault({ on: items, times: 20, answer: rowsOf(3000) });
  await get(`${path}/export.csv`, mara);
  await until(() => /"level":50[^\n]*SpotifyUnavailable/.test(turntable.logged.join('')));
  await until(async () => (await progressOf(mara))?.state === 'stopped');
  assert.match(
    (await mara.get(`${path}/export`).expect(200)).text,
    /Stopped after 1,000 of 3,000 rows: Spotify didn’t respond\./,
  );
}

// fault: long-file-fails
test('a long file that has begun and cannot go on is a download that fails', async (t) => {
  const turntable = await startTurntable(t);
  await cut(turntable, async (path, mara) => {
    const { status, headers, text, isWhole } = await download(turntable, mara, path);
    assert.equal(status, 200);
    assert.equal(headers['content-length'], undefined);
    assert.match(text, /One of many/);
    assert.equal(isWhole, false);
  });
});

/** Makes the request as an HTTP/1.0 proxy does; returns the bytes received, and how the connection ended. */
async function askAsOldProxy(url: string, path: string, cookie: string, onData?: () => void) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.0\r\nHost: ${hostname}:${port}\r\nCookie: ${cookie}\r\n\r\n`);
  let text = '';
  socket.setEncoding('utf8').on('data', (piece) => {
    text += piece;
    onData?.();
  });
  const end = await new Promise((resolve) => {
    socket.once('end', () => resolve('an end'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  socket.destroy();
  return { text, end };
}

// fault: long-file-fails-over-http10
test('it also fails for a proxy that speaks HTTP/1.0, which takes a closed connection for the end', async (t) => {
  const turntable = await startTurntable(t);
  await cut(turntable, async (path, mara) => {
    const { text, end } = await askAsOldProxy(turntable.url, path, mara.cookieHeader());
    assert.match(text, /^HTTP\/1\.1 200/);
    assert.doesNotMatch(text, /transfer-encoding/i);
    assert.equal(end, 'ECONNRESET');
  });
});

// fault: download-cut-by-stop
test('a download that is cut off because the server stops does not look complete', async () => {
  const serving = await serve((_req, res) => void res.write('half a file'), { host: '127.0.0.1', port: 0 });
  let closed: Promise<void> | undefined;
  const { text, end } = await askAsOldProxy(`http://127.0.0.1:${serving.port}`, '/', '', () => {
    closed ??= serving.close(10);
  });
  await closed;

  assert.match(text, /half a file$/);
  assert.equal(end, 'ECONNRESET');
});

// fault: file-never-silent
test('a file that is being sent is never silent for long while Spotify is waited for', async (t) => {
  const turntable = await startTurntable(t, { timing: { heartbeatMs: 50 } });
  const { simulator, clock } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  lengthenPlaylist(turntable, 0, 20);
  simulator.fault({ on: items, answer: wait(60) });
  lengthenPlaylist(turntable, 0, 40);

  const answer = await openDownload(turntable, mara, `${path}/export.csv`);
  const pieces: string[] = [];
  const ended = new Promise((resolve) => answer.once('end', resolve));
  answer.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
  await until(() => isPaused(mara));
  const before = pieces.length;
  await until(() => pieces.length > before + 5);
  clock.advance({ seconds: 60 });
  await ended;

  assert.equal(answer.complete, true);
  const rows = pieces
    .join('')
    .split('\r\n')
    .filter((line) => line.includes('One of many'));
  assert.deepEqual(
    rows.map((row) => Number(/,"(\d+)","[^"]*"$/.exec(row)?.[1])),
    Array.from({ length: 3000 }, (_, index) => index + 1),
  );
});

// fault: slow-short-file
test('a short file that takes too long begins before it is whole, and then goes on', async (t) => {
  const turntable = await startTurntable(t, { timing: { firstByteMs: 300, heartbeatMs: 50 } });
  const { simulator, clock } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  simulator.fault({ on: items, minOffset: 300, answer: wait(60) });

  const answer = await openDownload(turntable, mara, `${path}/export.csv`);
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['content-length'], undefined);
  await until(() => isPaused(mara));
  clock.advance({ seconds: 60 });
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += piece;

  assert.equal(answer.trailers['x-export-rows'], '1184');
  assert.equal(answer.trailers['x-export-complete'], 'true');
  assert.equal(readTable(text).at(-1)?.Position, '1200');
});

// fault: rows-missing
test('rows that Spotify announces and does not send are read again, and otherwise the name mentions them as missing', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  const lacking = (times: number) => {
    simulator.fault({ on: items, minOffset: 150, times, answer: rowsOf(1200, 48) });
  };

  lacking(1);
  assert.equal((await getFile(mara, `${path}/export.json`)).manifest.complete, true, 'once is repaired');

  simulator.clearFaults();
  clock.advance(untilPagesExpire);
  simulator.fault({ on: items, minOffset: 1150, times: 2, answer: rowsOf(1200, 48) });
  const json = await download(turntable, mara, `${path}/export.json`);
  assert.equal(
    json.headers['content-disposition'],
    `attachment; filename="${longPlaylistName} (2 of 1,200 rows missing).json"`,
  );
  const { items: rows, manifest } = JSON.parse(json.text) as ExportFile;
  assert.deepEqual([rows.length, manifest.missing, manifest.complete], [1200, 2, false]);
  assert.deepEqual(rows.slice(-2), [null, null]);

  simulator.fault({ on: items, minOffset: 1150, times: 2, answer: rowsOf(1200, 48) });
  const table = await download(turntable, mara, `${path}/export.csv`);
  assert.equal(readTable(table.text).at(-1)?.Position, '1198', 'a row of a table is always a track');
  assert.equal(table.headers['x-export-missing'], '2');
  assert.equal(table.headers['x-export-complete'], 'false');

  const noor = await signInToExport(turntable, 'noor');
  const walk = await playlistNamed(noor, 'Morning walk');
  simulator.fault({ on: new RegExp(`${walk}/items$`), times: 2, answer: rowsOf(20, 18) });
  const all = await download(turntable, noor, '/playlists/export.json');
  assert.equal(all.headers['content-disposition'], 'attachment; filename="playlists (rows missing).json"');
  const { missing, complete } = JSON.parse(all.text).summary;
  assert.deepEqual([missing, complete], [2, false]);

  // The name of a long one has been sent by then.
  lengthenPlaylist(turntable, 0, 59);
  clock.advance(untilPagesExpire);
  simulator.fault({ on: items, times: 2, answer: rowsOf(3000, 48) });
  const long = await download(turntable, mara, `${path}/export.csv`);
  assert.deepEqual([long.status, long.isWhole], [200, false]);
});

// fault: sign-out-ends-export
test('signing out ends an export that is paused, without another call to Spotify', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock, keys } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  simulator.fault({ on: items, minOffset: 300, answer: wait(60) });
  const exported = download(turntable, mara, `${path}/export.csv`);
  await untilPaused(mara, turntable);
  const { cookieHeader } = mara;
  const cookies = cookieHeader();

  await mara.post('/logout').expect(303);
  simulator.forgetCalls();
  clock.advance({ seconds: 60 });
  const { status, headers } = await exported;

  assert.equal(status, 401);
  assert.equal(headers['content-disposition'], undefined);
  assert.deepEqual(apiRequests(simulator), []);
  assert.ok(cookies);
  assert.deepEqual(
    (await keys()).filter((key) => key.startsWith('export:')),
    [],
    'nothing of it is stored',
  );
});

// fault: client-leaves-during-pause
test('a client that leaves during a pause ends the export', async (t) => {
  const turntable = await startTurntable(t, { timing: { firstByteMs: 100 } });
  const { simulator, clock, logged } = turntable;
  const { mara, path } = await longPlaylist(turntable);
  simulator.fault({ on: items, minOffset: 300, answer: wait(60) });
  const answer = await openDownload(turntable, mara, `${path}/export.csv`);
  await untilPaused(mara, turntable);
  simulator.forgetCalls();

  answer.destroy();
  await until(async () => (await progressOf(mara))?.state === 'stopped');
  clock.advance({ seconds: 60 });
  await sleep(400); // long enough for a pause to end

  assert.deepEqual(apiRequests(simulator), []);
  assert.equal((await progressOf(mara))?.reason, 'canceled');
  assert.doesNotMatch(logged.join(''), /request failed|background task failed/i);
});

// fault: every-error-has-reason
test('no error of Spotify’s, or of access to it, is unexpected', () => {
  const { SpotifyError: _base, ...ofSpotify } = spotifyErrors;
  // Exports follow no one.
  const { ArtistsNotOffered: _other, ...ofAccess } = accessErrors;
  const classes = [...Object.values(ofSpotify), ...Object.values(ofAccess)].filter(
    (exported) => exported.prototype instanceof Error,
  );
  assert.ok(classes.length > 15);
  for (const kind of classes) {
    // Each takes a message first, except `Cooldown`, which takes a time.
    const error: unknown = Reflect.construct(kind, kind === accessErrors.Cooldown ? [1_000] : ['A message']);
    const { reason, until, resume } = stopFor(error, '/next');
    assert.match(reason, /^[a-z-]+$/, kind.name);
    assert.equal(until, kind === accessErrors.Cooldown ? '1970-01-01T00:00:01.000Z' : null);
    assert.equal(resume, '/next');
  }
  assert.throws(() => stopFor(new TypeError('ours'), '/next'), TypeError);
});

test('a record of an export that cannot be read is treated as absent', async (t) => {
  const turntable = await startTurntable(t);
  const { mara, path } = await longPlaylist(turntable);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  await getFile(mara, `${path}/export.json`);
  await until(async () => (await progressOf(mara))?.state === 'complete');
  const [key = ''] = (await turntable.keys()).filter((one) => one.startsWith('export:'));
  const whole = JSON.parse(String(await redis.get(key)));
  assert.ok((await redis.pttl(key)) > 0);

  const fields = Object.keys(whole).filter((field) => field !== 'boundTo');
  const broken = fields.flatMap((field) => [
    JSON.stringify({ ...whole, [field]: undefined }),
    JSON.stringify({ ...whole, [field]: { a: 1 } }),
  ]);
  for (const record of ['', '{bad', 'null', '[]', '7', ...broken]) {
    await redis.set(key, record);
    assert.equal(await progressOf(mara), null, record);
    await mara.get(`${path}/export`).expect(200);
  }
  await redis.del(key);
  await redis.lpush(key, 'x');
  assert.equal(await progressOf(mara), null);
  await getFile(mara, `${path}/export.json`);
  await until(async () => (await progressOf(mara))?.state === 'complete');
});

test('the page of an export says how many calls it takes, and offers parts of a long one', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const { mara, path } = await longPlaylist(turntable);

  const page = await mara.get(`${path}/export`).expect(200);
  assert.match(page.text, /<h1>Export <bdi>Everything I ever liked<\/bdi><\/h1>/);
  assert.match(page.text, /1,200 rows, about 26 calls to Spotify/);
  assert.match(page.text, /starts once the file is complete/);
  const { body } = await mara.getJson(`${path}/export`).expect(200);
  assert.deepEqual(body, {
    id: path.split('/')[2],
    name: longPlaylistName,
    rows: 1200,
    calls: 26,
    progress: null,
  });

  turntable.clock.advance({ minutes: 10 });
  const id = path.split('/')[2];
  const card = { id, name: 'Very long', items: { total: 4100 } };
  simulator.fault({ on: new RegExp(`${path}$`), answer: { status: 200, body: JSON.stringify(card) } });
  const long = await mara.get(`${path}/export`).expect(200);
  assert.match(long.text, /The download starts right away/);
  assert.deepEqual(
    [...long.text.matchAll(/export\.csv\?([^"]*part=yes)"/g)].map(([, query]) => query),
    ['part=yes', 'from=2000&amp;part=yes', 'from=4000&amp;part=yes'],
  );

  simulator.forgetCalls();
  for (let look = 0; look < 5; look += 1) await mara.get('/playlists/export').expect(200);
  assert.deepEqual(apiRequests(simulator), ['GET /me/playlists'], 'looking again costs nothing');
  await mara.get(`/playlists/${'0'.repeat(22)}/export`).expect(404);
});

// fault: part-size
test('a part has up to 2,000 rows, and is sent as a whole', async (t) => {
  const turntable = await startTurntable(t);
  const { mara, path } = await longPlaylist(turntable);
  lengthenPlaylist(turntable, 0);

  const { status, headers, text } = await download(turntable, mara, `${path}/export.json?part=yes`);

  const { items: rows, manifest } = JSON.parse(text) as ExportFile;
  assert.deepEqual([status, rows.length, manifest.stopped?.reason], [200, 2000, 'part-full']);
  assert.equal(
    headers['content-disposition'],
    `attachment; filename="${longPlaylistName} (rows 1-2,000 of 3,000).json"`,
  );
  assert.ok(headers['content-length']);
  const rest: Download = await download(turntable, mara, String(manifest.stopped?.resume));
  assert.equal(
    rest.headers['content-disposition'],
    `attachment; filename="${longPlaylistName} (from row 2,001).json"`,
  );
  assert.equal((JSON.parse(rest.text) as ExportFile).items.length, 1000);
});
