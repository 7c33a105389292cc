import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { sizeOfAll } from '../../src/pages/export/size.ts';
import type { Playlist } from '../../src/spotify/types.ts';
import {
  getFile,
  longPlaylistName,
  playlistNamed,
  signInToExport,
  untilPagesExpire,
} from '../support/exports.ts';
import { until } from '../support/fleet.ts';
import { apiRequests } from '../support/pages.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

/** 1,200 rows take 26 calls: the playlist, 24 pages, and the playlist again at the end. */
const calls = 26;

// fault: two-formats-of-an-export
test('the formats of an export share what Spotify sent for some minutes', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  assert.match(
    (await mara.get(`${path}/export`).expect(200)).text,
    new RegExp(`about ${calls} calls to Spotify`),
  );
  await getFile(mara, `${path}/export.json`);
  simulator.forgetCalls();

  const { body } = await mara.getJson(`${path}/export`).expect(200);
  assert.equal(body.calls, 2);
  simulator.forgetCalls();
  await mara.get(`${path}/export.csv`).buffer(true).expect(200);
  assert.deepEqual(apiRequests(simulator), [`GET ${path}`, `GET ${path}`], 'is it still the same?');

  clock.advance(untilPagesExpire);
  simulator.forgetCalls();
  await mara.get(`${path}/export.csv`).buffer(true).expect(200);
  assert.equal(countApiCalls(simulator, `/v1${path}/items`), calls - 2);
});

test('the formats of a list of the library share what Spotify sent, unless the list has changed', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signInToExport(turntable);
  const callsFor = async (path: string) => {
    simulator.forgetCalls();
    const { text } = await mara.get(path).buffer(true).expect(200);
    return { text, calls: apiRequests(simulator) };
  };
  const whole = await callsFor('/library/export.json');
  const rows = JSON.parse(whole.text).items.length;
  assert.ok(rows > 100 && whole.calls.length >= 4, String(whole.calls));
  for (const format of ['csv', 'jspf', 'm3u8', 'zip'])
    assert.deepEqual((await callsFor(`/library/export.${format}`)).calls, ['GET /me/tracks'], format);

  const first = JSON.parse((await callsFor('/library/export.json')).text).items[0].item.uri;
  await mara.post('/library/remove').type('form').send({ uri: first }).expect(303);
  const changed = await callsFor('/library/export.json');
  assert.equal(changed.calls.length, whole.calls.length);
  assert.equal(JSON.parse(changed.text).items.length, rows - 1);
  clock.advance(untilPagesExpire);
  assert.equal((await callsFor('/library/export.csv')).calls.length, whole.calls.length);

  for (const list of ['recent', 'top', 'top-artists']) {
    assert.equal((await callsFor(`/library/${list}/export.csv`)).calls.length, 1, list);
    assert.deepEqual((await callsFor(`/library/${list}/export.json`)).calls, [], list);
  }
  const artists = await callsFor('/library/artists/export.json');
  const again = await callsFor('/library/artists/export.csv');
  assert.ok(again.calls.length < artists.calls.length || artists.calls.length <= 2, String(again.calls));
});

test('a list changed on Spotify between two formats is read again', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const rows = JSON.parse((await mara.get('/library/export.json').buffer(true).expect(200)).text).items;
  // Another process of this site, or Spotify itself: this process doesn’t know.
  const other = await startTurntable(t, { sharedWith: turntable });
  const there = await signInToExport(other);
  await there.post('/library/remove').type('form').send({ uri: rows[60].item.uri }).expect(303);
  simulator.forgetCalls();
  const file = await mara.get('/library/export.json').buffer(true).expect(200);
  assert.equal(JSON.parse(file.text).items.length, rows.length - 1);
  assert.ok(apiRequests(simulator).length > 3);
});

// fault: export-above-budget
test('an export that would use up the day’s calls says when it can be made, and is made anyway if that is confirmed', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '60' } });
  const { simulator, clock } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  await getFile(mara, `${path}/export.json`);
  clock.advance(untilPagesExpire);
  simulator.forgetCalls();

  const asked = await mara.get(`${path}/export`).expect(200);
  assert.match(asked.text, /There aren’t enough calls left today\. You can export it from <time/);
  assert.match(asked.text, /href="[^"]+\/export\.csv\?anyway=yes">Download CSV anyway</);
  const refused = await mara.get(`${path}/export.csv`).expect(503);
  assert.match(refused.text, /<h1>You can export this from <time/);
  assert.match(refused.text, new RegExp(`It takes about ${calls} calls to Spotify`));
  assert.equal(countApiCalls(simulator, `/v1${path}/items`), 0);
  const { body, headers } = await mara.getJson(`${path}/export.csv`).expect(503);
  assert.equal(body.reason, 'not-enough-calls');
  assert.ok(Number(headers['retry-after']) > 20 * 3600);
  assert.match(
    (await mara.get(`${path}/export`)).text,
    /Not started: there aren’t enough Spotify calls left today/,
  );

  const [, anyway = ''] = /href="([^"]+)">Export anyway</.exec(refused.text) ?? [];
  assert.equal(
    (await mara.get(anyway.replaceAll('&amp;', '&')).buffer(true).expect(200)).text.split('\r\n').length >
      1_100,
    true,
  );
  clock.advance({ hours: 26 });
  await mara.get(`${path}/export.csv`).buffer(true).expect(200);
});

test('while Spotify refuses the calls that an export needs, its page says until when and offers no download', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  await mara.get(`${path}/export`).expect(200);
  simulator.rateLimit(3_600, { families: ['playlist-read'], quota: true });
  clock.advance({ minutes: 1 });
  await mara.get(path).expect(503);

  const { text } = await mara.get(`${path}/export`).expect(200);

  assert.match(text, /Spotify has paused exports until <time/);
  assert.doesNotMatch(text, /export\.csv/);
});

// fault: exports-at-once
test('several exports at once are made if they fit together, and the calls they set aside are free again afterward', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '80' } });
  const { simulator, redisUrl } = turntable;
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);
  simulator.forgetCalls();

  const statuses = await Promise.all(
    Array.from(
      { length: 4 },
      async (_, nth) => (await mara.get(`${path}/export.csv?part=yes&from=${nth}`).buffer(true)).status,
    ),
  );

  assert.deepEqual(statuses.sort(), [200, 200, 503, 503]);
  assert.ok(apiRequests(simulator).length <= 72, 'a tenth of the day is left');
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  await until(async () => {
    const [key = ''] = await redis.keys('*ledger:*');
    return !Object.keys(await redis.hgetall(key)).some((name) => name.startsWith('reserved '));
  });
});

test('an export that never fits into a day can be made in parts', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '20' } });
  const mara = await signInToExport(turntable);
  const path = await playlistNamed(mara, longPlaylistName);

  assert.match(
    (await mara.get(`${path}/export`).expect(200)).text,
    /That’s more than a day’s calls: export it in parts/,
  );
  const { body, headers } = await mara.getJson(`${path}/export.json`).expect(503);
  assert.deepEqual([body.reason, headers['retry-after']], ['not-enough-calls', undefined]);
  const part = await getFile(mara, `${path}/export.json?part=yes`);
  assert.equal(part.manifest.complete, true);
});

test('the price of all playlists counts their list as well, and small exports are never refused', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '30' } });
  const mara = await signInToExport(turntable);

  const { body } = await mara.getJson('/playlists/export.json').expect(503);
  assert.equal(body.reason, 'not-enough-calls');
  const short = await playlistNamed(mara, 'Sunday, slowly');
  for (const format of ['csv', 'json', 'csv', 'json'])
    await mara.get(`${short}/export.${format}`).buffer(true).expect(200);
});

// fault: price-of-continued-export
test('the price of the remaining playlists excludes those read before', () => {
  const items = Array.from({ length: 50 }, () => ({ count: 100 }) as Playlist);
  const estimate = (page: number, skip: number, from: number, count = 50) =>
    sizeOfAll({ items: items.slice(0, count), total: 110 }, () => 0, { page, skip, from }).estimate;

  // Three calls each for 110 playlists, and the list of three pages twice.
  assert.deepEqual(estimate(1, 0, 0), { entries: 330, lists: 6 });
  assert.deepEqual(estimate(2, 10, 0), { entries: 3 * 50, lists: 5 });
  assert.deepEqual(estimate(3, 9, 50, 10), { entries: 1, lists: 4 });
});

// fault: price-of-part-of-library
test('a part of saved tracks is priced as a part', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '130' } });
  const mara = await signInToExport(turntable);
  const items = Array.from({ length: 50 }, () => ({ track: { type: 'track', name: 'One' } }));
  const body = JSON.stringify({ total: 7_000, items });
  turntable.simulator.fault({ on: /\/me\/tracks$/, times: 300, answer: { status: 200, body } });

  for (const from of [0, 2_000]) {
    const { manifest } = await getFile(mara, `/library/export.json?part=yes&from=${from}`);
    assert.equal(manifest.written, 2_000);
  }
});

// fault: price-of-reread-pages
test('the price of a later part of followed artists includes the pages before it', async (t) => {
  const turntable = await startTurntable(t, { env: { SPOTIFY_DAILY_CALLS: '130' } });
  const { simulator } = turntable;
  const mara = await signInToExport(turntable);
  const items = Array.from({ length: 50 }, () => ({ track: { type: 'track', name: 'One' } }));
  const body = JSON.stringify({ total: 7_000, items });
  simulator.fault({ on: /\/me\/tracks$/, times: 300, answer: { status: 200, body } });
  await getFile(mara, '/library/export.json?part=yes');
  const page = { items: [{ type: 'artist', name: 'One' }], total: 7_000, next: null, cursors: {} };
  const artists = { status: 200, body: JSON.stringify({ artists: page }) };
  simulator.fault({ on: /\/me\/following$/, times: 300, answer: artists });
  simulator.forgetCalls();

  // 42 calls were made, and this part takes 82 of the 130.
  const { body: refused } = await mara.getJson('/library/artists/export.json?part=yes&from=2000').expect(503);

  assert.equal(refused.reason, 'not-enough-calls');
  assert.equal(apiRequests(simulator).length, 1);
});
