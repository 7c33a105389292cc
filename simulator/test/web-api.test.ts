import assert from 'node:assert/strict';
import test from 'node:test';
import { type Paging, type SpotifyObject, startTestSimulator } from './start-test-simulator.ts';

const error = (status: number, message: string) => ({
  status,
  text: JSON.stringify({ error: { status, message } }),
});
const statusAndText = ({ status, text }: { status: number; text: string }) => ({ status, text });

test('each kind of refusal has Spotify’s status and message', async (t) => {
  const { simulator, signIn, requestToken, get } = await startTestSimulator(t);
  const { access } = await signIn('mara', 'playlist-read-private');
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';

  const noBearer = error(400, 'Only valid bearer authentication supported');
  assert.deepEqual(statusAndText(await get('/me', null)), noBearer);
  assert.deepEqual(statusAndText(await get('/me', '')), noBearer);
  assert.deepEqual(statusAndText(await get('/me', 'unknown')), error(401, 'Invalid access token'));
  assert.deepEqual(statusAndText(await get('/me/player', access)), error(401, 'Permissions missing'));
  assert.deepEqual(
    statusAndText(await get('/me/player/currently-playing', access)),
    error(401, 'Permissions missing'),
  );
  const listeners = [
    '/me',
    '/me/player',
    '/me/player/devices',
    '/me/player/recently-played',
    '/me/playlists',
  ];
  for (const path of [...listeners, '/me/top/tracks', '/me/tracks', '/me/library/contains?uris=x']) {
    assert.deepEqual(
      statusAndText(await get(path, app)),
      error(403, 'This request requires user authentication.'),
    );
  }
  for (const path of ['/browse/new-releases', '/tracks?ids=a,b', '/users/mara', '/nonsense', '/me/']) {
    assert.deepEqual(statusAndText(await get(path, app)), error(403, 'Forbidden'), path);
  }
  simulator.settings.apiVersion = 'both';
  assert.equal((await get('/nonsense', app)).status, 404);
  assert.equal((await get('/tracks/nonsense', app)).status, 404);
});

test('an uninvited listener is refused; without the owner’s Premium, everyone is', async (t) => {
  const { simulator, signIn, requestToken, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';

  simulator.settings.notInvited.add('mara');
  const asJson = await get('/me', access);
  assert.equal(asJson.status, 403);
  assert.match(asJson.body.error?.message ?? '', /not registered/);
  simulator.settings.notInvitedFormat = 'text';
  const asText = await get('/me/player', access);
  assert.equal(asText.status, 403);
  assert.match(asText.text, /^Check settings on .* may not be registered/);
  assert.equal((await get('/search?q=sun&type=track', app)).status, 200);

  simulator.settings.ownerHasPremium = false;
  for (const one of [access, app]) {
    assert.match(
      (await get('/search?q=sun&type=track', one)).text,
      /^\{.*Active premium subscription required/,
    );
  }
});

test('playlists are paged, some are null, and the pages link to each other', async (t) => {
  const { simulator, signIn, get, allItems } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const { body } = await get<Paging>('/me/playlists?limit=50', access);
  assert.equal(body.total, 137);
  assert.equal(body.href, `${simulator.apiUrl}/me/playlists?limit=50&offset=0`);
  assert.equal(body.next, `${simulator.apiUrl}/me/playlists?limit=50&offset=50`);
  const all = await allItems('/me/playlists?limit=50', access);
  assert.equal(all.length, 137);
  const playlists = all.filter((playlist) => playlist !== null);
  assert.equal(all.length - playlists.length, 5);
  assert.equal(new Set(playlists.map((playlist) => playlist.id)).size, playlists.length);

  const some = (is: (playlist: SpotifyObject) => boolean, what: string) =>
    assert.ok(playlists.some(is), what);
  some((p) => p.images === null, 'images null');
  some((p) => p.images?.length === 0, 'no images');
  some((p) => p.images?.length === 1 && p.images[0]?.width === null, 'image without a size');
  some((p) => p.name === '', 'empty name');
  some((p) => p.name?.length === 300, 'long name');
  some((p) => p.name?.includes('<script>') === true, 'markup');
  some((p) => /\p{Script=Hebrew}/u.test(p.name ?? ''), 'right to left');
  some((p) => p.description === null, 'description null');
  some((p) => !('description' in p), 'no description');
  some((p) => p.description?.includes('&#x27;') === true, 'escaped description');
  some((p) => p.items?.total === null, 'total null');
  some((p) => p.items?.total === 1200, 'long');
  some((p) => p.owner !== undefined && !('id' in p.owner), 'owner without id');
  some((p) => p.owner?.display_name === null, 'owner without name');
  some((p) => p.owner !== undefined && !('display_name' in p.owner), 'owner with a missing name');
  some((p) => p.collaborative === true && p.owner?.id !== 'mara', 'collaborative');
  some((p) => p.public === null, 'neither public nor private');

  assert.equal((await get<Paging>('/me/playlists', (await signIn('jonas')).access)).body.total, 0);
  assert.equal((await get<Paging>('/me/playlists', (await signIn('noor')).access)).body.total, 12);
});

test('playlists that need a scope are left out without it', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const list = async (scope: string) => {
    const { access } = await signIn('noor', scope);
    return (await get<Paging>('/me/playlists', access)).body.items.map((playlist) => playlist?.name);
  };
  const full = await list('playlist-read-private playlist-read-collaborative');
  const bare = await list('');
  assert.equal(full.length, 12);
  assert.deepEqual(
    full.filter((name) => !bare.includes(name)),
    ['Songs my sister sent', 'Flat party', 'Slow cooker'],
  );
});

test('invalid limits and offsets are refused', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  for (const limit of ['0', '51', '-1', 'ten', '', '1.5']) {
    assert.deepEqual(
      statusAndText(await get(`/me/playlists?limit=${limit}`, access)),
      error(400, 'Invalid limit'),
    );
  }
  assert.equal((await get('/me/playlists?offset=100001', access)).status, 400);
  assert.equal((await get('/me/playlists?offset=-1', access)).status, 400);
  assert.deepEqual((await get<Paging>('/me/playlists?offset=500', access)).body.items, []);
  assert.deepEqual(
    statusAndText(await get('/search?q=a&type=track&limit=11', access)),
    error(400, 'Invalid limit'),
  );
});

test('the long playlist contains every kind of entry that accumulates over the years', async (t) => {
  const { signIn, get, allItems } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const lists = (await get<Paging>('/me/playlists?limit=50', access)).body.items;
  const id = lists.find((playlist) => playlist?.items?.total === 1200)?.id;
  const entries = await allItems(
    `/playlists/${id}/items?limit=50&additional_types=track,episode&market=DE`,
    access,
  );
  assert.equal(entries.length, 1200);
  const some = (is: (entry: SpotifyObject) => boolean, what: string) =>
    assert.ok(
      entries.some((entry) => entry && is(entry)),
      what,
    );
  some((e) => e.item === null, 'deleted track');
  some((e) => e.item?.type === 'episode', 'episode');
  some((e) => e.is_local === true && e.item?.id === null, 'local file');
  some((e) => e.item?.is_playable === false, 'unplayable track');
  some((e) => e.added_at === null && e.added_by === null, 'no date');
  some((e) => e.added_by?.id === '', 'empty user id');
  const ids = entries.map((e) => e?.item?.id).filter(Boolean);
  assert.ok(new Set(ids).size < ids.length, 'duplicates');

  const { body } = await get<Paging>(`/playlists/${id}/items?limit=50&offset=100`, access);
  assert.ok(
    body.items.every((e) => e?.item?.type !== 'episode'),
    'episodes only with additional_types',
  );
});

test('search accepts an app token and returns at most ten results', async (t) => {
  const { requestToken, get } = await startTestSimulator(t);
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';
  const { body } = await get('/search?q=study&type=track,album,artist,playlist', app);
  assert.deepEqual(Object.keys(body).sort(), ['albums', 'artists', 'playlists', 'tracks']);
  assert.equal(body.tracks?.limit, 5);
  assert.equal(body.tracks?.items?.length, 5);
  assert.match(body.tracks?.next ?? '', /type=track&/);
  assert.equal(body.playlists?.items?.[0], null);
  const lists = (await get('/search?q=s&type=playlist&limit=10', app)).body.playlists;
  assert.equal(lists?.items.filter((one) => one === null).length, 1);
  assert.equal(
    (await get('/search?q=s&type=playlist&limit=10', app)).body.playlists?.items[0]?.type,
    'playlist',
  );

  const more = (await get('/search?q=platform&type=show,episode,audiobook', app)).body as Record<
    string,
    Paging
  >;
  assert.deepEqual(Object.keys(more), ['shows', 'episodes', 'audiobooks']);
  assert.deepEqual([more.shows?.items[0]?.name, more.audiobooks?.total], ['The Long Platform', 0]);

  for (const [query, message] of [
    ['type=track', 'No search query'],
    ['q=&type=track', 'No search query'],
    ['q=%20&type=track', 'No search query'],
    ['q=a', 'Missing parameter type'],
    ['q=a&type=song', 'Bad search type field song'],
    ['q=a&type=track,song', 'Bad search type field song'],
    ['q=a&type=track&limit=11', 'Invalid limit'],
    ['q=a&type=track&offset=1001', 'Invalid offset'],
  ] as const) {
    assert.deepEqual(statusAndText(await get(`/search?${query}`, app)), error(400, message), query);
  }
  assert.equal((await get('/search?q=a&type=track&limit=10&offset=1000', app)).status, 200);
});

test('an app token can read single objects', async (t) => {
  const { requestToken, get, signIn } = await startTestSimulator(t);
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';
  const found = (await get('/search?q=a&type=track,show,episode,playlist', app)).body;
  const track = found.tracks?.items[0];
  for (const [kind, id] of [
    ['tracks', track?.id],
    ['albums', track?.album?.id],
    ['playlists', found.playlists?.items[0]?.id],
  ] as const) {
    const one = await get(`/${kind}/${id}`, app);
    assert.deepEqual([one.status, one.body.id], [200, id], kind);
  }
  const { item } = (await get('/me/player?additional_types=episode', (await signIn('noor')).access)).body;
  assert.equal((await get(`/episodes/${item?.id}?market=DE`, app)).body.name, item?.name);
  assert.equal((await get(`/shows/${item?.show?.id}?market=DE`, app)).body.name, item?.show?.name);
  const contents = await get(`/playlists/${found.playlists?.items[0]?.id}/items`, app);
  assert.deepEqual(statusAndText(contents), error(403, 'Forbidden'));
});

test('calls are recorded without secrets', async (t) => {
  const { simulator, signIn, get } = await startTestSimulator(t);
  const tokens = await signIn('mara');
  await get('/me/playlists?limit=3', tokens.access);
  await get('/nonsense', tokens.access);
  const [exchange, list, nonsense] = simulator.calls;
  assert.equal(exchange?.grantType, 'authorization_code');
  assert.equal(exchange?.service, 'accounts');
  assert.deepEqual(list?.query, { limit: '3' });
  assert.equal(list?.listenerId, 'mara');
  assert.equal(list?.path, '/v1/me/playlists');
  assert.equal(nonsense?.status, 403);
  assert.ok(!JSON.stringify(simulator.calls).includes(tokens.access));
  simulator.forgetCalls();
  assert.equal(simulator.calls.length, 0);
});

test('the links in responses lead to pictures and pages', async (t) => {
  const { simulator, signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const { body } = await get('/me/player', access);
  const picture = body.item?.album?.images?.[1];
  assert.equal(picture?.width, 300);
  const cover = await fetch(String(picture?.url));
  assert.equal(cover.headers.get('content-type'), 'image/svg+xml; charset=utf-8');
  assert.equal(cover.headers.get('cross-origin-resource-policy'), 'cross-origin');
  const page = await fetch(String(body.item?.external_urls?.spotify));
  assert.ok((await page.text()).includes('On Spotify, this link opens the track in the Spotify app.'));
  assert.equal((await fetch(`${simulator.origin}/open/track/none`)).status, 404);
  assert.equal((await fetch(simulator.origin)).status, 200);
});

test('the fields filter selects the fields of a playlist', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const id = (await get<Paging>('/me/playlists?limit=1', access)).body.items[0]?.id;
  const filtered = async (path: string, fields: string) =>
    (await get(`/playlists/${id}${path}fields=${encodeURIComponent(fields)}`, access)).text;
  assert.equal(
    await filtered('?', 'name,owner.id,items(total,items(item(duration_ms,!name)))').then((text) =>
      text.slice(0, 70),
    ),
    '{"name":"Sunday, slowly","owner":{"id":"mara"},"items":{"total":20,"it',
  );
  assert.match(
    await filtered('/items?limit=2&', 'total,items(is_local,item(album.name))'),
    /^\{"total":20,"items":\[(\{"is_local":false,"item":\{"album":\{"name":"[^"]+"\}\}\},?){2}\]\}$/,
  );
  assert.equal(await filtered('/items?', 'tracks,limit'), '{"limit":20}', 'the legacy name selects nothing');
  const without = await filtered('/items?limit=1&', 'items(!added_by,item)');
  assert.ok(!without.includes('added_by'));
});
