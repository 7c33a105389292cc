import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ApiVersion } from '../../simulator/simulator.ts';
import { allowAll } from './pages.ts';
import { startRecorder } from './recorder.ts';
import { type Browser, startTurntable, type Turntable } from './turntable.ts';

/** A call of the app to the Web API, without its token. */
export type Call = {
  method: string;
  /** Without the version prefix. */
  path: string;
  query: Record<string, string>;
  body: Record<string, unknown> | null;
  status: number;
};

/** Returns all calls to the Web API while every listener visits every page and performs every action. */
export async function recordAllCalls(t: TestContext, apiVersion: ApiVersion): Promise<Call[]> {
  const { sent, url, forwardTo } = await startRecorder(t);
  const turntable = await startTurntable(t, {
    simulator: { apiVersion },
    timing: { afterCommandMs: 0 },
    env: { SPOTIFY_API_URL: url },
  });
  forwardTo(turntable.simulator.apiUrl);
  await turntable.browser().get('/search?q=a').expect(200);
  for (const { id } of turntable.simulator.listeners) await visitEverything(turntable, id);
  return sent.map(({ method, path, query, text, status }) => ({
    method,
    path: path.replace('/v1', ''),
    query,
    body: text.startsWith('{') ? JSON.parse(text) : null,
    status,
  }));
}

/** The lists of the library, and the page of one thing of each kind, with a further page of its list. */
async function catalogPaths(person: Browser): Promise<string[]> {
  const paths = ['/library/albums', '/library/shows', '/library/episodes', '/library/artists'];
  const [albums, shows, , artists] = await Promise.all(
    paths.map(async (path) => (await person.getJson(path).expect(200)).body),
  );
  const pageOf = ({ uri }: { uri: string }) => uri.replace(/^spotify:(\w+):/, '/$1s/');
  const album = albums.albums.find(({ album }: { album: { count: number } }) => album.count > 50)?.album;
  const show = shows.shows.find(({ show }: { show: { count: number } }) => show.count > 50)?.show;
  if (!album || !show) return paths;
  const { episodes } = (await person.getJson(pageOf(show)).expect(200)).body;
  const lists = [album, show].map((one) => `${pageOf(one)}?page=2`);
  const artist = pageOf(artists.artists[0]);
  const found = (await person.getJson('/search?q=the&type=album,show').expect(200)).body;
  const isNew = ({ uri }: { uri: string }) => !JSON.stringify([albums, shows]).includes(uri);
  const [other, podcast] = [found.albums.items.find(isNew), found.shows.items.find(isNew)];
  const questions = [other ?? album, podcast ?? show, episodes[1].item].map(
    (one) => `${pageOf(one)}?saved=ask`,
  );
  return [...questions, ...paths, ...lists, artist, `${artist}?page=1`, pageOf(episodes[0].item)];
}

/** Saves and removes one thing of each kind, and follows and unfollows an artist and a playlist. */
async function saveAndFollow(
  person: Browser,
  act: (path: string, form: object) => Promise<void>,
  playlist: string,
): Promise<void> {
  const { body } = await person.getJson('/search?q=the&type=artist,track,album').expect(200);
  const [artist, track, album] = [body.artists, body.tracks, body.albums].map(({ items }) => items[0]);
  await person.get(`${track.uri.replace('spotify:track:', '/tracks/')}?saved=ask`).expect(200);
  // A podcast that Mara and Noor have saved.
  const [saved] = (await person.getJson('/library/shows').expect(200)).body.shows;
  const uris = [album.uri, playlist, ...(saved ? [saved.show.uri] : [])];
  for (const uri of uris) for (const way of ['remove', 'save']) await act(`/library/${way}`, { uri });
  for (const way of ['save', 'remove']) await act(`/library/${way}`, { uri: artist.uri });
}

/** Has a listener visit every page and perform every action. Fails the test if one of them fails. */
export async function visitEverything(
  { browser, simulator, clock }: Turntable,
  listener: string,
): Promise<void> {
  // Otherwise the attempt to follow an artist is refused, which is how the app finds out that it can't.
  simulator.settings.followsArtistsInLibrary = true;
  const person = browser();
  await person.signIn(listener, `${allowAll}+ugc-image-upload`);
  simulator.setProduct(listener, 'premium');
  const visit = async (path: string) => {
    const { status } = await person.get(path);
    assert.equal(status, 200, path);
  };
  const act = async (path: string, form: object = {}) => {
    const { status, text } = await person.post(path).type('form').send(form);
    assert.equal(status, 303, `${path}: ${text}`);
    clock.advance({ seconds: 2 });
  };

  const paths = [
    '/now-playing',
    '/now-playing/bar',
    '/wall',
    '/account',
    '/devices',
    '/library',
    '/library/recent',
  ];
  for (const path of [...paths, ...(await catalogPaths(person))]) await visit(path);
  for (const kind of ['artists', 'tracks'])
    for (const range of ['short_term', 'medium_term', 'long_term'])
      await visit(`/library/top?of=${kind}&range=${range}`);
  await visit('/search?q=the&type=artist,track,album,playlist&page=2');
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { body } = await person.getJson(`/playlists?page=${page}`).expect(200);
    pages = body.pages;
    for (const { id } of body.playlists) await visit(`/playlists/${id}`);
  }

  simulator.plays(listener, { kind: 'music' }, 'Kitchen speaker');
  for (const command of ['pause', 'play', 'next', 'previous']) await act(`/player/${command}`);
  await act('/player/seek', { positionMs: 60_000 });
  await act('/player/volume', { percent: 30 });
  await act('/player/shuffle', { on: true });
  await act('/player/repeat', { mode: 'track' });
  const { devices } = (await person.getJson('/devices').expect(200)).body;
  const other = devices.find(({ name }: { name: string }) => name.includes('laptop'));
  await act('/player/device', { device: other.id });

  const playingUri = async () => (await person.getJson('/now-playing').expect(200)).body.item.uri;
  const track = await playingUri();
  await act('/player/queue', { uri: track });
  await visit('/player/queue');
  for (const start of [{ uri: track }, { uri: [track, track], offset: 1, positionMs: 5_000 }])
    await act('/player/play', start);
  simulator.plays(listener, { kind: 'episode' });
  clock.advance({ seconds: 2 });
  const episode = await playingUri();
  await act('/playlists', { name: 'New', description: 'Made by hand', public: 'true' });
  const [{ id }] = (await person.getJson('/playlists').expect(200)).body.playlists;
  const path = `/playlists/${id}`;
  await act(path, { name: 'Newer', description: 'Changed by hand', public: 'false' });
  for (const uri of [track, episode]) {
    await act('/library/save', { uri });
    await visit('/now-playing');
    await act('/library/remove', { uri });
    await visit(`/playlists/add?uri=${uri}`);
    await act(`${path}/items`, { uri });
  }
  await saveAndFollow(person, act, `spotify:playlist:${id}`);
  await act('/player/play', { context: `spotify:playlist:${id}`, offset: 1, device: other.id });
  const moved = (await person.getJson(path).expect(200)).body.playlist;
  await visit(`${path}/order`);
  await act(`${path}/move`, { entry: '0', to: 2, snapshot: moved.snapshotId });
  const { playlist } = (await person.getJson(path).expect(200)).body;
  await visit(`${path}/export.json`);
  const lists = ['', '/recent', '/top', '/albums', '/shows', '/episodes', '/artists', '/top-artists'];
  for (const list of lists) await visit(`/library${list}/export.csv`);
  await act(`${path}/remove`, { uri: track, snapshot: playlist.snapshotId });
  await visit(`${path}/cover`);
  const jpeg = Buffer.from('ffd8ffe0ffd9', 'hex');
  await person.post(`${path}/cover`).set('Content-Type', 'image/jpeg').send(jpeg).expect(303);
  const json = person.post('/playlists/add').set('Accept', 'application/json');
  const { undo } = (await json.send({ uri: [track, episode, track], playlist: id }).expect(200)).body;
  await act(undo);
}
