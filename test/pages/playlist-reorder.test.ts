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
    {},
    { entry: '0' },
    { entry: 'x', to: 1 },
    { entry: '0', to: 0 },
    { entry: '0', direction: 'up' },
    { entry: '0', to: '1.5' },
    { to: 1 },
    { entry: '0', to: 200_000 },
  ])
    assert.equal((await json({ snapshot: 'x', ...fields }).expect(400)).body.reason, 'no-position');
  assert.equal((await json({ entry: '0', to: 1 }).expect(400)).body.reason, 'no-snapshot');
  assert.deepEqual(apiRequests(simulator), []);
});

test('items can’t be moved in other people’s playlists, or without the permission', async (t) => {
  const { person, path, browser } = await start(t, 'Lighthouse keepers');
  await person.get(path).expect(200); // detects the API version
  await person.post(`${path}/move`).send({ entry: '0', to: 2, snapshot: 'x' }).expect(403);
  const visitor = browser();
  await visitor.signIn('mara');
  await visitor.get(`${path}/order`).expect(403);
});
