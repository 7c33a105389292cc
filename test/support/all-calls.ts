import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ApiVersion } from '../../simulator/simulator.ts';
import { allowAll } from './pages.ts';
import { startRecorder } from './recorder.ts';
import { startTurntable, type Turntable } from './turntable.ts';

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
    body: text === '' ? null : JSON.parse(text),
    status,
  }));
}

/** Has a listener visit every page and perform every action. Fails the test if one of them fails. */
export async function visitEverything(
  { browser, simulator, clock }: Turntable,
  listener: string,
): Promise<void> {
  const person = browser();
  await person.signIn(listener, allowAll);
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

  for (const path of ['/now-playing', '/account', '/devices', '/library', '/library/recent'])
    await visit(path);
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
  await act('/player/play', { context: `spotify:playlist:${id}`, offset: 1, device: other.id });
  const { playlist } = (await person.getJson(path).expect(200)).body;
  await visit(`${path}/export.json`);
  for (const list of ['/library', '/library/recent', '/library/top']) await visit(`${list}/export.csv`);
  await act(`${path}/remove`, { uri: track, snapshot: playlist.snapshotId });
  const json = person.post('/playlists/add').set('Accept', 'application/json');
  const { undo } = (await json.send({ uri: [track, episode, track], playlist: id }).expect(200)).body;
  await act(undo);
}
