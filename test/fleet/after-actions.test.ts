import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandNames } from '../../src/pages/player/commands.ts';
import { openStream } from '../support/event-stream.ts';
import { allowAll } from '../support/pages.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { routesOf } from '../support/routes.ts';
import { type Browser, holdResponse, startTurntable } from '../support/turntable.ts';

/*
 * The contents of pages just after an action, if an earlier answer of Spotify may still be cached: in this process, in another one that has
 * shown the same pages, or in the hub while windows are open.
 */

/** One browser, at two servers that share everything but their memory. */
type World = Awaited<ReturnType<typeof openWorld>>;

/** The path `undo` is the address that the answer before offered. */
type Step = { path: string; sent?: object | (() => Promise<object>); expected: unknown };

type Case = {
  routes: string[];
  /** The affected part of the pages, at one of the servers. */
  shown: (at: Browser, world: World) => Promise<unknown>;
  /** Actions and the result that is shown after each; they run one after the other. */
  steps: (world: World, before: unknown) => Step[];
};

const nowPlaying = async (at: Browser) => (await at.get('/now-playing').expect(200)).text;
const json = async (at: Browser, path: string) => (await at.getJson(path).expect(200)).body;

const cases: Record<string, Case> = {
  'saving and removing the playing track': {
    routes: ['POST /library/save', 'POST /library/remove', 'POST /undo/library/:token'],
    async shown(at) {
      const page = await nowPlaying(at);
      const { total } = await json(at, '/library');
      return [
        /<span>(In|Not in) your library<\/span>/.exec(page)?.[1],
        /action="\/library\/(\w+)"/.exec(page)?.[1],
        total,
      ];
    },
    steps({ uri }, before) {
      const total = Number((before as unknown[])[2]);
      const [isIn, isOut] = [
        ['In', 'remove', total],
        ['Not in', 'save', total - 1],
      ];
      return [
        { path: '/library/remove', sent: { uri }, expected: isOut },
        { path: '/library/save', sent: { uri }, expected: isIn },
        { path: '/library/remove', sent: { uri }, expected: isOut },
        { path: 'undo', expected: isIn },
      ];
    },
  },
  'pausing and resuming': {
    routes: ['POST /player/:command'],
    shown: async (at) => /<span id="live-playing">(Playing|Paused)/.exec(await nowPlaying(at))?.[1],
    steps: () => [
      { path: '/player/pause', expected: 'Paused' },
      { path: '/player/play', expected: 'Playing' },
    ],
  },
  'skipping and going back': {
    routes: ['POST /player/:command'],
    shown: async (at) => (await json(at, '/now-playing')).item.name,
    steps: ({ names }) => [
      { path: '/player/next', expected: names[1] },
      { path: '/player/previous', expected: names[0] },
    ],
  },
  'moving to another device': {
    routes: ['POST /player/:command'],
    async shown(at) {
      const { devices } = await json(at, '/devices');
      const active = devices.find(({ active }: { active: boolean }) => active);
      return [active?.name, /on <bdi>([^<]+)<\/bdi>/.exec(await nowPlaying(at))?.[1]];
    },
    steps: ({ devices: [one, other] }) => [
      { path: '/player/device', sent: { device: other?.id }, expected: [other?.name, other?.name] },
      { path: '/player/device', sent: { device: one?.id }, expected: [one?.name, one?.name] },
    ],
  },
  'moving within a track, and changing volume, shuffle and repeat': {
    routes: ['POST /player/:command'],
    async shown(at) {
      const { progressMs, device, shuffle, repeat } = await json(at, '/now-playing');
      return [Math.floor(progressMs / 60_000), device.volumePercent, shuffle, repeat];
    },
    steps: () => [
      { path: '/player/seek', sent: { positionMs: 121_000 }, expected: [2, 62, false, 'context'] },
      { path: '/player/volume', sent: { percent: 9 }, expected: [2, 9, false, 'context'] },
      { path: '/player/shuffle', sent: { on: true }, expected: [2, 9, true, 'context'] },
      { path: '/player/repeat', sent: { mode: 'off' }, expected: [2, 9, true, 'off'] },
      { path: '/player/repeat', sent: { mode: 'context' }, expected: [2, 9, true, 'context'] },
      { path: '/player/shuffle', sent: { on: false }, expected: [2, 9, false, 'context'] },
      { path: '/player/volume', sent: { percent: 62 }, expected: [2, 62, false, 'context'] },
    ],
  },
  'adding to the queue': {
    routes: ['POST /player/:command'],
    shown: async (at) => (await json(at, '/player/queue')).queue[0].uri,
    steps: ({ other }) => [{ path: '/player/queue', sent: { uri: other }, expected: other }],
  },
  'creating playlists': {
    routes: ['POST /playlists'],
    shown: async (at) => (await json(at, '/playlists')).total,
    steps: (_, before) => [
      { path: '/playlists', sent: { name: 'One' }, expected: Number(before) + 1 },
      { path: '/playlists', sent: { name: 'Two' }, expected: Number(before) + 2 },
    ],
  },
  'changing a playlist and changing it back': {
    routes: ['POST /playlists/:id'],
    async shown(at, { playlist }) {
      const { playlists } = await json(at, '/playlists');
      const listed = playlists.find(({ id }: { id: string }) => id === playlist);
      return [(await json(at, `/playlists/${playlist}`)).playlist.name, listed.name];
    },
    steps: ({ playlist }) => [
      { path: `/playlists/${playlist}`, sent: { name: 'Other' }, expected: ['Other', 'Other'] },
      { path: `/playlists/${playlist}`, sent: { name: 'Mine' }, expected: ['Mine', 'Mine'] },
    ],
  },
  'adding to a playlist and removing from it': {
    routes: ['POST /playlists/:id/items', 'POST /playlists/:id/remove'],
    async shown(at, { playlist }) {
      const { entries } = await json(at, `/playlists/${playlist}`);
      const { playlists } = await json(at, '/playlists');
      const listed = playlists.find(({ id }: { id: string }) => id === playlist);
      return [entries.length, listed.count];
    },
    steps({ here, playlist, uri }) {
      const path = `/playlists/${playlist}`;
      const seen = async () => ({ uri, snapshot: (await json(here, path)).playlist.snapshotId });
      return [
        { path: `${path}/items`, sent: { uri }, expected: [1, 1] },
        { path: `${path}/remove`, sent: seen, expected: [0, 0] },
      ];
    },
  },
  'adding to chosen playlists, moving, removing, and Undo': {
    routes: [
      'POST /playlists/add',
      'POST /playlists/:id/move',
      'POST /playlists/:id/keep-one',
      'POST /playlists/:id/remove',
      'POST /undo/addition/:token',
      'POST /undo/removal/:token',
    ],
    async shown(at, { playlist }) {
      const { entries } = await json(at, `/playlists/${playlist}`);
      return entries.map(({ item }: { item: { uri: string } }) => item.uri);
    },
    steps({ here, playlist, uri, other }) {
      const path = `/playlists/${playlist}`;
      const seen = (fields: object) => async () => ({
        ...fields,
        snapshot: (await json(here, path)).playlist.snapshotId,
      });
      return [
        { path: '/playlists/add', sent: { uri: [uri, other, uri], playlist }, expected: [uri, other, uri] },
        { path: `${path}/move`, sent: seen({ entry: '0', to: 3 }), expected: [other, uri, uri] },
        { path: `${path}/keep-one`, sent: seen({ entry: `1 ${uri}` }), expected: [other, uri] },
        { path: 'undo', expected: [other, uri, uri] },
        { path: `${path}/remove`, sent: seen({ entry: `0 ${other}` }), expected: [uri, uri] },
        { path: `${path}/remove`, sent: seen({ uri, confirmed: 'yes' }), expected: [] },
        { path: '/playlists/add', sent: { uri, playlist }, expected: [uri] },
        { path: 'undo', expected: [] },
      ];
    },
  },
};
/** Actions that end the sign-in have their own test; this one changes nothing. */
const lastActions = ['/logout', '/account/sign-out-everywhere', '/account/disconnect'];
/** Spotify itself shows a cover late, preferences change no facts, and exports change no other page. */
const others = [
  ...lastActions,
  '/preferences',
  '/now-playing/poll',
  '/premium/retry',
  '/playlists/:id/cover',
  '/export',
  '/export/:command',
];

/** How long after the page an action comes, in milliseconds. */
const delays = [0, 300, 700];

test('every action is tried', async (t) => {
  const { app } = await startTurntable(t);
  const tried = [
    ...Object.values(cases).flatMap(({ routes }) => routes),
    ...others.map((path) => `POST ${path}`),
  ];
  assert.deepEqual(
    [...new Set(tried)].sort(),
    routesOf(app)
      .filter((route) => route.startsWith('POST'))
      .sort(),
  );

  const world = await openWorld(t);
  const paths = Object.values(cases).flatMap(({ steps }) => steps(world, []).map(({ path }) => path));
  const commands = paths.filter((path) => path.startsWith('/player/')).map((path) => path.slice(8));
  assert.deepEqual([...new Set(commands)].sort(), [...commandNames].sort());
});

for (const [what, { shown, steps }] of Object.entries(cases)) {
  for (const hasOpenWindows of [false, true]) {
    // fault: pages-after-action
    test(`after ${what} every page shows the current state (${hasOpenWindows ? 'windows open' : 'no window open'})`, async (t) => {
      const world = await openWorld(t);
      const { here, elsewhere, clock } = world;
      if (hasOpenWindows) for (const { url } of world.servers) await openStream(t, url, here);

      for (const at of [here, elsewhere]) {
        for (const delayMs of delays) {
          for (const accept of ['text/html', 'application/json']) {
            clock.advance({ seconds: 5 });
            const before = await shown(here, world);
            await shown(elsewhere, world);
            let undo = '';
            for (const { path: given, sent = {}, expected } of steps(world, before)) {
              const path = given === 'undo' ? undo : given;
              clock.advance({ seconds: delayMs / 1000 });
              const fields = typeof sent === 'function' ? await sent() : sent;
              const answer = await here
                .post(path)
                .set('Accept', accept)
                .type('form')
                .send({ returnTo: '/now-playing', ...fields });
              assert.ok(answer.status < 400, `${path}: ${answer.status} ${answer.text}`);

              const { location = '' } = answer.headers;
              undo = answer.body.undo ?? new URL(location, 'http://any').searchParams.get('undo') ?? '';

              const place = at === here ? 'here' : 'elsewhere';
              const about = `${path}, ${delayMs} ms after the page, ${place}, as ${accept}`;
              assert.deepEqual(await shown(at, world), expected, about);
              // The other server shows its pages as well, to fill its cache.
              await shown(at === here ? elsewhere : here, world);
            }
          }
        }
      }
    });
  }
}

for (const path of lastActions) {
  test(`after ${path} no page of that browser shows anything more`, async (t) => {
    for (const delayMs of delays) {
      const { here, elsewhere, clock } = await openWorld(t);
      const pages = ['/now-playing', '/wall', '/playlists', '/library', '/devices', '/account'];
      for (const at of [here, elsewhere]) for (const one of pages) await at.get(one).expect(200);
      clock.advance({ seconds: delayMs / 1000 });

      await here.post(path).expect(303);

      for (const at of [here, elsewhere])
        for (const one of pages) {
          const { headers } = await at.get(one).expect(303);
          assert.match(headers.location ?? '', /^\/login/, `${one}, ${delayMs} ms after the page`);
        }
    }
  });
}

// fault: action-without-messages
test('the page after an action does not depend on the message that informs other processes', async (t) => {
  const redis = await startRedisProxy(t);
  const world = await openWorld(t, { redisUrl: redis.url });
  const { here, elsewhere, uri, playlist, clock } = world;
  const total = async () => (await json(elsewhere, '/library')).total;
  const pages = ['/library', '/now-playing', `/playlists/${playlist}`];
  await elsewhere.get('/now-playing').expect(200);
  // From now on the cache says that the track is in the library.
  clock.advance({ seconds: 5 });
  for (const path of pages) await elsewhere.get(path).expect(200);
  const before = await total();
  redis.fail({ how: 'refused', nth: 1, andLater: true, what: command('publish') });

  const act = async (path: string, sent: object) => {
    const { headers } = await here.post(path).type('form').send(sent).expect(303);
    return (await elsewhere.get(headers.location ?? '').expect(200)).text;
  };
  assert.match(await act('/library/remove', { uri, returnTo: '/now-playing' }), /<span>Not in your library</);
  assert.match(await act('/library/save', { uri, returnTo: '/now-playing' }), /<span>In your library</);
  await act('/library/remove', { uri, returnTo: '/library' });
  assert.equal(await total(), before - 1);
  assert.match(await act(`/playlists/${playlist}`, { name: 'Other' }), /<h1[^>]*>.*Other/);
});

// fault: stale-response-after-button
test('an answer from before a button changed a track does not win over the button', async (t) => {
  const { here, elsewhere, uri, clock, simulator } = await openWorld(t);
  await here.post('/library/remove').send({ uri }).expect(303);
  // Another track and back: whether it is saved is requested again.
  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  clock.advance({ minutes: 11 });
  await here.get('/now-playing').expect(200);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  clock.advance({ seconds: 5 });
  const held = holdResponse(simulator, /contains/);

  const early = nowPlaying(here);
  await held.reached;
  await elsewhere.post('/library/save').send({ uri }).expect(303);
  held.release();
  await early;

  for (const at of [here, elsewhere]) {
    clock.advance({ seconds: 5 });
    assert.match(await nowPlaying(at), /<span>In your library<\/span>/);
  }
});

async function openWorld(t: TestContext, { redisUrl }: { redisUrl?: string } = {}) {
  const timing = { afterCommandMs: 0 };
  const one = await startTurntable(t, { timing, ...(redisUrl && { redisUrl }) });
  const two = await startTurntable(t, { sharedWith: one, timing });
  one.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const here = one.browser();
  await here.signIn('mara', allowAll);
  const elsewhere = two.browser();
  elsewhere.agent.jar = here.agent.jar;
  const { devices } = await json(here, '/devices');
  const isSaved = (await json(here, '/now-playing')).saved;
  const { uri, name } = (await json(here, '/now-playing')).item;
  if (!isSaved) await here.post('/library/save').send({ uri }).expect(303);
  await here.post('/player/next').expect(303);
  const { name: nextName, uri: other } = (await json(here, '/now-playing')).item;
  const names = [name, nextName];
  await here.post('/player/previous').expect(303);
  await here.post('/playlists').type('form').send({ name: 'Mine' }).expect(303);
  const { playlists } = await json(here, '/playlists');
  return {
    here,
    elsewhere,
    servers: [one, two],
    clock: one.clock,
    simulator: one.simulator,
    uri: uri as string,
    other: other as string,
    names,
    devices: devices as { id: string; name: string }[],
    playlist: playlists[0].id as string,
  };
}
