import assert from 'node:assert/strict';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

type Row = { item: { name: string; uri: string | null } | null; addedAt: string | null };

const contents = (t: Parameters<typeof apiVersionIn>[0]) =>
  apiVersionIn(t) === 'legacy' ? 'tracks' : 'items';

/** Mara, and her playlist with this name. */
async function start(t: Parameters<typeof startTurntable>[0], name: string) {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn('mara', allowAll);
  const { playlists } = (await person.getJson('/playlists').expect(200)).body;
  const id = playlists.find((one: { name: string }) => one.name === name)?.id;
  const path = `/playlists/${id}`;
  const rows = async (page = 1): Promise<Row[]> => {
    turntable.clock.advance({ seconds: 2 });
    return (await person.getJson(`${path}?page=${page}&notice=item-moved`).expect(200)).body.entries;
  };
  return { ...turntable, person, path, rows };
}

/** The forms on the page that moves items. */
async function forms(person: Browser, path: string) {
  const { text } = await person.get(path).expect(200);
  const [, snapshot = ''] = /name="snapshot" value="([^"]+)"/.exec(text) ?? [];
  const entries = [...text.matchAll(/name="entry" value="([^"]+)"/g)].map(([, entry = '']) => entry);
  return { text, snapshot, entries };
}

test('an item is moved up, down and to a position, in one call, and keeps its date', async (t) => {
  const { person, path, rows, simulator } = await start(t, 'Sunday, slowly');
  const [a, b, c, d, ...rest] = await rows();
  assert.match((await person.get(path).expect(200)).text, new RegExp(`href="${path}/order">Reorder`));
  const move = async (index: number, fields: object) => {
    const { snapshot, entries } = await forms(person, `${path}/order?notice=item-moved`);
    simulator.forgetCalls();
    const sent = { entry: entries[index], snapshot, to: index + 1, ...fields };
    const left = await person.post(`${path}/move`).type('form').send(sent).expect(303);
    assert.deepEqual(apiRequests(simulator), [`PUT ${path}/${contents(t)}`]);
    return left.headers.location;
  };

  assert.equal(await move(0, { direction: 'down' }), `${path}/order?notice=item-moved#row-2`);
  assert.deepEqual(await rows(), [b, a, c, d, ...rest]);
  await move(2, { direction: 'up' });
  assert.deepEqual(await rows(), [b, c, a, d, ...rest]);
  await move(3, { to: '1' });
  assert.deepEqual(await rows(), [d, b, c, a, ...rest]);
  await move(0, { to: '20' });
  assert.deepEqual(await rows(), [b, c, a, ...rest, d]);
});

test('an item of a long playlist moves to another page, which is then shown', async (t) => {
  const { person, path, rows } = await start(t, 'Paper & pencil');
  const [first] = await rows();
  const page = await forms(person, `${path}/order`);
  const sent = { entry: page.entries[0], snapshot: page.snapshot, to: 55 };

  const left = await person.post(`${path}/move`).type('form').send(sent).expect(303);

  assert.equal(left.headers.location, `${path}/order?page=2&notice=item-moved#row-55`);
  assert.deepEqual((await rows(2)).at(-1), first);
  const second = await forms(person, `${path}/order?page=2`);
  assert.match(second.text, /data-first="50" data-total="55"/);
  assert.match(second.entries[0] ?? '', /^50 spotify:/);
});

test('a program moves with JSON, and learns the new version', async (t) => {
  const { person, path, rows, simulator } = await start(t, 'Sunday, slowly');
  const [a, b, c] = await rows();
  const { playlist } = (await person.getJson(`${path}/order`).expect(200)).body;
  const json = (fields: object) => person.post(`${path}/move`).set('Accept', 'application/json').send(fields);

  const { body } = await json({ entry: '0', to: 3, snapshot: playlist.snapshotId }).expect(200);
  assert.deepEqual([body.from, body.to], [1, 3]);
  assert.notEqual(body.snapshotId, playlist.snapshotId);
  await json({ entry: 0, direction: 'down', snapshot: body.snapshotId }).expect(200);
  assert.deepEqual((await rows()).slice(0, 3), [c, b, a]);
  assert.equal(
    (await json({ entry: '0', to: 2, snapshot: body.snapshotId }).expect(409)).body.reason,
    'playlist-changed',
  );

  simulator.forgetCalls();
  for (const fields of [
    { entry: '0' },
    { entry: '0', to: 0 },
    { entry: '0', direction: 'up' },
    { entry: '0', to: '1.5' },
    { entry: '0', to: 200_000 },
  ])
    assert.equal((await json({ snapshot: 'x', ...fields }).expect(400)).body.reason, 'no-position');
  for (const fields of [{}, { to: 1 }, { entry: 'x', to: 1 }, { entry: `0 ${a?.item?.uri} x`, to: 1 }])
    assert.equal((await json({ snapshot: 'x', ...fields }).expect(400)).body.reason, 'no-entry');
  const unversioned = await json({ entry: '0', to: 1 }).expect(400);
  assert.equal(unversioned.body.reason, 'no-snapshot');
  assert.doesNotMatch(unversioned.body.detail, /remove/);
  assert.deepEqual(apiRequests(simulator), []);
});

test('a program moves only what is where it says, within the playlist', async (t) => {
  const { person, path, rows, simulator, clock } = await start(t, 'Sunday, slowly');
  const before = await rows();
  const [a, b] = before.map((row) => row.item?.uri);
  const { playlist, total } = (await person.getJson(`${path}/order`).expect(200)).body;
  const move = (fields: object) =>
    person
      .post(`${path}/move`)
      .set('Accept', 'application/json')
      .send({ snapshot: playlist.snapshotId, ...fields });
  const impossible = [
    { entry: `0 ${a}`, to: total + 1 },
    { entry: `${total} ${a}`, to: 1 },
    { entry: String(total), to: 1 },
  ];

  // The page is cached, so Spotify isn't asked.
  simulator.forgetCalls();
  for (const fields of impossible)
    assert.equal((await move(fields).expect(400)).body.reason, 'no-position', JSON.stringify(fields));
  assert.deepEqual(apiRequests(simulator), []);
  assert.equal((await move({ entry: `0 ${b}`, to: 3 }).expect(409)).body.reason, 'playlist-changed');

  // Without the page, the playlist is read.
  clock.advance({ minutes: 6 });
  simulator.forgetCalls();
  for (const fields of impossible)
    assert.equal((await move(fields).expect(400)).body.reason, 'no-position', JSON.stringify(fields));
  assert.equal((await move({ entry: `1 ${a}`, to: 3 }).expect(409)).body.reason, 'playlist-changed');
  assert.ok(
    apiRequests(simulator).every((call) => call.startsWith('GET ')),
    String(apiRequests(simulator)),
  );
  assert.deepEqual(await rows(), before);

  // A script moves one after another, with one call each.
  const { body } = await move({ entry: `0 ${a}`, to: 2 }).expect(200);
  const { playlist: latest } = (await person.getJson(`${path}/order`).expect(200)).body;
  assert.equal(latest.snapshotId, body.snapshotId);
  simulator.forgetCalls();
  const next = await move({ snapshot: body.snapshotId, entry: `0 ${b}`, to: 3 }).expect(200);
  await move({ snapshot: next.body.snapshotId, entry: `0 ${a}`, to: 2 }).expect(200);
  assert.deepEqual(apiRequests(simulator), Array(2).fill(`PUT ${path}/${contents(t)}`));
});

test('a person whose page is out of date sees what has changed, and nothing is moved', async (t) => {
  const { person, path, rows } = await start(t, 'Sunday, slowly');
  const before = await rows();
  const { snapshot, entries } = await forms(person, `${path}/order`);
  const wrong = entries[1]?.replace('1 ', '0 ');
  const sent = { entry: wrong, snapshot, to: 4, returnTo: `${path}/order` };
  const { text } = await person.post(`${path}/move`).type('form').send(sent).expect(409);
  assert.match(text, /has changed/);
  assert.deepEqual(await rows(), before);
});

test('items can’t be moved in other people’s playlists, or without the permission', async (t) => {
  const { person, path, browser } = await start(t, 'Lighthouse keepers');
  await person.get(path).expect(200); // detects the API version
  await person.post(`${path}/move`).send({ entry: '0', to: 2, snapshot: 'x' }).expect(403);
  const visitor = browser();
  await visitor.signIn('mara');
  await visitor.get(`${path}/order`).expect(403);
});
