import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { ApiVersion } from '../simulator.ts';
import { type Paging, startTestSimulator } from './start-test-simulator.ts';

const insufficientScope = 'Insufficient client scope';

/** Signs a listener in. Also returns functions for playlists, and the URIs of some tracks and an episode. */
async function startEditing(t: TestContext, listener = 'mara', apiVersion: ApiVersion = '2026-02') {
  const started = await startTestSimulator(t, { apiVersion });
  const { signIn, get, send } = started;
  const { access } = await signIn(listener);
  const found = (await get('/search?q=study&type=track', access)).body.tracks?.items ?? [];
  const episode = (await get('/me/player?additional_types=episode', (await signIn('noor')).access)).body.item;
  const path = apiVersion === 'legacy' ? 'tracks' : 'items';
  return {
    ...started,
    access,
    tracks: found.map((track) => track?.uri ?? ''),
    episode: episode?.uri ?? '',
    create: async (details: object) => (await send('POST', '/me/playlists', access, details)).body,
    contents: async (id: string | null | undefined) =>
      (await get<Paging>(`/playlists/${id}/${path}?additional_types=track,episode`, access)).body.items.map(
        (entry) => (entry?.item ?? entry?.track)?.uri,
      ),
    snapshot: async (id: string | null | undefined) =>
      (await get(`/playlists/${id}`, access)).body.snapshot_id,
    message: async (method: string, path: string, body?: unknown, token = access) => {
      const response = await send(method, path, token, body);
      return response.body?.error ? `${response.status} ${response.body.error.message}` : response.status;
    },
  };
}

test('a new playlist is first in the list, and empty', async (t) => {
  const { send, get, access, signIn } = await startEditing(t);
  const created = await send('POST', '/me/playlists', access, {
    name: 'For <the> road',
    description: 'Rock & Roll',
    public: false,
  });
  assert.equal(created.status, 201);
  const { id, images, owner, description, items } = created.body;
  assert.deepEqual(
    [created.body.name, created.body.public, created.body.collaborative],
    ['For <the> road', false, false],
  );
  assert.deepEqual([images, owner?.id, description, items?.total], [null, 'mara', 'Rock &amp; Roll', 0]);
  const list = (await get<Paging>('/me/playlists?limit=2', access)).body;
  assert.deepEqual([list.items[0]?.id, list.items[1]?.name, list.total], [id, 'Sunday, slowly', 138]);
  assert.equal((await get(`/playlists/${id}`, access)).status, 200);
  assert.equal((await get(`/playlists/${id}`, (await signIn('noor')).access)).status, 404, 'private');
  const page = await fetch(String(created.body.external_urls?.spotify));
  assert.ok((await page.text()).includes('For &lt;the&gt; road'));

  const plain = (await send('POST', '/me/playlists', access, { name: 'Plain' })).body;
  assert.deepEqual([plain.public, plain.collaborative, plain.description], [true, false, '']);
});

test('creating a playlist needs valid details and the right scope', async (t) => {
  const { message, signIn, requestToken } = await startEditing(t);
  const path = '/me/playlists';
  assert.equal(await message('POST', path, {}), '400 Missing required field: name');
  assert.equal(await message('POST', path), '400 Missing required field: name');
  assert.equal(await message('POST', path, { name: '' }), '400 Missing required field: name');
  assert.equal(await message('POST', path, { name: 3 }), '400 Invalid name');
  assert.equal(await message('POST', path, 'name=x'), '400 Error parsing JSON.');
  for (const visibility of [{}, { public: true }]) {
    assert.match(
      String(await message('POST', path, { name: 'x', collaborative: true, ...visibility })),
      /^400 /,
    );
  }
  const collaborative = { name: 'x', collaborative: true, public: false };
  assert.equal(await message('POST', path, collaborative), 201);

  const publicOnly = (await signIn('mara', 'playlist-modify-public')).access;
  const privateOnly = (await signIn('mara', 'playlist-modify-private')).access;
  assert.equal(await message('POST', path, { name: 'x' }, publicOnly), 201);
  assert.equal(
    await message('POST', path, { name: 'x', public: false }, publicOnly),
    `403 ${insufficientScope}`,
  );
  assert.equal(await message('POST', path, { name: 'x' }, privateOnly), `403 ${insufficientScope}`);
  assert.equal(await message('POST', path, { name: 'x', public: false }, privateOnly), 201);
  assert.equal(await message('POST', path, collaborative, privateOnly), `403 ${insufficientScope}`);
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';
  assert.equal(
    await message('POST', path, { name: 'x' }, app),
    '403 This request requires user authentication.',
  );
});

test('items can be added at any position and removed', async (t) => {
  const { send, create, contents, snapshot, tracks, episode, access, get } = await startEditing(t);
  const { id, snapshot_id } = await create({ name: 'New' });
  const [a = '', b = '', c = ''] = tracks;
  const path = `/playlists/${id}/items`;

  const added = await send('POST', path, access, { uris: [a, b, a, episode] });
  assert.equal(added.status, 201);
  assert.deepEqual(Object.keys(added.body), ['snapshot_id']);
  assert.notEqual(added.body.snapshot_id, snapshot_id);
  assert.equal(await snapshot(id), added.body.snapshot_id);
  await send('POST', path, access, { uris: [c, b], position: 1 });
  assert.deepEqual(await contents(id), [a, c, b, b, a, episode]);
  await send('POST', `${path}?uris=${c}&position=0`, access, { uris: [a] });
  assert.deepEqual(await contents(id), [c, a, c, b, b, a, episode], 'the query takes precedence');
  const entry = (await get<Paging>(path, access)).body.items[0];
  assert.deepEqual([entry?.added_by?.id, entry?.added_at], ['mara', '2026-11-21T12:00:00Z']);
  assert.equal((await get(`/playlists/${id}`, access)).body.images?.length, 3);

  const before = await snapshot(id);
  const body = { items: [{ uri: b }, { uri: c }], snapshot_id: before };
  const removed = await send('DELETE', path, access, body);
  assert.equal(removed.status, 200);
  assert.notEqual(removed.body.snapshot_id, before);
  assert.equal(await snapshot(id), removed.body.snapshot_id);
  assert.deepEqual(await contents(id), [a, a, episode], 'every occurrence');
  assert.equal((await send('DELETE', path, access, body)).status, 400, 'an old version');
  assert.equal((await send('DELETE', path, access, { ...body, snapshot_id: 'nonsense' })).status, 400);
  assert.deepEqual(await contents(id), [a, a, episode]);
  assert.equal((await send('DELETE', path, access, { items: [{ uri: a }] })).status, 200);
  assert.deepEqual(await contents(id), [episode]);
});

test('invalid additions and removals are refused', async (t) => {
  const { create, message, tracks, contents } = await startEditing(t);
  const { id } = await create({ name: 'New' });
  const [uri = ''] = tracks;
  const path = `/playlists/${id}/items`;
  const many = (count: number) => Array.from({ length: count }, () => uri);

  assert.equal(await message('POST', path, { uris: [] }), '400 No uris provided.');
  assert.equal(await message('POST', path), '400 No uris provided.');
  assert.equal(
    await message('POST', path, { uris: many(101) }),
    '400 You can add a maximum of 100 tracks per request.',
  );
  assert.equal(await message('POST', path, { uris: ['x'] }), '400 Invalid track uri: x');
  const local = 'spotify:local:a:b:c:1';
  assert.equal(await message('POST', path, { uris: [uri, local] }), `400 Invalid track uri: ${local}`);
  const unknown = 'spotify:track:0000000000000000000000';
  assert.equal(await message('POST', path, { uris: [unknown] }), '400 Payload contains a non-existing ID');
  assert.equal(await message('POST', path, { uris: [uri], position: 1 }), '400 Invalid position');
  assert.equal(await message('POST', path, { uris: [uri], position: -1 }), '400 Invalid position');
  assert.deepEqual(await contents(id), []);
  assert.equal(await message('POST', path, { uris: many(100) }), 201);

  assert.equal(await message('DELETE', path), '400 Missing required field: items');
  assert.equal(await message('DELETE', path, { tracks: [{ uri }] }), '400 Missing required field: items');
  assert.equal(await message('DELETE', path, { uris: [uri] }), '400 Missing required field: items');
  assert.equal(await message('DELETE', path, { items: [uri] }), '400 Invalid track uri: undefined');
  const objects = many(101).map((one) => ({ uri: one }));
  assert.match(String(await message('DELETE', path, { items: objects })), /^400 /);
  assert.equal((await contents(id)).length, 20, 'the first page');
});

test('name, description and visibility can be changed', async (t) => {
  const { send, create, message, get, access, snapshot, signIn } = await startEditing(t);
  const { id } = await create({ name: 'New', description: 'As it was' });
  const path = `/playlists/${id}`;
  const before = await snapshot(id);
  const response = await send('PUT', path, access, { name: 'Newer', public: false });
  assert.deepEqual([response.status, response.text], [200, '']);
  const changed = (await get(path, access)).body;
  assert.deepEqual([changed.name, changed.description, changed.public], ['Newer', 'As it was', false]);
  assert.notEqual(changed.snapshot_id, before);
  assert.equal(await message('PUT', path, { collaborative: true }), 200);
  assert.match(String(await message('PUT', path, { public: true })), /^400 /);
  assert.equal(await message('PUT', path, { description: '"quoted"' }), 200);
  assert.equal((await get(path, access)).body.description, '&quot;quoted&quot;');
  assert.equal(await message('PUT', path, { name: '' }), '400 Missing required field: name');

  const publicOnly = (await signIn('mara', 'playlist-modify-public')).access;
  const { id: other } = await create({ name: 'Other' });
  assert.equal(await message('PUT', path, { name: 'x' }, publicOnly), `403 ${insufficientScope}`);
  assert.equal(await message('PUT', `/playlists/${other}`, { name: 'x' }, publicOnly), 200);
  assert.equal(
    await message('PUT', `/playlists/${other}`, { public: false }, publicOnly),
    `403 ${insufficientScope}`,
  );
});

test('listeners can change only their own and collaborative playlists', async (t) => {
  const { message, allItems, access, tracks, signIn } = await startEditing(t);
  const playlists = await allItems('/me/playlists?limit=50', access);
  const followed = playlists.find((list) => list?.owner?.id === 'tovekilde' && !list.collaborative)?.id;
  const collaborative = playlists.find((list) => list?.collaborative && list.owner?.id !== 'mara')?.id;
  const own = playlists.find(
    (list) => list?.public === false && !list.collaborative && list.owner?.id === 'mara',
  )?.id;
  const uris = { uris: tracks.slice(0, 1) };
  const items = { items: [{ uri: tracks[0] }] };

  assert.equal(await message('PUT', `/playlists/${followed}`, { name: 'x' }), '403 Forbidden');
  assert.equal(await message('POST', `/playlists/${followed}/items`, uris), '403 Forbidden');
  assert.equal(await message('DELETE', `/playlists/${followed}/items`, items), '403 Forbidden');
  assert.equal(await message('PUT', `/playlists/${collaborative}`, { name: 'x' }), '403 Forbidden');
  assert.equal(await message('POST', `/playlists/${collaborative}/items`, uris), 201);
  assert.equal(await message('DELETE', `/playlists/${collaborative}/items`, items), 200);
  const noor = (await signIn('noor')).access;
  assert.equal(await message('POST', `/playlists/${own}/items`, uris, noor), '404 Resource not found');
  assert.equal(await message('POST', '/playlists/none/items', uris), '404 Resource not found');
  const publicOnly = (await signIn('mara', 'playlist-modify-public')).access;
  assert.equal(
    await message('POST', `/playlists/${own}/items`, uris, publicOnly),
    `403 ${insufficientScope}`,
  );
  assert.equal(
    await message('DELETE', `/playlists/${own}/items`, items, publicOnly),
    `403 ${insufficientScope}`,
  );
});

test('each API version has its own playlist endpoints', async (t) => {
  const { simulator, message, create, tracks } = await startEditing(t);
  const { id } = await create({ name: 'New' });
  const [uri] = tracks;
  const statuses = async () => ({
    legacy: [
      await message('POST', '/users/mara/playlists', { name: 'x' }),
      await message('POST', `/playlists/${id}/tracks`, { uris: [uri] }),
      await message('DELETE', `/playlists/${id}/tracks`, { tracks: [{ uri }] }),
    ],
    current: [
      await message('POST', '/me/playlists', { name: 'x' }),
      await message('POST', `/playlists/${id}/items`, { uris: [uri] }),
      await message('DELETE', `/playlists/${id}/items`, { items: [{ uri }] }),
    ],
  });
  const forbidden = '403 Forbidden';
  assert.deepEqual(await statuses(), { legacy: [forbidden, forbidden, forbidden], current: [201, 201, 200] });
  simulator.settings.apiVersion = 'both';
  assert.deepEqual(await statuses(), { legacy: [201, 201, 200], current: [201, 201, 200] });
  assert.match(String(await message('POST', '/users/noor/playlists', { name: 'x' })), /^403 You cannot/);
  simulator.settings.apiVersion = 'legacy';
  const missing = '404 Resource not found';
  assert.deepEqual(await statuses(), { legacy: [201, 201, 200], current: [missing, missing, missing] });
  assert.equal(
    await message('DELETE', `/playlists/${id}/tracks`, { items: [{ uri }] }),
    '400 Missing required field: tracks',
  );
});

test('simulators don’t share playlists', async (t) => {
  const [one, other] = [await startEditing(t), await startEditing(t)];
  const { items } = (await one.get<Paging>('/me/playlists?limit=1', one.access)).body;
  const path = `/playlists/${items[0]?.id}`;
  await one.send('POST', `${path}/items`, one.access, { uris: one.tracks.slice(0, 1), position: 0 });
  await one.send('PUT', path, one.access, { name: 'Monday, fast' });
  await one.create({ name: 'New' });
  const summary = async ({ get, access }: typeof one) => {
    const { name, items } = (await get(path, access)).body;
    return [name, items?.total, (await get<Paging>('/me/playlists', access)).body.total];
  };
  assert.deepEqual(await summary(one), ['Monday, fast', 21, 138]);
  assert.deepEqual(await summary(other), ['Sunday, slowly', 20, 137]);
});
