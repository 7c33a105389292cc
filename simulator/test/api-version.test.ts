import assert from 'node:assert/strict';
import test from 'node:test';
import { readApiVersion } from '../api-version.ts';
import { type Paging, startTestSimulator } from './start-test-simulator.ts';

test('2026-02: only the current names and the remaining fields', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const me = (await get('/me', access)).body;
  assert.ok(me.account_id);
  for (const removed of ['country', 'email', 'product', 'followers', 'explicit_content'])
    assert.ok(!(removed in me));

  const [own, ...others] = (await get<Paging>('/me/playlists', access)).body.items;
  assert.ok(own && 'items' in own && !('tracks' in own));
  const playlist = (await get(`/playlists/${own.id}`, access)).body;
  assert.ok('items' in playlist && !('tracks' in playlist));
  const first = playlist.items?.items?.[0];
  assert.ok(first && 'item' in first && !('track' in first));
  const track = first.item;
  assert.ok(track && !('popularity' in track) && !('available_markets' in track) && 'external_ids' in track);
  assert.equal((await get(`/playlists/${own.id}/tracks`, access)).status, 403);

  const followed = others.find((one) => one?.owner?.id === 'tovekilde');
  const theirs = await get(`/playlists/${followed?.id}`, access);
  assert.equal(theirs.status, 200);
  assert.ok(!('items' in theirs.body), 'details without items');
  const contents = await get(`/playlists/${followed?.id}/items`, access);
  assert.equal(contents.text, '{"error":{"status":403,"message":"Forbidden"}}');
});

test('both: current and legacy names, all fields, the items of every playlist', async (t) => {
  const { signIn, get } = await startTestSimulator(t, { apiVersion: 'both' });
  const { access } = await signIn('noor');
  const me = (await get('/me', access)).body;
  assert.equal(me.product, 'free');
  assert.ok(me.account_id && me.email);
  assert.ok(!('email' in (await get('/me', (await signIn('noor', '')).access)).body));

  const lists = (await get<Paging>('/me/playlists', access)).body.items;
  const followed = lists.find((one) => one?.owner?.id === 'tovekilde');
  assert.ok(followed && 'items' in followed && 'tracks' in followed);
  for (const [path, limit] of [
    ['items', 20],
    ['tracks', 100],
  ] as const) {
    const { body }: { body: Paging } = await get<Paging>(`/playlists/${followed.id}/${path}`, access);
    assert.equal(body.limit, limit);
    assert.ok(body.items.every((entry) => entry && 'item' in entry && 'track' in entry));
  }
  assert.equal((await get('/search?q=a&type=track&limit=50', access)).status, 200);
});

test('legacy: only the legacy names', async (t) => {
  const { signIn, get } = await startTestSimulator(t, { apiVersion: 'legacy' });
  const { access } = await signIn('mara');
  assert.ok(!('account_id' in (await get('/me', access)).body));
  const own = (await get<Paging>('/me/playlists', access)).body.items[0];
  assert.ok(own && 'tracks' in own && !('items' in own));
  const { body } = await get<Paging>(`/playlists/${own.id}/tracks?limit=100`, access);
  assert.ok(body.items.every((entry) => entry && 'track' in entry && !('item' in entry)));
  assert.equal((await get(`/playlists/${own.id}/items`, access)).status, 404);
});

test('a private playlist needs the scope, and doesn’t exist for others', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const mara = await signIn('mara');
  const lists = (await get<Paging>('/me/playlists', mara.access)).body.items;
  const privateId = lists.find((one) => one?.public === false && !one.collaborative)?.id;
  assert.equal((await get(`/playlists/${privateId}`, mara.access)).status, 200);
  assert.equal((await get(`/playlists/${privateId}`, (await signIn('noor')).access)).status, 404);
  const without = await get(`/playlists/${privateId}`, (await signIn('mara', '')).access);
  assert.equal(without.text, '{"error":{"status":403,"message":"Insufficient client scope"}}');
});

test('a former name of the setting or of a version is accepted, with a line that says what to write instead', () => {
  const read = (env: Record<string, string>) => {
    const warnings: string[] = [];
    return [readApiVersion(env, (sentence) => warnings.push(sentence)), ...warnings];
  };

  assert.deepEqual(read({}), ['2026-02']);
  assert.deepEqual(read({ SIMULATOR_API_VERSION: 'legacy' }), ['legacy']);
  assert.deepEqual(read({ SIMULATOR_API_VERSION: 'both', SIMULATOR_DIALECT: 'legacy' }), ['both']);
  for (const env of [
    { SIMULATOR_DIALECT: 'legacy' },
    { SIMULATOR_DIALECT: 'old' },
    { SIMULATOR_API_VERSION: 'old' },
  ]) {
    assert.deepEqual(read(env), [
      'legacy',
      'Set SIMULATOR_API_VERSION=legacy instead: the former name stops working in 0.3.0.',
    ]);
  }
});
