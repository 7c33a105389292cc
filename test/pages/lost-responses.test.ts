import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, formFields, undoPath } from '../support/pages.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

type Fault = Parameters<Turntable['simulator']['fault']>[0];
type Entry = { item: { uri: string | null } | null };

const contents = /\/(items|tracks)$/;
const unavailable = { status: 502, body: '' };
/** Spotify does what it was asked to, but its answer is lost. */
const lost = { on: contents, how: 'reset-after' } as const;

/** Someone who can put tracks, named by letters, into playlists. */
async function start(t: Parameters<typeof startTurntable>[0]) {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn('noor', allowAll);
  const { body } = await person.getJson('/search?q=the&type=track').expect(200);
  const uris = (body.tracks.items as Entry['item'][]).map((track) => track?.uri ?? '');
  const uriOf = (letter: string) => uris['abcdefghij'.indexOf(letter)] ?? '';
  const json = (path: string, fields: object = {}) =>
    person.post(path).set('Accept', 'application/json').send(fields);

  return {
    ...turntable,
    person,
    uriOf,
    json,
    /** Creates a playlist; returns its id. */
    async create(letters: string): Promise<string> {
      const uri = [...letters].map(uriOf);
      return (await json('/playlists', { name: 'Mine', ...(uri.length > 0 && { uri }) }).expect(201)).body.id;
    },
    /** The letters of what is in a playlist now. */
    async lettersIn(id: string): Promise<string> {
      turntable.clock.advance({ seconds: 2 });
      const { body } = await person.getJson(`/playlists/${id}?notice=item-removed`).expect(200);
      return (body.entries as Entry[])
        .map(({ item }) => 'abcdefghij'[uris.indexOf(item?.uri ?? '')])
        .join('');
    },
    /** Sends a form of the playlist's page for one of its rows, after `faults`; returns the page that follows. */
    async change(id: string, what: string, fields: object, ...faults: Fault[]) {
      const path = `/playlists/${id}`;
      const form = formFields((await person.get(path).expect(200)).text, `${path}/remove`);
      for (const fault of faults) turntable.simulator.fault(fault);
      const sent = person.post(`${path}/${what}`).type('form');
      const left = await sent.send({ ...form, ...fields }).expect(303);
      return person.get(left.headers.location ?? '').expect(200);
    },
    undo: (html: string) => person.post(undoPath(html)).type('form').send({ returnTo: '/playlists' }),
  };
}

test('a playlist that may have been created isn’t created again by the same press', async (t) => {
  const { person, json, simulator } = await start(t);
  const before = (await person.getJson('/playlists').expect(200)).body.total;
  const owner = apiVersionIn(t) === 'legacy' ? 'users/\\w+' : 'me';
  const fault = { on: new RegExp(`/${owner}/playlists$`), method: 'POST', how: 'reset-after' } as const;
  simulator.fault(fault);

  const sent = { name: 'Mine', description: 'For walks', idempotencyKey: 'one' };
  const page = await person.post('/playlists').type('form').send(sent).expect(502);

  assert.match(page.text, /role="alert">The playlist may or may not have been created/);
  assert.match(page.text, /name="name" value="Mine"/);
  assert.match(page.text, /name="description" value="For walks"/);
  assert.doesNotMatch(page.text, /Send it again/);
  assert.equal(
    (await person.getJson('/playlists?notice=playlist-created').expect(200)).body.total,
    before + 1,
  );
  simulator.fault(fault);
  assert.equal((await json('/playlists', { name: 'Other' }).expect(502)).body.reason, 'creation-unknown');
});

test('“Keep one” puts the copy back although the answer to the removal was lost', async (t) => {
  const { create, change, lettersIn, undo, uriOf } = await start(t);
  const id = await create('abac');

  const page = await change(id, 'keep-one', { entry: `2 ${uriOf('a')}` }, { ...lost, method: 'DELETE' });

  assert.match(page.text, /One copy is left/);
  assert.equal(await lettersIn(id), 'bac');
  await undo(page.text).expect(303);
  assert.equal(await lettersIn(id), 'abac');
});

test('a removal whose answer was lost is reported as done, with Undo', async (t) => {
  const { create, change, lettersIn, undo, uriOf } = await start(t);
  const id = await create('abc');

  const page = await change(id, 'remove', { entry: `1 ${uriOf('b')}` }, { ...lost, method: 'DELETE' });

  assert.match(page.text, /Removed from this playlist\. Undo puts it back/);
  await undo(page.text).expect(303);
  assert.equal(await lettersIn(id), 'abc');
});

testOnce('a move whose answer was lost is reported as done', async (t) => {
  const { create, change, lettersIn, uriOf } = await start(t);
  const id = await create('abc');

  const page = await change(id, 'move', { entry: `0 ${uriOf('a')}`, to: 3 }, { ...lost, method: 'PUT' });

  assert.match(page.text, /Moved\./);
  assert.equal(await lettersIn(id), 'bca');
});

for (const [what, how] of [
  ['Spotify did it', 'reset-after'],
  ['it never reached Spotify', 'reset'],
] as const) {
  test(`if what happened can’t be found out, Undo puts back only what is missing: ${what}`, async (t) => {
    const { create, change, lettersIn, undo, uriOf } = await start(t);
    const id = await create('aab');
    const noAnswer = { on: new RegExp(`/playlists/${id}$`), answer: unavailable };
    const entry = `1 ${uriOf('a')}`;

    const page = await change(id, 'keep-one', { entry }, { ...lost, how, method: 'DELETE' }, noAnswer);

    assert.match(page.text, /may or may not have been done\. Undo puts back what’s missing/);
    await undo(page.text).expect(303);
    assert.equal(await lettersIn(id), 'aab');
  });
}

testOnce('an Undo of a removal whose answers are lost puts nothing back twice', async (t) => {
  const { create, change, lettersIn, undo, uriOf, simulator, person } = await start(t);
  const id = await create('abcd');
  const entry = `1 ${uriOf('b')}`;
  const removed = await change(id, 'remove', { entry });
  simulator.fault({ ...lost, method: 'POST' });
  const undone = await undo(removed.text).expect(303);
  assert.match(undone.headers.location ?? '', /notice=removal-undone/);
  assert.equal(await lettersIn(id), 'abcd');

  const again = await change(id, 'remove', { entry });
  simulator.fault({ ...lost, method: 'POST' });
  simulator.fault({ on: contents, method: 'GET', answer: unavailable });
  const left = await undo(again.text).expect(303);
  const page = await person.get(left.headers.location ?? '').expect(200);
  assert.match(page.text, /Press Undo to put back the rest/);
  await undo(page.text).expect(303);
  assert.equal(await lettersIn(id), 'abcd');
});

test('an Undo of an addition whose answer is lost keeps the copy that was there before', async (t) => {
  const { create, lettersIn, uriOf, simulator, json } = await start(t);
  for (const isKnown of [true, false]) {
    const id = await create('bcad');
    const { body } = await json(`/playlists/${id}/items`, { uri: uriOf('a') }).expect(200);
    assert.equal(await lettersIn(id), 'bcada');
    simulator.fault({ ...lost, method: 'DELETE' });
    // The first read is that before the removal.
    const noAnswer = { on: new RegExp(`/playlists/${id}$`), answer: unavailable };
    if (isKnown) {
      await json(body.undo).expect(200);
    } else {
      simulator.fault({ on: noAnswer.on });
      simulator.fault(noAnswer);
      const failed = await json(body.undo).expect(409);
      assert.equal(failed.body.reason, 'undo-unfinished');
      assert.equal(await lettersIn(id), 'bcd');
      await json(failed.body.undo).expect(200);
    }
    assert.equal(await lettersIn(id), 'bcad');
  }
});

testOnce('a version that Spotify refuses doesn’t keep an addition from being undone', async (t) => {
  const { create, lettersIn, uriOf, simulator, json } = await start(t);
  const id = await create('bc');
  const { body } = await json(`/playlists/${id}/items`, { uri: uriOf('a') }).expect(200);
  const answer = { status: 400, body: '{"error":{"status":400,"message":"Missing or bad version tag"}}' };
  simulator.fault({ on: contents, method: 'DELETE', answer });
  await json(body.undo).expect(200);
  assert.equal(await lettersIn(id), 'bc');
});

testOnce('Undo of an addition removes no copy that was there before', async (t) => {
  const { create, lettersIn, uriOf, simulator, json, clock } = await start(t);
  const id = await create('ab');
  const { body } = await json(`/playlists/${id}/items`, { uri: uriOf('a') }).expect(200);
  await json(`/playlists/${id}/items`, { uri: uriOf('c') }).expect(200);
  // As if another app had removed the new copy, but not the old one.
  const rows = [...'abc'].map((letter) => {
    const content = { uri: uriOf(letter), name: letter };
    return {
      added_at: letter === 'c' ? new Date(clock.now()).toISOString() : '2024-01-01T00:00:00Z',
      item: content,
    };
  });
  const old = JSON.stringify({ total: 3, items: rows });
  simulator.fault({ on: contents, method: 'GET', answer: { status: 200, body: old } });

  const refused = await json(body.undo).expect(409);

  assert.equal(refused.body.reason, 'undo-nothing-left');
  assert.equal(await lettersIn(id), 'abac');
});

testOnce('Undo of an addition to several playlists goes on after one that it can’t undo', async (t) => {
  const { create, lettersIn, uriOf, simulator, json, person } = await start(t);
  const ids = [await create('b'), await create('cac'), await create('d')];
  const { body } = await json('/playlists/add', { uri: uriOf('a'), playlist: ids }).expect(200);
  const entry = { entry: `1 ${uriOf('a')}` };
  const { playlist } = (await person.getJson(`/playlists/${ids[0]}`).expect(200)).body;
  await json(`/playlists/${ids[0]}/remove`, { ...entry, snapshot: playlist.snapshotId }).expect(200);
  simulator.fault({ on: contents, method: 'POST', answer: unavailable });

  const halfway = await json(body.undo).expect(409);

  assert.equal(halfway.body.reason, 'copies-missing');
  assert.deepEqual(await Promise.all(ids.map(lettersIn)), ['b', 'cc', 'da']);
  const rest = await json(halfway.body.undo).expect(200);
  assert.match(rest.body.text, /other copies of it already/);
  assert.deepEqual(await Promise.all(ids.map(lettersIn)), ['b', 'cac', 'd']);
});

test('an addition whose answer was lost is reported as unknown, and isn’t offered again', async (t) => {
  const { create, lettersIn, uriOf, simulator, json, person } = await start(t);
  const [known, unknown, rest] = [await create('b'), await create('c'), await create('d')];
  simulator.fault({ on: new RegExp(`/${known}/(items|tracks)$`), how: 'reset-after', method: 'POST' });
  simulator.fault({ on: new RegExp(`/${unknown}/(items|tracks)$`), how: 'reset-after', method: 'POST' });
  simulator.fault({ on: new RegExp(`/playlists/${unknown}$`), answer: unavailable });

  const partly = await json('/playlists/add', { uri: uriOf('a'), playlist: [known, unknown, rest] }).expect(
    502,
  );

  const { added, failed, unsure, detail, undo } = partly.body;
  assert.deepEqual([added, failed, unsure], [[known], [rest], [unknown]]);
  assert.match(detail, /may or may not have been added to “Unnamed playlist”/);
  await json(undo).expect(200);
  assert.deepEqual(await Promise.all([known, unknown, rest].map(lettersIn)), ['b', 'ca', 'd']);

  simulator.fault({ on: new RegExp(`/${known}/(items|tracks)$`), how: 'reset', method: 'POST' });
  const first = await person
    .post('/playlists/add')
    .type('form')
    .send({ uri: uriOf('a'), playlist: known });
  assert.equal(first.status, 502);
  assert.match(first.text, /may or may not have been added/);
  assert.doesNotMatch(first.text, /Try again with the rest|Send it again/);
});

testOnce('a page that reports a partial addition offers to undo it', async (t) => {
  const { create, lettersIn, uriOf, simulator, person } = await start(t);
  const ids = [await create('b'), await create('c')];
  simulator.fault({ on: new RegExp(`/${ids[1]}/items$`), method: 'POST', answer: { status: 403, body: '' } });
  const page = await person
    .post('/playlists/add')
    .type('form')
    .send({ uri: uriOf('a'), playlist: ids })
    .expect(502);
  await person.post(undoPath(page.text)).type('form').send({}).expect(303);
  assert.deepEqual(await Promise.all(ids.map(lettersIn)), ['b', 'c']);
});

testOnce('a new playlist says whether its items are in it, if the answer was lost', async (t) => {
  const { lettersIn, uriOf, simulator, json } = await start(t);
  simulator.fault({ ...lost, method: 'POST' });
  const { body } = await json('/playlists', { name: 'New', uri: uriOf('a') }).expect(201);
  assert.equal(body.isAdded, true);
  await json(body.undo).expect(200);
  assert.equal(await lettersIn(body.id), '');
  simulator.fault({ ...lost, method: 'POST' });
  simulator.fault({ on: /\/playlists\/\w{22}$/, answer: unavailable });
  const other = await json('/playlists', { name: 'New', uri: uriOf('a') }).expect(201);
  assert.equal(other.body.isAdded, null);
  assert.match(other.body.text, /Spotify didn’t say whether anything was added to it/);
});

testOnce('“Keep one” tells programs of a copy that is missing, and takes one item', async (t) => {
  const { create, lettersIn, uriOf, simulator, json, person } = await start(t);
  const id = await create('abab');
  const { playlist } = (await person.getJson(`/playlists/${id}`).expect(200)).body;
  const send = (entry: string | string[]) =>
    json(`/playlists/${id}/keep-one`, { entry, snapshot: playlist.snapshotId });
  assert.equal((await send([`0 ${uriOf('a')}`, `1 ${uriOf('b')}`]).expect(400)).body.reason, 'one-item');
  assert.equal(await lettersIn(id), 'abab');
  simulator.fault({ on: contents, method: 'POST', answer: unavailable });
  const halfway = await send(`0 ${uriOf('a')}`).expect(502);
  assert.equal(halfway.body.reason, 'copies-missing');
  assert.equal(await lettersIn(id), 'bb');
  await json(halfway.body.undo).expect(200);
  assert.equal(await lettersIn(id), 'abab');
});
