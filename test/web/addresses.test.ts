import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NotFound } from '../../src/spotify/errors.ts';
import { pathTo } from '../../src/spotify/uri.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { root } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

const someId = '0'.repeat(22);
const noIds = [
  'abc',
  '0'.repeat(21),
  '0'.repeat(23),
  `${'0'.repeat(21)}-`,
  `${'0'.repeat(21)}%C3%A9`,
  '..%2Fme',
  '%2E%2E',
  'a.b',
  '%3Cscript%3E',
];
const noUris = [
  'abc',
  'spotify:track:abc',
  `spotify:track:${'0'.repeat(21)}`,
  `spotify:track:${someId},spotify:track:${someId}`,
];

// fault: address-of-nothing
test('an address that does not exist is a 404: no call to Spotify is made, and no error is logged', async (t) => {
  const { browser, simulator, clock, logged } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  // The token has expired, and any page would refresh it.
  clock.advance({ hours: 2 });
  simulator.forgetCalls();
  logged.length = 0;

  for (const id of noIds) {
    for (const rest of ['', '/export.csv', '/export.json', '?page=2'])
      await mara.get(`/playlists/${id}${rest}`).expect(404);
    await mara.getJson(`/playlists/${id}`).expect(404);
    for (const action of ['', '/items', '/remove'])
      await mara
        .post(`/playlists/${id}${action}`)
        .send({ name: 'x', uri: `spotify:track:${someId}` })
        .expect(404);
  }
  for (const command of ['rewind', '__proto__', 'constructor', 'device%2F..'])
    await mara.post(`/player/${command}`).send({}).expect(404);

  assert.deepEqual(simulator.calls, []);
  assert.doesNotMatch(logged.join(''), /"level":[456]0/);
});

test('an address of slashes alone is no error, even with a notice', async (t) => {
  const { browser } = await startTurntable(t);
  const { status } = await browser().get('//?notice=skipped');
  assert.ok(status < 500, String(status));
});

test('a visitor who is not signed in gets the same 404, and is not sent to sign in', async (t) => {
  const { browser } = await startTurntable(t);

  await browser().get('/playlists/abc').expect(404);
  await browser().get('/playlists/abc/export.csv').expect(404);
  await browser().get(`/playlists/${someId}`).expect(303);
});

// fault: form-names-nothing
test('a form or link without a valid track is a 400, and Spotify is not asked', async (t) => {
  const { browser, simulator, logged } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  simulator.forgetCalls();
  const actions = [
    '/library/save',
    '/library/remove',
    `/playlists/${someId}/items`,
    `/playlists/${someId}/remove`,
  ];

  for (const uri of noUris) {
    await mara.get(`/playlists/add?${new URLSearchParams({ uri })}`).expect(400);
    for (const action of actions) {
      const snapshot = action.endsWith('/remove') && action.startsWith('/playlists') ? { snapshot: 'x' } : {};
      const form = { uri, ...snapshot };
      await mara.post(action).type('form').send(form).expect(400);
      const { body } = await mara.post(action).set('Accept', 'application/json').send(form).expect(400);
      assert.equal(body.reason, 'no-uri', `${action} ${uri}`);
    }
  }
  await mara.get('/playlists/add').expect(400);
  for (const action of actions) await mara.post(action).type('form').send({}).expect(400);

  assert.deepEqual(simulator.calls, []);
  assert.doesNotMatch(logged.join(''), /"level":[456]0/);
});

test('an id that looks valid but is unknown to Spotify is a 404 as well, however Spotify words it', async (t) => {
  const { browser, simulator, logged } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const uri = `spotify:track:${someId}`;
  const [{ id }] = (await mara.getJson('/playlists').expect(200)).body.playlists;

  await mara.get(`/playlists/${someId}`).expect(404);
  await mara.post(`/playlists/${id}/items`).send({ uri }).expect(404);
  const body = JSON.stringify({ error: { status: 400, message: 'Invalid base62 id' } });
  simulator.fault({ on: /\/playlists\//, times: 2, answer: { status: 400, body } });
  await mara.get(`/playlists/${someId}`).expect(404);
  await mara.get(`/playlists/${someId}/export.csv`).expect(404);

  assert.doesNotMatch(logged.join(''), /"level":[456]0/);
});

// fault: hostile-id-in-path
test('whatever an id contains, the call goes to the intended address', async (t) => {
  const { browser, simulator } = await startTurntable(t, { simulator: { apiVersion: 'legacy' } });
  const mara = browser();
  const me = JSON.stringify({ id: 'a/../b?c=d#e é', display_name: 'Mara' });
  simulator.fault({ on: /\/me$/, answer: { status: 200, body: me } });
  await mara.signIn('mara', allowAll);
  simulator.forgetCalls();

  await mara.post('/playlists').send({ name: 'New' }).expect(404);

  assert.deepEqual(apiRequests(simulator), [
    'POST /me/playlists',
    'POST /users/a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9/playlists',
  ]);
});

test('every segment of a path is encoded, and none can be dropped by a URL parser', () => {
  assert.equal(pathTo('playlists', 'a/b', 'items'), '/playlists/a%2Fb/items');
  assert.equal(pathTo('users', 'half \ud83d'), '/users/half%20%EF%BF%BD');
  for (const dropped of ['', '.', '..']) assert.throws(() => pathTo('users', dropped, 'playlists'), NotFound);
});

test('paths of the Web API are built in one place only', () => {
  const folder = join(root, 'src/spotify');
  for (const file of readdirSync(folder)) {
    const pasted = readFileSync(join(folder, file), 'utf8').match(/`\/[^`]*\$\{[^`]*`/g) ?? [];
    assert.deepEqual(
      pasted,
      file === 'uri.ts' ? [`\`/\${encodeURIComponent(one.toWellFormed())}\``] : [],
      file,
    );
  }
});

// fault: invalid-ids-dropped
test('invalid ids are dropped: such a playlist is listed but not linked, and such a device takes no commands', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const odd = [...noIds.map(decodeURIComponent), '', null, 7, {}];
  const items = odd.map((id, index) => ({
    id,
    name: `Odd ${index}`,
    owner: { id: 'mara' },
    items: { total: 3 },
  }));
  const lists = JSON.stringify({ total: items.length, items });
  const onlyLists = { on: /\/me\/playlists$/, answer: { status: 200, body: lists } };

  simulator.fault({ ...onlyLists, times: 4 });
  const page = await mara.get('/playlists').expect(200);
  assert.equal(page.text.match(/>Odd \d+</g)?.length, odd.length);
  assert.doesNotMatch(page.text, /<a class="card"/);
  clock.advance({ seconds: 2 });
  const { body } = await mara.getJson('/playlists').expect(200);
  assert.ok(body.playlists.every(({ id }: { id: unknown }) => id === null));
  clock.advance({ seconds: 2 });
  const add = await mara
    .get(`/playlists/add?uri=${(await mara.getJson('/now-playing')).body.item.uri}`)
    .expect(200);
  assert.doesNotMatch(add.text, /name="playlist"/);

  const device = { id: 'kitchen/../x', name: 'Odd kitchen', is_active: false, is_restricted: false };
  simulator.fault({ on: /\/devices$/, answer: { status: 200, body: JSON.stringify({ devices: [device] }) } });
  const devices = await mara.get('/devices').expect(200);
  assert.match(devices.text, /Odd kitchen/);
  assert.doesNotMatch(devices.text, /action="\/player\/device"/);
});
