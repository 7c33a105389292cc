import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test as testOnce } from 'node:test';
import { Redis } from 'ioredis';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import {
  type ExportFile,
  longPlaylistName,
  playlistNamed,
  readTable,
  signInToExport,
} from '../support/exports.ts';
import { until } from '../support/fleet.ts';
import { apiRequests } from '../support/pages.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { type Browser, holdResponse, startTurntable, type Turntable } from '../support/turntable.ts';

const items = /\/(items|tracks)$/;
const wait = (seconds: number) => ({ status: 429, headers: { 'Retry-After': String(seconds) }, body: '' });

type Job = {
  state: string;
  reason: string | null;
  until: number | null;
  rows: number;
  of: number | null;
  share: number | null;
  missing: number;
};

async function jobOf(person: Browser): Promise<Job | null> {
  const { status, body } = await person.getJson('/export');
  if (body.reason === 'no-export') return null;
  assert.equal(status, 200);
  return body;
}

async function untilState(person: Browser, ...states: string[]): Promise<Job> {
  let job: Job | null = null;
  await until(async () => {
    job = await jobOf(person);
    return states.includes(job?.state ?? 'none');
  });
  return job as unknown as Job;
}

async function startJob(person: Browser, exportId: string): Promise<void> {
  const { headers } = await person.post('/export').type('form').send({ export: exportId }).expect(303);
  assert.equal(headers.location, '/export');
}

async function mara(t: TestContext, options: Parameters<typeof startTurntable>[1] = {}) {
  const turntable = await startTurntable(t, options);
  const person = await signInToExport(turntable);
  const path = await playlistNamed(person, longPlaylistName);
  return { turntable, person, path, id: String(path.split('/')[2]) };
}

async function jobKeys({ keys }: Turntable): Promise<string[]> {
  return (await keys()).filter((key) => /^export-(job|chunk|lease):/.test(key));
}

/** A file without the time at which it was made. */
async function fileAt(person: Browser, path: string): Promise<ExportFile> {
  const { text } = await person.get(path).buffer(true).expect(200);
  const file = JSON.parse(text) as ExportFile;
  return { ...file, manifest: { ...file.manifest, exportedAt: '' } };
}

// fault: page-of-export-closed
test('a long export is made in the background, and its file is the same as a download, in any format', async (t) => {
  const { person, path, id } = await mara(t);
  const page = await person.get(`${path}/export`).expect(200);
  assert.match(page.text, /about 26 calls to Spotify/, 'the price comes first');
  const downloaded = await fileAt(person, `${path}/export.json`);

  await startJob(person, id);
  const job = await untilState(person, 'done', 'stopped');

  assert.deepEqual([job.state, job.reason, job.rows, job.of], ['done', null, 1200, 1200]);
  assert.match((await person.get('/export').expect(200)).text, /Finished: 1,200 rows\./);
  assert.deepEqual(await fileAt(person, '/export/file.json'), downloaded);
  const table = await person.get('/export/file.csv').buffer(true).expect(200);
  assert.equal(readTable(table.text).at(-1)?.Position, '1200');
  assert.equal(table.headers['x-export-complete'], 'true');
  assert.equal(table.headers['content-disposition'], `attachment; filename="${longPlaylistName}.csv"`);
});

test('all playlists, and saved tracks, are exported in the background as well', async (t) => {
  const turntable = await startTurntable(t);
  const noor = await signInToExport(turntable, 'noor');
  const all = async (path: string) => {
    const { playlists, summary } = JSON.parse((await noor.get(path).buffer(true).expect(200)).text);
    const manifests = playlists.map(({ manifest }: ExportFile) => ({ ...manifest, exportedAt: '' }));
    return { items: playlists.map(({ items }: ExportFile) => items), manifests, summary };
  };

  await startJob(noor, 'all');
  await untilState(noor, 'done', 'stopped');
  assert.deepEqual(await all('/export/file.json'), await all('/playlists/export.json'));

  await startJob(noor, 'library/tracks');
  await untilState(noor, 'done', 'stopped');
  assert.deepEqual(await fileAt(noor, '/export/file.json'), await fileAt(noor, '/library/export.json'));
});

test('lists of the library that take several calls can be exported in the background', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signInToExport(turntable);
  for (const list of ['albums', 'shows', 'episodes', 'artists']) {
    const downloaded = await fileAt(mara, `/library/${list}/export.json`);
    await startJob(mara, `library/${list}`);
    const job = await untilState(mara, 'done', 'stopped');
    assert.deepEqual([job.state, job.rows], ['done', downloaded.manifest.written]);
    assert.deepEqual(await fileAt(mara, '/export/file.json'), downloaded);
  }
  await mara.get('/export/file.m3u8').expect(404);
});

// fault: long-pause-of-job
testOnce('a job waits for a pause of any length, says so, and continues where it was', async (t) => {
  const { turntable, person, path, id } = await mara(t);
  const { simulator, clock } = turntable;
  simulator.fault({ on: items, minOffset: 600, answer: wait(7_200) });
  simulator.forgetCalls();

  await startJob(person, id);
  const paused = await untilState(person, 'paused', 'stopped');
  const before = apiRequests(simulator).filter((call) => items.test(call)).length;

  assert.deepEqual([paused.state, paused.reason], ['paused', 'cooldown']);
  assert.ok(paused.rows >= 500 && paused.rows < 1200, `${paused.rows} rows`);
  assert.match(
    (await person.get('/export')).text,
    /Paused until <time[^>]*>[^<]*<\/time>, with [\d,]+ of 1,200 rows read/,
  );
  await person.get('/export/file.csv').expect(404);
  clock.advance({ hours: 2, seconds: 1 });
  const done = await untilState(person, 'done', 'stopped');
  assert.deepEqual([done.state, done.rows], ['done', 1200]);
  const after = apiRequests(simulator).filter((call) => items.test(call)).length - before;
  assert.ok(after <= 24 - Math.floor(paused.rows / 50), `${after} pages after the pause`);
  const { manifest } = await fileAt(person, '/export/file.json');
  assert.deepEqual([manifest.written, manifest.complete], [1200, true]);
  assert.ok(path);
});

testOnce(
  'what was read before a job is canceled isn’t lost, and its page says which part that is',
  async (t) => {
    const { turntable, person, id } = await mara(t);
    const { simulator } = turntable;
    simulator.fault({ on: items, minOffset: 150, delayMs: 1_500, times: 99 });
    await startJob(person, id);
    const pages = () => apiRequests(simulator).filter((call) => items.test(call)).length;
    // Eight at once: three of them have been answered.
    await until(() => pages() >= 11);
    assert.match((await person.get('/export').expect(200)).text, /<progress max="1" value="0\.\d+"/);
    await person.get('/export').expect(200);

    await person.post('/export/cancel').expect(303);
    const canceled = await jobOf(person);
    assert.equal(canceled?.state, 'canceled');
    assert.equal(canceled?.rows, 150, 'less than a chunk');
    assert.equal(canceled?.share, 150 / 1200);
    await person.post('/export/resume').expect(303);
    assert.equal((await untilState(person, 'done', 'stopped')).state, 'done');
    assert.equal(pages(), 24, 'no page is read twice');
    const { manifest, items: rows } = await fileAt(person, '/export/file.json');
    assert.deepEqual([manifest.written, manifest.complete, rows.length], [1200, true, 1200]);
  },
);

// fault: job-canceled
testOnce('a job can be canceled, resumed and deleted, and only one runs at a time', async (t) => {
  const { turntable, person, id } = await mara(t);
  const { simulator } = turntable;
  const held = holdResponse(simulator, items);
  await startJob(person, id);
  await held.reached;
  const twice = await person.post('/export').type('form').send({ export: id }).expect(303);
  assert.equal(twice.headers.location, '/export', 'pressed twice');
  await person.post('/export').send({ export: id }).set('Accept', 'application/json').expect(409);
  await person.post('/export').type('form').send({ export: 'all' }).expect(409);

  await person.post('/export/cancel').expect(303);
  held.release();
  assert.equal((await jobOf(person))?.state, 'canceled');
  assert.match((await person.get('/export')).text, /Canceled after [\d,]+ of 1,200 rows/);
  await new Promise((resolve) => setTimeout(resolve, 500)); // longer than a tick
  assert.equal((await jobOf(person))?.state, 'canceled', 'and stays so');

  await person.post('/export/resume').expect(303);
  assert.equal((await untilState(person, 'done', 'stopped')).state, 'done');
  const { manifest } = await fileAt(person, '/export/file.json');
  assert.deepEqual([manifest.written, manifest.complete], [1200, true]);
  const other = await person.get('/playlists/export').expect(200);
  assert.match(
    other.text,
    /Starting it deletes the file of <bdi>[^<]+<\/bdi>\. <a href="\/export">Download that first/,
  );

  await person.post('/export/delete').expect(303);
  assert.equal(await jobOf(person), null);
  assert.deepEqual(await jobKeys(turntable), []);
});

// fault: job-file-incomplete
testOnce(
  'if something is missing, the page and the name of the file say so, and not “Finished”',
  async (t) => {
    const turntable = await startTurntable(t);
    const { simulator } = turntable;
    const noor = await signInToExport(turntable, 'noor');
    const walk = await playlistNamed(noor, 'Morning walk');
    simulator.fault({ on: new RegExp(`${walk}/items$`), times: 10, answer: { status: 403, body: '{}' } });

    await startJob(noor, 'all');
    const job = await untilState(noor, 'done', 'stopped');

    assert.deepEqual([job.state, job.reason, job.missing], ['done', 'playlists-incomplete', 1]);
    const { text } = await noor.get('/export').expect(200);
    assert.match(text, /Incomplete: 1 playlist couldn’t be read in full\./);
    assert.doesNotMatch(text, /Finished/);
    const { headers } = await noor.get('/export/file.csv').buffer(true).expect(200);
    assert.equal(headers['content-disposition'], 'attachment; filename="playlists (rows missing).csv"');
    assert.equal(headers['x-export-complete'], 'false');
  },
);

/** A job that has read a part of the long playlist, and waits for two hours. */
async function pausedJob(t: TestContext) {
  const site = await mara(t);
  const redis = new Redis(site.turntable.redisUrl);
  t.after(() => redis.disconnect());
  site.turntable.simulator.fault({ on: items, minOffset: 600, answer: wait(7_200) });
  await startJob(site.person, site.id);
  const { state, rows } = await untilState(site.person, 'paused', 'stopped');
  assert.equal(state, 'paused');
  const stored = () => jobKeys(site.turntable);
  await until(async () => (await stored()).every((key) => !key.startsWith('export-lease:')));
  return { ...site, redis, rows, stored };
}

// fault: rows-of-resumed-job-expire
testOnce('the rows of a job are stored for as long as the job is, even after it is resumed', async (t) => {
  const { person, redis, stored } = await pausedJob(t);
  const hours = async () => {
    const ttls = await Promise.all((await stored()).map((key) => redis.pttl(key)));
    return ttls.map((ttlMs) => Math.round(ttlMs / 3_600_000));
  };
  assert.deepEqual(new Set(await hours()), new Set([26]));

  await person.post('/export/cancel').expect(303);
  assert.deepEqual(new Set(await hours()), new Set([1]));
  await person.post('/export/resume').expect(303);
  await untilState(person, 'paused', 'done');

  assert.ok(Math.min(...(await hours())) >= 26, String(await hours()));
});

// fault: rows-of-job-lost
testOnce(
  'a job of which something is lost says so, and starts again instead of failing for ever',
  async (t) => {
    const { turntable, person, path, redis, stored } = await pausedJob(t);
    const [chunk = ''] = (await stored()).filter((key) => key.startsWith('export-chunk:'));
    await redis.del(chunk);
    turntable.clock.advance({ hours: 2, seconds: 1 });

    const job = await untilState(person, 'done', 'stopped');

    assert.deepEqual([job.state, job.reason, job.rows], ['stopped', 'rows-lost', 0]);
    const { text } = await person.get('/export').expect(200);
    assert.match(text, /Some of what was read is no longer stored, so it has to start again\./);
    assert.doesNotMatch(text, />Resume|file\.csv/);
    assert.ok(text.includes(`href="${path}/export">Start again</a>`));
    await person.get('/export/file.csv').expect(404);
    assert.deepEqual(
      (await stored()).filter((key) => key.startsWith('export-chunk:')),
      [],
    );
  },
);

// fault: part-of-stopped-job
testOnce('a job that was canceled offers the part that it has read, as a file that says so', async (t) => {
  const { person, rows } = await pausedJob(t);
  await person.get('/export/file.json').expect(404);
  await person.post('/export/cancel').expect(303);

  const { text } = await person.get('/export').expect(200);
  assert.match(
    text,
    /You can download the part that was read\. The file’s name says that it’s only a part\./,
  );
  assert.match(text, /href="\/export\/file\.csv">CSV</);
  const part = `${longPlaylistName} (rows 1-${rows} of 1,200)`;
  const { headers, text: table } = await person.get('/export/file.csv').buffer(true).expect(200);
  assert.equal(headers['content-disposition'], `attachment; filename="${part}.csv"`);
  assert.deepEqual(
    ['complete', 'rows', 'stopped', 'resume'].map((name) => headers[`x-export-${name}`]),
    ['false', String(readTable(table).length), 'canceled', '/export'],
  );
  assert.ok(readTable(table).length > 500);
  const { manifest } = JSON.parse((await person.get('/export/file.json').buffer(true).expect(200)).text);
  assert.deepEqual([manifest.complete, manifest.stopped?.reason], [false, 'canceled']);
  const zip = await person
    .get('/export/file.zip')
    .buffer(true)
    .parse((res, done) => {
      const pieces: Buffer[] = [];
      res.on('data', (piece) => pieces.push(piece));
      res.on('end', () => done(null, Buffer.concat(pieces)));
    })
    .expect(200);
  assert.ok((zip.body as Buffer).includes(`${part}.csv`));
});

testOnce('a part of all playlists says so in its name as well', async (t) => {
  const turntable = await startTurntable(t);
  const noor = await signInToExport(turntable, 'noor');
  const { body } = await noor.getJson('/playlists').expect(200);
  const { id: last } = body.playlists.findLast(({ ownerId }: { ownerId: string }) => ownerId === 'noor');
  turntable.simulator.fault({ on: new RegExp(`${last}/items$`), times: 9, answer: wait(7_200) });
  await startJob(noor, 'all');
  const { rows } = await untilState(noor, 'paused', 'done');
  await noor.post('/export/cancel').expect(303);

  assert.ok(rows > 0, `${rows} rows`);
  const { headers } = await noor.get('/export/file.csv').buffer(true).expect(200);
  assert.match(
    String(headers['content-disposition']),
    /filename="playlists \(part, up to playlist \d+ of \d+\)\.csv"/,
  );
  assert.equal(headers['x-export-complete'], 'false');
});

// fault: whole-list-called-part
testOnce('a job that is canceled between two playlists doesn’t call the last one a part', async (t) => {
  const turntable = await startTurntable(t);
  const noor = await signInToExport(turntable, 'noor');
  const { body } = await noor.getJson('/playlists').expect(200);
  const { id: last } = body.playlists.findLast(({ ownerId }: { ownerId: string }) => ownerId === 'noor');
  const answer = { status: 502, body: '' };
  turntable.simulator.fault({ on: new RegExp(`${last}/(items|tracks)$`), times: 99, answer });
  await startJob(noor, 'all');
  await untilState(noor, 'paused', 'done');
  await noor.post('/export/cancel').expect(303);

  const { text } = await noor.get('/export/file.json').buffer(true).expect(200);

  const { playlists, summary } = JSON.parse(text);
  assert.equal(playlists.at(-1).manifest.stopped, null);
  assert.equal(summary.stopped.reason, 'canceled');
});

// fault: job-larger-than-day
testOnce('a job that takes more than a day’s calls starts only after it is confirmed', async (t) => {
  const { turntable, person, path, id } = await mara(t, { env: { SPOTIFY_DAILY_CALLS: '20' } });
  const { simulator } = turntable;
  simulator.forgetCalls();

  const { text: refused } = await person.post('/export').type('form').send({ export: id }).expect(409);

  assert.match(refused, /takes more than a day’s calls/);
  assert.ok(refused.includes(`href="${path}/export#job"`));
  assert.equal(await jobOf(person), null);
  assert.equal(apiRequests(simulator).filter((call) => items.test(call)).length, 0);
  const { text } = await person.get(`${path}/export`).expect(200);
  assert.match(text, /name="anyway" value="yes">\s*<button[^>]*>Start anyway</);
  await person.post('/export').type('form').send({ export: id, anyway: 'yes' }).expect(303);
  assert.equal((await untilState(person, 'done', 'stopped')).state, 'done');
});

testOnce('a job that turns out to take more than a day’s calls stops and asks', async (t) => {
  const { turntable, person, path, id } = await mara(t, { env: { SPOTIFY_DAILY_CALLS: '20' } });
  turntable.clock.advance({ minutes: 6 });
  const owner = { id: 'mara' };
  const card = JSON.stringify({ id, name: longPlaylistName, snapshot_id: 'a', owner, items: {} });
  turntable.simulator.fault({ on: new RegExp(`${path}$`), answer: { status: 200, body: card } });

  await startJob(person, id);
  const job = await untilState(person, 'done', 'stopped', 'paused');

  assert.deepEqual([job.state, job.reason, job.rows], ['stopped', 'not-enough-calls', 0]);
  const { text } = await person.get('/export').expect(200);
  assert.match(text, /The rest takes more than a day’s calls to Spotify\./);
  assert.match(text, /name="anyway" value="yes"><button[^>]*>Resume anyway</);
  await person.post('/export/resume').type('form').send({ anyway: 'yes' }).expect(303);
  assert.equal((await untilState(person, 'done', 'stopped')).state, 'done');
});

// fault: list-changes-during-job
testOnce('a playlist that changes while its export is paused makes it start again', async (t) => {
  const { turntable, person, path, id } = await mara(t);
  const { simulator, clock } = turntable;
  simulator.fault({ on: items, minOffset: 600, answer: wait(600) });
  await startJob(person, id);
  await untilState(person, 'paused', 'stopped');
  const card = JSON.stringify({ id, name: longPlaylistName, snapshot_id: 'another', items: { total: 1200 } });
  simulator.fault({ on: new RegExp(`${path}$`), times: 10, answer: { status: 200, body: card } });
  clock.advance({ minutes: 11 });

  const job = await untilState(person, 'done', 'stopped');

  assert.deepEqual([job.state, job.reason], ['stopped', 'changed-during-export']);
  const { text } = await person.get('/export').expect(200);
  assert.match(text, /changed during the export, so what was read may be wrong, and it has to start again\./);
  assert.ok(job.rows > 0);
  assert.doesNotMatch(text, />Resume<|file\.csv/);
  const { text: refused } = await person.get('/export/file.csv').expect(404);
  assert.match(refused, /The list was changed during the export, so the rows that were read may be wrong\./);
});

// fault: job-after-sign-out
testOnce('signing out deletes a job and what it has read, and it makes no more calls', async (t) => {
  const { turntable, person, id } = await mara(t);
  const { simulator } = turntable;
  await turntable.browser().signIn();
  await startJob(person, id);
  await untilState(person, 'done', 'stopped');
  assert.ok((await jobKeys(turntable)).length > 2);

  await person.post('/logout').expect(303);

  assert.deepEqual(await jobKeys(turntable), [], 'although another browser is signed in');
  simulator.forgetCalls();
  await new Promise((resolve) => setTimeout(resolve, 500)); // longer than a tick
  assert.deepEqual(apiRequests(simulator), []);
});

// fault: job-stored-sealed
testOnce(
  'the rows of a job are sealed, and all its keys have a TTL of at most an hour once it is finished',
  async (t) => {
    const { turntable, person, id } = await mara(t);
    const redis = new Redis(turntable.redisUrl);
    t.after(() => redis.disconnect());
    await startJob(person, id);
    await untilState(person, 'done', 'stopped');

    await until(async () => (await jobKeys(turntable)).every((key) => !key.startsWith('export-lease:')));
    for (const key of await jobKeys(turntable)) {
      const ttlMs = await redis.pttl(key);
      assert.ok(ttlMs > 0 && ttlMs <= 3_600_000, `${key}: ${ttlMs}`);
      assert.match(String(await redis.get(key)), /^[\w-]{8}\.[\w-]+$/);
    }
  },
);

// fault: job-chunk-lost
testOnce('a file of which a chunk is missing is an error, and never a shorter file', async (t) => {
  const { turntable, person, id } = await mara(t);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  await startJob(person, id);
  await untilState(person, 'done', 'stopped');
  const [chunk = ''] = (await jobKeys(turntable)).filter((key) => key.startsWith('export-chunk:'));
  await redis.del(chunk);

  const { headers } = await person.get('/export/file.csv').buffer(true).expect(404);
  assert.equal(headers['content-disposition'], undefined);
});

// fault: job-chunk-lost-while-sent
testOnce('a chunk that is lost after the file was counted is no error of this site', async (t) => {
  const proxy = await startRedisProxy(t);
  const { turntable, person, id } = await mara(t, { redisUrl: proxy.url });
  const redis = new Redis(proxy.direct);
  t.after(() => redis.disconnect());
  await startJob(person, id);
  await untilState(person, 'done', 'stopped');
  await until(async () => (await jobKeys(turntable)).every((key) => !key.startsWith('export-lease:')));
  const chunks = (await jobKeys(turntable)).filter((key) => key.startsWith('export-chunk:'));
  const again = proxy.hold(command('get', 'export-chunk:'), 'before', chunks.length + 1);

  const answer = person.get('/export/file.csv').buffer(true).expect(404);
  const answered = answer.then(({ text }) => text);
  await again.reached;
  await redis.del(...chunks);
  again.release();

  assert.match(await answered, /No finished export/);
  assert.equal((await jobOf(person))?.reason, 'rows-lost');
});

testOnce('no more than ten jobs are stored, and beyond that files can be downloaded directly', async (t) => {
  const { turntable, person, path, id } = await mara(t);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  await startJob(person, id);
  await untilState(person, 'done', 'stopped');
  const [index = ''] = (await turntable.keys()).filter((key) => key.startsWith('export-jobs:'));
  await person.post('/export/delete').expect(303);
  for (let other = 0; other < 10; other += 1) await redis.zadd(index, Date.now() + 1e9, `other ${other}`);

  const { text } = await person.post('/export').type('form').send({ export: id }).expect(503);

  assert.match(text, /Too many exports are stored/);
  assert.ok(text.includes(`href="${path}/export"`));
});

testOnce('an export that can’t exist is a 404, and a visitor signs in first', async (t) => {
  const { turntable, person } = await mara(t);
  for (const exportId of ['', 'x', 'library/top', 'library/recent', 'library/', '../x'])
    await person.post('/export').type('form').send({ export: exportId }).expect(404);
  await person.post('/export/explode').expect(404);
  await person.get('/export/file.csv').expect(404);
  assert.match((await person.get('/export').expect(200)).text, /No export/);
  await turntable.browser().get('/export').expect(303);
});

// fault: job-sets-calls-aside
testOnce(
  'a job sets its calls aside whenever it continues, and waits until they fit into the day',
  async (t) => {
    const { turntable, person, id } = await mara(t, { env: { SPOTIFY_DAILY_CALLS: '40' } });
    const { simulator, clock } = turntable;
    await person.get(`/playlists/${id}/export.json?anyway=yes`).buffer(true).expect(200);
    clock.advance({ minutes: 10 });
    simulator.forgetCalls();

    await startJob(person, id);
    const paused = await untilState(person, 'paused', 'done');

    assert.deepEqual([paused.state, paused.reason], ['paused', 'not-enough-calls']);
    assert.equal(apiRequests(simulator).filter((call) => items.test(call)).length, 0);
    assert.match((await person.get('/export')).text, /There aren’t enough Spotify calls left today\./);
    clock.advance({ hours: 25 });
    assert.equal((await untilState(person, 'done', 'stopped')).state, 'done');
  },
);

testOnce('a job that gets too large stops and says so, and signing out everywhere deletes it', async (t) => {
  const { turntable, person, id } = await mara(t);
  // Names that can't be compressed.
  const track = () => ({
    type: 'track',
    name: randomBytes(20_000).toString('base64'),
    artists: [],
    album: null,
  });
  for (let page = 0; page < 24; page += 1) {
    const body = JSON.stringify({
      total: 1200,
      items: Array.from({ length: 50 }, () => ({ item: track() })),
    });
    turntable.simulator.fault({ on: items, answer: { status: 200, body } });
  }
  await startJob(person, id);

  const job = await untilState(person, 'done', 'stopped');

  assert.deepEqual([job.state, job.reason], ['stopped', 'too-large']);
  assert.match(
    (await person.get('/export')).text,
    /too large to be stored here\. Download it directly instead\./,
  );
  await person.post('/account/sign-out-everywhere').expect(303);
  assert.deepEqual(await jobKeys(turntable), []);
});

testOnce('a job stores nothing more once the listener is signed in nowhere', async (t) => {
  const { turntable, person, id } = await mara(t);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  const held = holdResponse(turntable.simulator, items);
  await startJob(person, id);
  await held.reached;
  const keys = await turntable.keys();
  const [browsers = ''] = keys.filter((key) => key.startsWith('browsers:'));
  const [lease = ''] = keys.filter((key) => key.startsWith('export-lease:'));
  assert.notEqual(lease, '');

  await redis.del(browsers);
  held.release();
  // Its process releases the lease when it stops working on the job.
  await until(async () => (await redis.exists(lease)) === 0);

  assert.deepEqual(
    (await jobKeys(turntable)).filter((key) => key.startsWith('export-chunk:')),
    [],
  );
});

testOnce('a job is deleted with the last sign-in of its listener, whichever that is', async (t) => {
  const { turntable, person, id } = await mara(t);
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  await startJob(person, id);
  await untilState(person, 'done', 'stopped');
  const [browsers = ''] = (await turntable.keys()).filter((key) => key.startsWith('browsers:'));
  const other = turntable.browser();
  // The sign-in that started it has expired.
  await redis.del(browsers);
  await other.signIn();

  await other.post('/logout').expect(303);

  assert.deepEqual(await jobKeys(turntable), []);
});
