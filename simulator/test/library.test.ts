import assert from 'node:assert/strict';
import test from 'node:test';
import { type Paging, type SpotifyObject, startTestSimulator } from './start-test-simulator.ts';

const forbidden = '{"error":{"status":403,"message":"Forbidden"}}';

test('Mara has hundreds of saved tracks, Jonas none', async (t) => {
  const { signIn, get, allItems } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const first = (await get<Paging>('/me/tracks', access)).body;
  assert.deepEqual([first.limit, first.items.length], [20, 20]);
  const all = await allItems('/me/tracks?limit=50', access);
  assert.equal(all.length, first.total);
  assert.ok(all.length > 250);
  assert.equal(new Set(all.map((saved) => saved?.track?.id)).size, all.length);
  const some = (is: (track: SpotifyObject) => boolean) =>
    assert.ok(all.some((saved) => saved?.track && is(saved.track)));
  some(({ name }) => name === '');
  some(({ name }) => name?.length === 300);
  some(({ name }) => name?.includes('<script>') === true);
  some(({ name }) => /\p{Script=Hebrew}/u.test(name ?? ''));
  const times = all.map((saved) => saved?.added_at ?? '');
  assert.deepEqual(times, times.toSorted().reverse());
  assert.match(times[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const track = all.find((saved) => saved?.track?.name?.endsWith('(Live)'))?.track;
  assert.equal((await get(`/tracks/${track?.id}`, access)).body.name, track?.name);
  assert.equal((await get(`/albums/${track?.album?.id}`, access)).body.name, track?.album?.name);

  assert.equal((await get('/me/tracks?limit=51', access)).status, 400);
  assert.equal((await get<Paging>('/me/tracks', (await signIn('jonas')).access)).body.total, 0);
  const without = (await signIn('mara', '')).access;
  assert.equal((await get('/me/tracks', without)).body.error?.message, 'Insufficient client scope');
});

test('tracks can be saved and removed by URI', async (t) => {
  const { signIn, get, send, clock } = await startTestSimulator(t);
  const { access } = await signIn('jonas');
  const marasTracks = (await get<Paging>('/me/tracks?limit=3', (await signIn('mara')).access)).body.items;
  const [one, two, three] = marasTracks.map((saved) => saved?.track?.uri);
  const contains = async (...uris: unknown[]) =>
    (await get<boolean[]>(`/me/library/contains?uris=${uris.join(',')}`, access)).body;
  const saved = async () =>
    (await get<Paging>('/me/tracks', access)).body.items.map((entry) => entry?.track?.uri);

  const response = await send('PUT', `/me/library?uris=${one},${two}`, access);
  assert.deepEqual([response.status, response.text], [200, '']);
  clock.ms += 1000;
  await send('PUT', `/me/library?uris=${two},${three}`, access);
  assert.deepEqual(await saved(), [three, one, two], 'newest first, and already saved tracks don’t move');
  assert.deepEqual(await contains(one, three, 'spotify:track:0000000000000000000000'), [true, true, false]);
  assert.equal((await send('DELETE', `/me/library?uris=${one},${three}`, access)).status, 200);
  assert.deepEqual(await saved(), [two]);
  assert.deepEqual(await contains(one, two), [false, true]);
  assert.equal(
    (await send('DELETE', `/me/library?uris=${one}`, access)).status,
    200,
    'removing an unsaved track',
  );
});

test('albums, people and playlists can be saved by URI, some with another scope', async (t) => {
  const { signIn, get, send } = await startTestSimulator(t);
  const { access } = await signIn('jonas');
  const { items } = (await get('/search?q=a&type=album,show,playlist', access)).body.albums ?? { items: [] };
  const playlist = (await get('/search?q=sunday, slowly&type=playlist', access)).body.playlists?.items[0]
    ?.uri;
  const uris = [items[0]?.uri, 'spotify:user:mara', playlist].join(',');
  const contains = async () => (await get(`/me/library/contains?uris=${uris}`, access)).body;
  const playlistNames = async () =>
    (await get<Paging>('/me/playlists', access)).body.items.map((list) => list?.name);
  assert.deepEqual(await contains(), [false, false, false]);
  assert.equal((await send('PUT', `/me/library?uris=${uris}`, access)).status, 200);
  assert.deepEqual(await contains(), [true, true, true]);
  assert.deepEqual(await playlistNames(), ['Sunday, slowly']);
  await send('DELETE', `/me/library?uris=${uris}`, access);
  assert.deepEqual(await contains(), [false, false, false]);
  assert.deepEqual(await playlistNames(), []);

  const scopes = 'user-library-modify user-library-read';
  const limited = (await signIn('jonas', scopes)).access;
  const refused = async (method: string, path: string, access = limited) =>
    (await send<SpotifyObject | null>(method, path, access)).body?.error?.message;
  const scope = 'Insufficient client scope';
  assert.equal(await refused('PUT', `/me/library?uris=${items[0]?.uri}`), undefined);
  assert.equal(await refused('PUT', '/me/library?uris=spotify:user:mara'), scope);
  assert.equal(await refused('PUT', `/me/library?uris=${playlist}`), scope);
  assert.equal(await refused('GET', '/me/library/contains?uris=spotify:user:mara'), scope);
  assert.equal(await refused('GET', `/me/library/contains?uris=${playlist}`), scope);
  const follower = (await signIn('jonas', `${scopes} user-follow-modify playlist-modify-public`)).access;
  assert.equal(await refused('PUT', `/me/library?uris=spotify:user:mara,${playlist}`, follower), undefined);
  const readOnly = (await signIn('jonas', 'user-library-read')).access;
  assert.equal(await refused('PUT', `/me/library?uris=${items[0]?.uri}`, readOnly), scope);
  assert.equal(await refused('DELETE', `/me/library?uris=${items[0]?.uri}`, readOnly), scope);
});

test('URIs have to be in the query, well formed, and 40 at most', async (t) => {
  const { signIn, get, send } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const uri = (await get<Paging>('/me/tracks?limit=1', access)).body.items[0]?.track?.uri ?? '';
  const missing = '{"error":{"status":400,"message":"Missing required field: uris"}}';
  for (const method of ['PUT', 'DELETE']) {
    assert.equal((await send(method, '/me/library', access, { uris: [uri] })).text, missing);
    assert.equal((await send(method, `/me/library?ids=${uri.slice(-22)}`, access)).text, missing);
  }
  assert.equal((await get('/me/library/contains', access)).text, missing);
  const many = (count: number) => Array.from({ length: count }, () => uri).join(',');
  assert.equal((await get(`/me/library/contains?uris=${many(40)}`, access)).status, 200);
  for (const [method, uris] of [
    ['GET', many(41)],
    ['PUT', many(41)],
    ['DELETE', many(41)],
    ['GET', ''],
    ['PUT', uri.slice(-22)],
    ['PUT', `${uri},`],
    ['PUT', 'spotify:track:short'],
    ['PUT', 'spotify:song:0000000000000000000000'],
    ['PUT', 'spotify:local:a:b:c:1'],
    ['PUT', 'spotify:artist:0000000000000000000000'],
  ] as const) {
    const path = method === 'GET' ? '/me/library/contains' : '/me/library';
    assert.equal((await send(method, `${path}?uris=${uris}`, access)).status, 400, `${method} ${uris}`);
  }
  assert.equal(
    (await send('PUT', '/me/library?uris=spotify:track:0000000000000000000000', access)).status,
    404,
  );
});

test('each API version has its own library endpoints', async (t) => {
  const { simulator, signIn, get, send } = await startTestSimulator(t);
  const { access } = await signIn('noor');
  const { access: mara } = await signIn('mara');
  const uri = (await get<Paging>('/me/tracks?limit=1', mara)).body.items[0]?.track?.uri ?? '';
  const id = uri.slice(-22);
  const statuses = async (calls: readonly (readonly [string, string])[]) =>
    Promise.all(calls.map(async ([method, path]) => (await send(method, path, access)).status));
  const legacy = [
    ['PUT', `/me/tracks?ids=${id}`],
    ['GET', `/me/tracks/contains?ids=${id}`],
    ['DELETE', `/me/tracks?ids=${id}`],
  ] as const;
  const current = [
    ['PUT', `/me/library?uris=${uri}`],
    ['GET', `/me/library/contains?uris=${uri}`],
    ['DELETE', `/me/library?uris=${uri}`],
  ] as const;

  assert.deepEqual(await statuses(legacy), [403, 403, 403]);
  assert.equal((await send('PUT', `/me/tracks?ids=${id}`, access)).text, forbidden);
  assert.equal(
    (await send('PUT', `/me/tracks?ids=${id}`, 'unknown')).status,
    401,
    'the token is checked first',
  );
  assert.deepEqual(await statuses(current), [200, 200, 200]);
  simulator.settings.apiVersion = 'both';
  assert.deepEqual(await statuses(legacy), [200, 200, 200]);
  assert.deepEqual(await statuses(current), [200, 200, 200]);
  simulator.settings.apiVersion = 'legacy';
  assert.deepEqual(await statuses(legacy), [200, 200, 200]);
  assert.deepEqual(await statuses(current), [404, 404, 404]);
});

test('legacy: ids can be in the query or the body', async (t) => {
  const { signIn, get, send } = await startTestSimulator(t, { apiVersion: 'legacy' });
  const { access } = await signIn('jonas');
  const { access: mara } = await signIn('mara');
  const ids = (await get<Paging>('/me/tracks?limit=2', mara)).body.items.map(
    (saved) => saved?.track?.id ?? '',
  );
  assert.equal((await send('PUT', '/me/tracks', access, { ids })).status, 200);
  assert.deepEqual((await get(`/me/tracks/contains?ids=${ids}`, access)).body, [true, true]);
  assert.equal((await send('DELETE', `/me/tracks?ids=${ids[1]}`, access)).status, 200);
  assert.deepEqual((await get(`/me/tracks/contains?ids=${ids}`, access)).body, [true, false]);
  await send('DELETE', '/me/tracks', access, { ids });
  assert.equal((await get<Paging>('/me/tracks', access)).body.total, 0);

  for (const query of [
    '',
    '?ids=',
    '?ids=short',
    `?ids=${Array.from({ length: 51 }, () => ids[0]).join(',')}`,
  ]) {
    assert.equal((await send('PUT', `/me/tracks${query}`, access)).status, 400, query);
  }
  const readOnly = (await signIn('jonas', 'user-library-read')).access;
  assert.equal(
    (await send('PUT', '/me/tracks', readOnly, { ids })).body.error?.message,
    'Insufficient client scope',
  );
});
