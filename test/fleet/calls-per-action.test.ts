import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, actions } from '../../docs/calls-per-action.ts';
import { commandNames } from '../../src/pages/player/commands.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { waitForTicks } from '../support/live-listener.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

type Fields = Readonly<Record<string, unknown>>;
type Site = Awaited<ReturnType<typeof start>>;

/** Someone with every permission, who has now playing open in a tab. */
async function start(t: Parameters<typeof startTurntable>[0], apiVersion: '2026-02' | 'legacy') {
  const turntable = await startTurntable(t, { simulator: { apiVersion }, ticking: true });
  const { simulator, browser, clock, url } = turntable;
  simulator.settings.followsArtistsInLibrary = true;
  simulator.setProduct('mara', 'premium');
  const mara = browser();
  await mara.signIn('mara', `${allowAll}+ugc-image-upload`);
  const json = async (path: string) => (await mara.getJson(path).expect(200)).body;
  const post = async (path: string, fields: Fields = {}) => {
    const sent = mara.post(path).set('Accept', 'application/json');
    const { status, body } = await (path.endsWith('/cover')
      ? sent.set('Content-Type', 'image/jpeg').send(Buffer.from('ffd8ffe0ffd9', 'hex'))
      : sent.send(fields));
    assert.ok(status < 300, `${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const found = await json('/search?q=the');
  const uris: string[] = found.tracks.items.map(({ uri }: { uri: string }) => uri);
  /** Returns the path of a new playlist that contains these tracks, by their index. */
  const create = async (...indexes: number[]) => {
    const { id } = await post('/playlists', { name: 'Mine', uri: indexes.map((index) => uris[index]) });
    clock.advance({ seconds: 2 });
    return `/playlists/${id}`;
  };
  await openStream(t, url, mara);
  return { ...turntable, json, post, create, found, uris };
}

/** The form of each action in the table. What it needs is prepared first, and not counted. */
const forms: Record<string, (site: Site) => Promise<[string, Fields?]> | [string, Fields?]> = {
  Resume: () => ['/player/play'],
  'Play tracks or episodes': ({ uris }) => ['/player/play', { uri: uris.slice(0, 2) }],
  'Play an album, an artist, or a playlist': ({ found }) => [
    '/player/play',
    { context: found.albums.items[0].uri },
  ],
  'Shuffle an album, an artist, or a playlist': ({ found }) => [
    '/player/play',
    { context: found.albums.items[0].uri, shuffle: true },
  ],
  'Play saved tracks': () => ['/player/play', { list: 'saved', offset: 3 }],
  'Play a podcast': ({ found }) => ['/player/play', { list: found.shows.items[0].uri }],
  Pause: () => ['/player/pause'],
  Next: () => ['/player/next'],
  Previous: () => ['/player/previous'],
  Seek: () => ['/player/seek', { positionMs: 60_000 }],
  Volume: () => ['/player/volume', { percent: 30 }],
  Shuffle: () => ['/player/shuffle', { on: true }],
  Repeat: () => ['/player/repeat', { mode: 'track' }],
  'Move to another device': async ({ json }) => {
    const { devices } = await json('/devices');
    const other = devices.find(({ name }: { name: string }) => name.includes('laptop'));
    return ['/player/device', { device: other.id }];
  },
  'Add to the queue': ({ uris }) => ['/player/queue', { uri: uris[0] }],
  'Add three to the queue': ({ uris }) => ['/player/queue', { uri: uris.slice(0, 3) }],
  Save: ({ found }) => ['/library/save', { uri: found.albums.items[0].uri }],
  'Save several': ({ uris }) => ['/library/save', { uri: uris.slice(0, 3) }],
  'Remove from the library': ({ found }) => ['/library/remove', { uri: found.albums.items[0].uri }],
  'Undo that': async ({ post, found }) => [
    (await post('/library/remove', { uri: found.albums.items[0].uri })).undo,
  ],
  'Follow an artist': ({ found }) => ['/library/save', { uri: found.artists.items[0].uri }],
  'Unfollow an artist': ({ found }) => ['/library/remove', { uri: found.artists.items[0].uri }],
  'Follow a playlist': ({ found }) => [
    '/library/save',
    { uri: `spotify:playlist:${found.playlists.items[0].id}` },
  ],
  'Unfollow or delete a playlist': async ({ create }) => [
    '/library/remove',
    { uri: `spotify:playlist:${(await create(0)).split('/').at(-1)}` },
  ],
  'Create a playlist': () => ['/playlists', { name: 'Another' }],
  'Create one with items': ({ uris }) => ['/playlists', { name: 'Another', uri: uris.slice(0, 2) }],
  'Edit its details': async ({ create }) => [await create(0), { name: 'Renamed' }],
  'Change its cover': async ({ create }) => [`${await create(0)}/cover`],
  'Add items to a playlist': async ({ create, uris }) => [
    `${await create(0)}/items`,
    { uri: uris.slice(0, 2) },
  ],
  'Add items to two playlists': async ({ create, uris }) => {
    const playlist = [await create(0), await create(1)].map((path) => path.split('/').at(-1));
    return ['/playlists/add', { uri: uris.slice(0, 2), playlist }];
  },
  'Undo an addition': async ({ create, post, uris }) => [
    (await post(`${await create(0)}/items`, { uri: uris[1] })).undo,
  ],
  'Move an item': (site) => inPlaylist(site, 'move', { to: 2 }),
  'Remove items': (site) => inPlaylist(site, 'remove', { confirmed: true }),
  'Undo a removal': async (site) => {
    // One item: those at several places take a call for each run of neighbors.
    const [path, fields] = await inPlaylist(site, 'remove', { entry: `1 ${site.uris[1]}` });
    return [(await site.post(path, fields)).undo];
  },
  'Keep one of several copies': (site) => inPlaylist(site, 'keep-one', {}),
};

/** The form that changes the first item of a new playlist, of which it has two copies. */
async function inPlaylist({ create, json, uris }: Site, what: string, fields: Fields) {
  const path = await create(0, 1, 0);
  const { snapshotId } = (await json(path)).playlist;
  return [`${path}/${what}`, { snapshot: snapshotId, entry: `0 ${uris[0]}`, ...fields }] satisfies [
    string,
    Fields,
  ];
}

const isPoll = (call: string) => call === 'GET /me/player';

/** Returns the calls of an action, and how many polls followed it within eight seconds; waits for as many as are expected. */
async function measure(site: Site, { what, polls }: Action): Promise<{ calls: string[]; polls: number }> {
  const { simulator, clock, json, post } = site;
  const form = await (forms[what] ?? assert.fail(`${what} isn’t tested`))(site);
  // Another track than before, which would seem stuck if it began again.
  const index = actions.findIndex((one) => one.what === what) % 2;
  simulator.plays('mara', { kind: 'track', index, progressMs: 0 }, 'Kitchen speaker');
  if (what === 'Resume') await post('/player/pause');
  clock.advance({ seconds: 5 });
  // The next poll by the cadence is a minute away now.
  await json('/now-playing');
  await waitForTicks(simulator);
  simulator.forgetCalls();

  await post(...form);
  for (const [seconds, expected] of [
    [0, Math.min(1, polls)],
    [2.1, polls],
    [6, polls],
  ] as const) {
    clock.advance({ seconds });
    await until(() => apiRequests(simulator).filter(isPoll).length >= expected);
    await waitForTicks(simulator);
  }
  const all = apiRequests(simulator).map((call) => call.replace(/(?<=\/)[A-Za-z\d]{22}(?=\/|$)/, '{id}'));
  return { calls: all.filter((call) => !isPoll(call)), polls: all.filter(isPoll).length };
}

for (const apiVersion of ['2026-02', 'legacy'] as const)
  test(`each action takes as many calls as docs/spotify-calls.md says (${apiVersion})`, async (t) => {
    const site = await start(t, apiVersion);
    for (const action of actions) {
      const { what, calls, polls } = action;
      const measured = await measure(site, action);
      // In the legacy version they have other names.
      const names = apiVersion === 'legacy' ? calls.length : [...calls];
      const found = apiVersion === 'legacy' ? measured.calls.length : measured.calls;
      assert.deepEqual([found, measured.polls], [names, polls], `${what}: ${measured.calls.join(', ')}`);
    }
  });

test('every command, and every way to save, follow, add, remove and move, is in the table', () => {
  const routes = new Set(actions.map(({ route }) => route));
  const expected = [
    ...commandNames.map((name) => `/player/${name}`),
    ...['/library/save', '/library/remove', '/playlists', '/playlists/{id}', '/playlists/add'],
    ...['items', 'remove', 'keep-one', 'move', 'cover'].map((what) => `/playlists/{id}/${what}`),
    ...['addition', 'removal', 'library'].map((what) => `/undo/${what}/{token}`),
  ];
  assert.deepEqual([...routes].sort(), expected.sort());
  assert.deepEqual(
    actions.map(({ what }) => what),
    Object.keys(forms),
  );
});

test('a command is one call and two polls, except for Shuffle and lists that Spotify can’t play by their name', () => {
  const commands = actions.filter(({ polls }) => polls > 0);
  assert.deepEqual(
    commands.filter(({ calls }) => calls.length > 1).map(({ what }) => what),
    ['Shuffle an album, an artist, or a playlist', 'Play saved tracks', 'Play a podcast'],
  );
});
