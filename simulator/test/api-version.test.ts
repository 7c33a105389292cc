import assert from 'node:assert/strict';
import test from 'node:test';
import { type Pages, visit } from './visit.ts';

test('development mode: only the new names, and the fields that are left', async (t) => {
  const { signIn, get } = await visit(t);
  const { access } = await signIn('mara');
  const me = (await get('/me', access)).body;
  assert.ok(me.account_id);
  for (const gone of ['country', 'email', 'product', 'followers', 'explicit_content'])
    assert.ok(!(gone in me));

  const [own, ...others] = (await get<Pages>('/me/playlists', access)).body.items;
  assert.ok(own && 'items' in own && !('tracks' in own));
  const whole = (await get(`/playlists/${own.id}`, access)).body;
  assert.ok('items' in whole && !('tracks' in whole));
  const first = whole.items?.items?.[0];
  assert.ok(first && 'item' in first && !('track' in first));
  const track = first.item;
  assert.ok(track && !('popularity' in track) && !('available_markets' in track) && 'external_ids' in track);
  assert.equal((await get(`/playlists/${own.id}/tracks`, access)).status, 403);

  const followed = others.find((one) => one?.owner?.id === 'tovekilde');
  const theirs = await get(`/playlists/${followed?.id}`, access);
  assert.equal(theirs.status, 200);
  assert.ok(!('items' in theirs.body), 'what it is called, but not what is in it');
  const contents = await get(`/playlists/${followed?.id}/items`, access);
  assert.equal(contents.text, '{"error":{"status":403,"message":"Forbidden"}}');
});

test('extended quota: both names, all fields, everybody’s contents', async (t) => {
  const { signIn, get } = await visit(t, { apiVersion: 'both' });
  const { access } = await signIn('noor');
  const me = (await get('/me', access)).body;
  assert.equal(me.product, 'free');
  assert.ok(me.account_id && me.email);
  assert.ok(!('email' in (await get('/me', (await signIn('noor', '')).access)).body));

  const lists = (await get<Pages>('/me/playlists', access)).body.items;
  const followed = lists.find((one) => one?.owner?.id === 'tovekilde');
  assert.ok(followed && 'items' in followed && 'tracks' in followed);
  for (const [path, limit] of [
    ['items', 20],
    ['tracks', 100],
  ] as const) {
    const { body }: { body: Pages } = await get<Pages>(`/playlists/${followed.id}/${path}`, access);
    assert.equal(body.limit, limit);
    assert.ok(body.items.every((entry) => entry && 'item' in entry && 'track' in entry));
  }
  assert.equal((await get('/search?q=a&type=track&limit=50', access)).status, 200);
});

test('the old names alone', async (t) => {
  const { signIn, get } = await visit(t, { apiVersion: 'legacy' });
  const { access } = await signIn('mara');
  assert.ok(!('account_id' in (await get('/me', access)).body));
  const own = (await get<Pages>('/me/playlists', access)).body.items[0];
  assert.ok(own && 'tracks' in own && !('items' in own));
  const { body } = await get<Pages>(`/playlists/${own.id}/tracks?limit=100`, access);
  assert.ok(body.items.every((entry) => entry && 'track' in entry && !('item' in entry)));
  assert.equal((await get(`/playlists/${own.id}/items`, access)).status, 404);
});

test('private lists are there for those who keep them, with the scope', async (t) => {
  const { signIn, get } = await visit(t);
  const mara = await signIn('mara');
  const lists = (await get<Pages>('/me/playlists', mara.access)).body.items;
  const hidden = lists.find((one) => one?.public === false && !one.collaborative)?.id;
  assert.equal((await get(`/playlists/${hidden}`, mara.access)).status, 200);
  assert.equal((await get(`/playlists/${hidden}`, (await signIn('noor')).access)).status, 404);
  const without = await get(`/playlists/${hidden}`, (await signIn('mara', '')).access);
  assert.equal(without.text, '{"error":{"status":403,"message":"Insufficient client scope"}}');
});
