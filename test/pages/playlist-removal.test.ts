import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields, undoPath } from '../support/pages.ts';
import { accessTokenOf, startTurntable } from '../support/turntable.ts';

type Entry = { item: { name: string; uri: string | null } | null };
type T = Parameters<typeof startTurntable>[0];

const contents = (t: Parameters<typeof apiVersionIn>[0]) =>
  apiVersionIn(t) === 'legacy' ? 'tracks' : 'items';
const badVersion = { status: 400, body: '{"error":{"status":400,"message":"Missing or bad version tag"}}' };

/** Someone with a playlist that contains these tracks, by their letters. */
async function start(t: T, letters: string) {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn('noor', allowAll);
  const { body } = await person.getJson('/search?q=the&type=track').expect(200);
  const tracks = body.tracks.items as { uri: string; name: string }[];
  const uriOf = (letter: string) => tracks['abcdefghij'.indexOf(letter)]?.uri ?? '';
  const json = (path: string, fields: object = {}) =>
    person.post(path).set('Accept', 'application/json').send(fields);
  const uri = [...letters].map(uriOf);
  const { id } = (await json('/playlists', { name: 'Mine', ...(uri.length > 0 && { uri }) }).expect(201))
    .body;
  const path = `/playlists/${id}`;

  return {
    ...turntable,
    person,
    path,
    uriOf,
    json,
    nameOf: (letter: string) => tracks['abcdefghij'.indexOf(letter)]?.name ?? '',
    /** The letters of what is in the playlist now. */
    async letters() {
      turntable.clock.advance({ seconds: 2 });
      const { body } = await person.getJson(`${path}?notice=item-removed`).expect(200);
      return (body.entries as Entry[])
        .map(({ item }) => 'abcdefghij'[tracks.findIndex((one) => one.uri === item?.uri)])
        .join('');
    },
    /** The fields of the form on the page of the playlist. */
    form: async () => formFields((await person.get(path).expect(200)).text, `${path}/remove`),
    send: (what: string, fields: object) => person.post(`${path}/${what}`).type('form').send(fields),
  };
}

test('a single copy is removed at once, and Undo puts it back in its place', async (t) => {
  const { person, uriOf, path, letters, form, send, simulator } = await start(t, 'abcd');
  const sent = { ...(await form()), entry: `1 ${uriOf('b')}` };
  const counted = await send('remove', { ...sent, count: 'yes' }).expect(200);
  assert.match(counted.text, /The playlist contains it once\. You can undo the removal/);
  assert.doesNotMatch(counted.text, /Keep one/);
  assert.equal(await letters(), 'abcd', 'counting removes nothing');
  await person.get(path).expect(200);
  simulator.forgetCalls();

  const left = await send('remove', sent).expect(303);

  const items = `${path}/${contents(t)}`;
  assert.deepEqual(apiRequests(simulator), [`GET ${items}`, `DELETE ${items}`]);
  const page = await person.get(left.headers.location ?? '').expect(200);
  assert.match(page.text, /Undo puts it back in its place, but it will count as added today/);
  assert.equal(await letters(), 'acd');
  const undone = await person.post(undoPath(page.text)).type('form').send({ returnTo: path }).expect(303);
  assert.match(
    (await person.get(undone.headers.location ?? '')).text,
    /back in its place, but counts as added today/,
  );
  assert.equal(await letters(), 'abcd');
});

test('Undo puts the last item at the end of a playlist that is shorter by then', async (t) => {
  const { person, uriOf, path, letters, form, send } = await start(t, 'abcd');
  const left = await send('remove', { ...(await form()), entry: `3 ${uriOf('d')}` }).expect(303);
  const page = await person.get(left.headers.location ?? '').expect(200);
  await send('remove', { ...(await form()), entry: `1 ${uriOf('b')}` }).expect(303);

  await person.post(undoPath(page.text)).type('form').send({ returnTo: path }).expect(303);

  assert.equal(await letters(), 'acd');
});

test('several copies are counted before they are removed, and all come back with Undo', async (t) => {
  const { person, uriOf, nameOf, path, letters, form, send, json, simulator } = await start(t, 'abacca');
  const sent = { ...(await form()), entry: `2 ${uriOf('a')}` };

  const asked = await send('remove', sent).expect(200);

  assert.match(asked.text, /Remove all 3 copies of <bdi>/);
  assert.ok(asked.text.includes(nameOf('a')));
  assert.match(asked.text, /The playlist contains it 3 times in total/);
  assert.equal(await letters(), 'abacca', 'nothing is removed yet');
  const program = await json(`${path}/remove`, { ...sent, idempotencyKey: 'other' }).expect(409);
  assert.equal(program.body.reason, 'several-copies');
  assert.match(program.body.detail, /contains 3 copies/);
  simulator.forgetCalls();

  const confirmed = { ...formFields(asked.text, `${path}/remove`), confirmed: 'yes' };
  const left = await send('remove', confirmed).expect(303);
  assert.deepEqual(apiRequests(simulator), [`DELETE ${path}/${contents(t)}`], 'it was read before');
  assert.equal(await letters(), 'bcc');
  const page = await person.get(left.headers.location ?? '').expect(200);
  await person.post(undoPath(page.text)).type('form').send({}).expect(303);
  assert.equal(await letters(), 'abacca');
});

test('“Keep one” leaves the chosen copy in its place, and Undo puts the others back', async (t) => {
  const { person, uriOf, path, letters, form, send } = await start(t, 'abacca');
  const asked = await send('remove', { ...(await form()), entry: `2 ${uriOf('a')}` }).expect(200);
  assert.match(asked.text, /It will count as added today/);

  const left = await send('keep-one', formFields(asked.text, `${path}/keep-one`)).expect(303);

  assert.equal(await letters(), 'bacc');
  const page = await person.get(left.headers.location ?? '').expect(200);
  assert.match(page.text, /One copy is left, and counts as added today/);
  await person.post(undoPath(page.text)).type('form').send({}).expect(303);
  assert.equal(await letters(), 'abacca');

  // Of two in a row, the other one stands where the chosen one is now.
  await send('remove', { ...(await form()), entry: `3 ${uriOf('c')}`, confirmed: 'yes' }).expect(303);
  await send('remove', { ...(await form()), entry: `1 ${uriOf('b')}` }).expect(303);
  assert.equal(await letters(), 'aaa');
  const neighbors = { ...(await form()), entry: `1 ${uriOf('a')}` };
  const one = await person.get((await send('keep-one', neighbors).expect(303)).headers.location ?? '');
  assert.equal(await letters(), 'a');
  await person.post(undoPath(one.text)).type('form').send({}).expect(303);
  assert.equal(await letters(), 'aaa');
});

test('Undo of “Keep one” adds no copy too many if the playlist has changed since, and none past its end', async (t) => {
  const { person, uriOf, path, letters, form, send, json } = await start(t, 'abca');
  const keepFirst = async () => {
    const sent = { ...(await form()), entry: `0 ${uriOf('a')}` };
    return person.get((await send('keep-one', sent).expect(303)).headers.location ?? '');
  };
  const page = await keepFirst();
  assert.equal(await letters(), 'abc');
  await json(`${path}/items`, { uri: uriOf('d') }).expect(200);
  await send('move', { ...(await form()), entry: `3 ${uriOf('d')}`, to: 1 }).expect(303);
  assert.equal(await letters(), 'dabc');
  await person.post(undoPath(page.text)).type('form').send({}).expect(303);
  assert.equal([...(await letters())].filter((one) => one === 'a').length, 2);

  await send('remove', { ...(await form()), entry: uriOf('d') }).expect(303);
  const shorter = await keepFirst();
  for (const letter of 'cb') await send('remove', { ...(await form()), entry: uriOf(letter) }).expect(303);
  await person.post(undoPath(shorter.text)).type('form').send({}).expect(303);
  assert.equal(await letters(), 'aa');
});

test('if the copy to keep cannot be put back, the page says so, and Undo puts everything back', async (t) => {
  const { person, uriOf, path, letters, form, send, simulator } = await start(t, 'abac');
  const sent = { ...(await form()), entry: `0 ${uriOf('a')}` };
  simulator.fault({ on: /\/(items|tracks)$/, method: 'POST', answer: { status: 502, body: '' } });

  const left = await send('keep-one', sent).expect(303);

  const page = await person.get(left.headers.location ?? '').expect(200);
  assert.match(page.text, /Spotify stopped responding before everything was put back/);
  assert.equal(await letters(), 'bc');
  await person.post(undoPath(page.text)).type('form').send({ returnTo: path }).expect(303);
  assert.equal(await letters(), 'abac');
});

test('selected rows are removed together, and put back together', async (t) => {
  const { person, uriOf, path, letters, form, send } = await start(t, 'abcdef');
  const page = await person.get(path).expect(200);
  assert.equal(page.text.match(/type="checkbox" form="selection" name="entry"/g)?.length, 6);
  assert.doesNotMatch(page.text, /type="checkbox" name="selected"/, 'one for each row');
  assert.match(page.text, /loses the date it was added, even if you undo it/);
  assert.doesNotMatch(page.text, /Local files/);
  const [, snapshot] =
    /formaction="[^"]*\/remove" name="snapshot" value="([^"]+)">Remove</.exec(page.text) ?? [];
  const { idempotencyKey, returnTo } = formFields(page.text, '/playlists/add');
  const entry = [...'bce'].map((one) => `${'abcdef'.indexOf(one)} ${uriOf(one)}`);

  const left = await send('remove', { idempotencyKey, returnTo, entry, snapshot }).expect(303);
  assert.equal(await letters(), 'adf');
  await person
    .post(undoPath((await person.get(left.headers.location ?? '')).text))
    .send({})
    .expect(303);
  assert.equal(await letters(), 'abcdef');
  const none = await send('remove', await form()).expect(400);
  assert.match(none.text, /What should be removed\?/);
  assert.match(none.text, /Nothing was removed/);
  assert.ok(none.text.includes(`href="${path}">Go back to the playlist`));
});

test('rows that can’t be played are selected to be removed or added, not to be played', async (t) => {
  const { person, uriOf, path, letters, form, send, json, simulator } = await start(t, 'abcd');
  simulator.settings.unavailable.set(uriOf('b'), { reason: 'market' });
  await letters();
  const { text } = await person.get(path).expect(200);
  const rows = [...text.matchAll(/form="selection" name="(\w+)" value="(\d) /g)].map(
    ([, name, place]) => `${name} ${place}`,
  );
  assert.deepEqual(rows, ['entry 0', 'unplayable 1', 'entry 2', 'entry 3']);
  const [entry, unplayable] = [`2 ${uriOf('c')}`, `1 ${uriOf('b')}`];

  const page = await person.get(`/playlists/add?${new URLSearchParams({ entry, unplayable })}`).expect(200);
  assert.match(page.text, /Add <bdi>2 items<\/bdi> to a playlist/);
  simulator.plays('noor', { kind: 'track', index: 0, progressMs: 0 });
  simulator.setProduct('noor', 'premium');
  simulator.forgetCalls();
  await json('/player/queue', { entry, unplayable }).expect(204);
  for (const command of ['play', 'queue']) await json(`/player/${command}`, { unplayable }).expect(409);
  const refused = await person
    .post('/player/play')
    .type('form')
    .send({ unplayable, returnTo: path })
    .expect(303);
  assert.match(
    (await person.get(refused.headers.location ?? '').expect(200)).text,
    /Spotify can’t play any of these\./,
  );
  assert.deepEqual(
    simulator.calls.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`),
    ['POST /v1/me/player/queue'],
  );

  await send('remove', { ...(await form()), entry, unplayable }).expect(303);
  assert.equal(await letters(), 'ad');
});

test('a version that Spotify refuses, but that is still the latest, is tried once more without it', async (t) => {
  for (const answer of [badVersion, { status: 502, body: '' }]) {
    const { uriOf, path, letters, form, send, simulator, person } = await start(t, 'abc');
    const sent = { ...(await form()), entry: `1 ${uriOf('b')}` };
    simulator.fault({ on: /\/(items|tracks)$/, method: 'DELETE', answer });
    simulator.forgetCalls();

    await send('remove', sent).expect(303);

    const items = `${path}/${contents(t)}`;
    assert.deepEqual(apiRequests(simulator), [
      `GET ${items}`,
      `DELETE ${items}`,
      `GET ${path}`,
      `DELETE ${items}`,
    ]);
    assert.equal(await letters(), 'ac');
    simulator.fault({ on: /\/(items|tracks)$/, method: 'PUT', answer });
    await send('move', { ...(await form()), entry: '0', to: 2 }).expect(303);
    assert.equal(await letters(), 'ca');
    simulator.fault({ on: /\/(items|tracks)$/, method: 'DELETE', answer: badVersion, times: 2 });
    const refused = await send('remove', { ...(await form()), entry: `0 ${uriOf('c')}` }).expect(303);
    assert.match(
      (await person.get(refused.headers.location ?? '')).text,
      /Spotify didn’t accept this change/,
    );
    assert.equal(await letters(), 'ca');
  }
});

test('if a playlist has changed, the page shows the changes and offers the same again', async (t) => {
  const { uriOf, nameOf, path, letters, form, send, json, person, clock } = await start(t, 'abcb');
  const sent = { ...(await form()) };
  await json(`${path}/items`, { uri: uriOf('d') }).expect(200);
  const other = (await person.getJson(path).expect(200)).body.playlist.snapshotId;
  await json(`${path}/remove`, { entry: `0 ${uriOf('a')}`, snapshot: other }).expect(200);
  clock.advance({ seconds: 2 });

  const changed = await send('remove', { ...sent, entry: `2 ${uriOf('c')}` }).expect(409);

  assert.equal(await letters(), 'bcbd', 'nothing is removed');
  assert.match(changed.text, /The playlist has changed/);
  assert.ok(changed.text.includes(nameOf('c')));
  const again = formFields(changed.text, `${path}/remove`);
  assert.equal(again.entry, `1 ${uriOf('c')}`, 'at its new place');
  await send('remove', again).expect(303);
  assert.equal(await letters(), 'bbd');
  const gone = await send('remove', { ...sent, entry: `0 ${uriOf('a')}` }).expect(409);
  assert.match(gone.text, /What you chose isn’t on this page anymore/);
  const program = await json(`${path}/remove`, { ...sent, entry: `0 ${uriOf('a')}` }).expect(409);
  assert.equal(program.body.reason, 'playlist-changed');
});

test('items added and removed on Spotify in the meantime are named', async (t) => {
  const { uriOf, nameOf, path, letters, form, send, simulator } = await start(t, 'abc');
  const sent = await form();
  const token = await accessTokenOf(simulator, 'noor', 'playlist-modify-public playlist-modify-private');
  const onSpotify = async (method: string, body: object) => {
    const headers = { Authorization: `Bearer ${token}` };
    const url = `${simulator.apiUrl}${path}/${contents(t)}`;
    assert.ok((await fetch(url, { method, headers, body: JSON.stringify(body) })).ok);
  };
  await onSpotify('POST', { uris: [uriOf('d')], position: 0 });
  await onSpotify('DELETE', { [contents(t)]: [{ uri: uriOf('b') }] });

  const page = await send('move', { ...sent, entry: `0 ${uriOf('a')}`, to: 3 }).expect(409);

  const lines = [...page.text.matchAll(/<li>(New on|No longer on) this page: <bdi>([^<]+)<\/bdi>/g)];
  assert.deepEqual(
    lines.map(([, what, name]) => [what, name]),
    [
      ['New on', nameOf('d')],
      ['No longer on', nameOf('b')],
    ],
  );
  const again = formFields(page.text, `${path}/move`);
  assert.deepEqual([again.entry, again.to], [`1 ${uriOf('a')}`, '3']);
  await send('move', again).expect(303);
  assert.equal(await letters(), 'dca');
});

testOnce('a removal from too many places to put back, or of uncounted copies, offers no Undo', async (t) => {
  const { uriOf, form, send, letters } = await start(t, 'ab'.repeat(21));
  const asked = await send('remove', {
    ...(await form()),
    entry: `0 ${uriOf('a')}`,
    confirmed: 'yes',
  }).expect(303);
  assert.match(asked.headers.location ?? '', /notice=item-removed$/);
  assert.equal(await letters(), 'b'.repeat(21));
});

testOnce('in a long playlist the copies are counted only if the person wants that', async (t) => {
  const turntable = await startTurntable(t);
  const mara = turntable.browser();
  await mara.signIn('mara', allowAll);
  const lists = [];
  for (const page of [1, 2, 3]) lists.push(...(await mara.getJson(`/playlists?page=${page}`)).body.playlists);
  const id = lists.find(({ name }: { name: string }) => name === 'Everything I ever liked')?.id;
  const path = `/playlists/${id}`;
  const page = await mara.get(path).expect(200);
  const [, entry] = /name="entry" value="(\d+ spotify:track:\w+)"/.exec(page.text) ?? [];
  turntable.simulator.forgetCalls();

  const asked = await mara
    .post(`${path}/remove`)
    .type('form')
    .send({ ...formFields(page.text, `${path}/remove`), entry })
    .expect(200);
  assert.match(
    asked.text,
    /Remove every copy of[\s\S]*Turntable hasn’t counted them, and you can’t undo this/,
  );
  assert.ok(apiRequests(turntable.simulator).length <= 3);
  const counted = await mara
    .post(`${path}/remove`)
    .type('form')
    .send({ ...formFields(asked.text, `${path}/remove`), count: 'true' });
  assert.equal(counted.status, 200);
  assert.match(counted.text, /Remove all 6 copies of[\s\S]*You can undo that/);
  assert.ok(apiRequests(turntable.simulator).filter((call) => /GET .*items$/.test(call)).length >= 24);
  turntable.simulator.forgetCalls();

  const removed = await mara
    .post(`${path}/remove`)
    .type('form')
    .send({ ...formFields(counted.text, `${path}/remove`), confirmed: 'yes' })
    .expect(303);

  assert.deepEqual(apiRequests(turntable.simulator), [`DELETE ${path}/items`], 'it was read before');
  const after = await mara.get(removed.headers.location ?? '').expect(200);
  assert.match(undoPath(after.text), /./);
});

testOnce('the page says why local files have no “Remove”', async (t) => {
  const { browser } = await startTurntable(t);
  for (const name of ['mara', 'noor', 'jonas']) {
    const person = browser();
    await person.signIn(name, allowAll);
    const { playlists } = (await person.getJson('/playlists').expect(200)).body;
    const found = (playlists as { id: string; name: string }[]).find((one) => /old laptop/.test(one.name));
    if (!found) continue;
    const { text } = await person.get(`/playlists/${found.id}`).expect(200);
    assert.match(text, /Local files can only be removed on Spotify/);
    return;
  }
  assert.fail('no one has a playlist of local files');
});
