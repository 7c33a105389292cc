import assert from 'node:assert/strict';
import test from 'node:test';
import { apiVersions } from '../simulator.ts';
import { type Paging, type SpotifyObject, startTestSimulator } from './start-test-simulator.ts';

type Point = { resume_point?: { fully_played: boolean; resume_position_ms: number } };

for (const apiVersion of apiVersions) {
  test(`albums, artists and shows have lists that go on (${apiVersion})`, async (t) => {
    const { signIn, get, allItems } = await startTestSimulator(t, { apiVersion });
    const { access } = await signIn('mara');
    const albums = await allItems('/me/albums?limit=50', access);
    const album = albums.map((saved) => saved?.album).find((one) => one?.name === 'The Lighthouse Tapes');
    const whole = (await get<SpotifyObject>(`/albums/${album?.id}`, access)).body;
    assert.equal(whole.tracks?.items.length, 50);
    assert.equal(whole.tracks?.total, 64);
    assert.equal((await allItems(`/albums/${album?.id}/tracks?limit=50`, access)).length, 64);
    assert.ok(!('album' in (whole.tracks?.items[0] ?? {})));

    const [artist] = (await get('/search?q=ilse&type=artist', access)).body.artists?.items ?? [];
    const path = `/artists/${artist?.id}/albums`;
    const first = (await get<Paging>(path, access)).body;
    assert.equal(first.limit, apiVersion === '2026-02' ? 5 : 20);
    assert.equal((await get(`${path}?limit=11`, access)).status, apiVersion === '2026-02' ? 400 : 200);
    assert.equal((await get(`${path}?include_groups=album,mixtape`, access)).status, 400);
    const singles = await allItems(`${path}?include_groups=compilation`, access);
    assert.deepEqual(
      singles.map((one) => one?.name),
      ['The Lighthouse Tapes'],
    );
    assert.equal('album_group' in (first.items[0] ?? {}), apiVersion !== '2026-02');
  });
}

test('a token without a listener has to name a country for podcasts', async (t) => {
  const { signIn, get, allItems, requestToken } = await startTestSimulator(t);
  const [saved] = await allItems('/me/shows', (await signIn('mara')).access);
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';
  for (const path of [`/shows/${saved?.show?.id}`, `/shows/${saved?.show?.id}/episodes`]) {
    assert.equal((await get(path, app)).status, 404);
    assert.equal((await get(`${path}?market=DE`, app)).status, 200);
    assert.equal((await get(`${path}?market=Germany`, app)).status, 400);
  }
});

test('the position where a listener stopped is sent only to tokens with that scope', async (t) => {
  const { signIn, get, allItems } = await startTestSimulator(t);
  const { access } = await signIn('mara', 'user-library-read user-read-playback-position');
  const [saved] = await allItems('/me/episodes', access);
  const path = `/episodes/${(saved as { episode?: SpotifyObject } | null)?.episode?.id}`;
  const told = (await get<Point>(path, access)).body.resume_point;
  assert.equal(typeof told?.resume_position_ms, 'number');
  const less = (await signIn('mara', 'user-library-read')).access;
  assert.equal((await get<Point>(path, less)).body.resume_point, undefined);
  assert.equal((await get('/me/episodes', less)).status, 403);
});

test('followed artists are paged by the id of the last one', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const ask = async (query: string) =>
    (await get<{ artists: Paging }>(`/me/following?${query}`, access)).body.artists;
  const first = await ask('type=artist&limit=50');
  assert.equal(first.items.length, 50);
  assert.equal(first.cursors?.after, first.items.at(-1)?.id);
  const second = await ask(new URL(first.next ?? '').searchParams.toString());
  assert.equal(second.next, null);
  assert.equal(second.cursors?.after, null);
  assert.equal(first.items.length + second.items.length, first.total);
  for (const query of [
    '',
    'type=user',
    'type=artist&limit=51',
    'type=artist&after=x',
    'type=artist&offset=2',
  ])
    assert.equal((await get(`/me/following?${query}`, access)).status, 400, query);
  const without = (await signIn('mara', 'user-library-read')).access;
  assert.equal((await get('/me/following?type=artist', without)).status, 403);
});

test('artists are followed by the legacy endpoint, and in the library only if it is set to', async (t) => {
  const { simulator, signIn, get, send } = await startTestSimulator(t, { apiVersion: 'both' });
  const { access } = await signIn('jonas');
  const [artist] = (await get('/search?q=ilse&type=artist', access)).body.artists?.items ?? [];
  const total = async () =>
    (await get<{ artists: Paging }>('/me/following?type=artist', access)).body.artists.total;

  assert.equal((await send('PUT', `/me/library?uris=${artist?.uri}`, access)).status, 400);
  assert.equal((await send('PUT', `/me/following?type=artist&ids=${artist?.id}`, access)).status, 204);
  assert.equal(await total(), 1);
  assert.equal((await send('DELETE', `/me/following?type=artist&ids=${artist?.id}`, access)).status, 204);
  assert.equal(await total(), 0);
  assert.equal((await send('PUT', `/me/following?type=band&ids=${artist?.id}`, access)).status, 400);
  simulator.settings.followsArtistsInLibrary = true;
  assert.equal((await send('PUT', `/me/library?uris=${artist?.uri}`, access)).status, 200);
  assert.equal(await total(), 1);
  const without = (await signIn('jonas', 'user-library-modify')).access;
  assert.equal((await send('PUT', `/me/library?uris=${artist?.uri}`, without)).status, 403);
});

test('playlists are followed by a separate endpoint in the legacy version', async (t) => {
  const { signIn, get, send } = await startTestSimulator(t, { apiVersion: 'legacy' });
  const { access } = await signIn('jonas');
  const [playlist] =
    (await get('/search?q=sunday, slowly&type=playlist', access)).body.playlists?.items ?? [];
  const path = `/playlists/${playlist?.id}/followers`;
  const total = async () => (await get<Paging>('/me/playlists', access)).body.total;

  assert.equal((await send('PUT', path, access)).status, 200);
  assert.equal(await total(), 1);
  assert.equal((await send('DELETE', path, access)).status, 200);
  assert.equal(await total(), 0);
  assert.equal((await send('PUT', '/playlists/0000000000000000000000/followers', access)).status, 404);
  const without = (await signIn('jonas', 'user-library-modify')).access;
  assert.equal((await send('PUT', path, without)).status, 403);
});
