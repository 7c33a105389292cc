import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openStream } from '../support/event-stream.ts';
import { createFleet, type Fleet, type Server, until } from '../support/fleet.ts';
import { allowAll } from '../support/pages.ts';
import { connectAsServer, skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import type { Failure } from '../support/redis-proxy.ts';
import { routesOf } from '../support/routes.ts';
import { isInSweep } from '../support/sweep.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

/*
 * The server process in these tests has no handler for unhandled rejections: Node ends it at the first one, and the next request fails to
 * connect.
 */

/** The input of requests: `uri` of a track, a playlist of the listener's with its snapshot, and the id of one thing of each other kind. */
type World = {
  fleet: Fleet;
  server: Server;
  person: Browser;
  uri: string;
  playlist: string;
  snapshot: string;
  ids: Record<'album' | 'artist' | 'show' | 'episode' | 'track', string>;
};
type Answer = { status: number; text: string };
/** `ready` prepares the request while Redis works, and returns the request. */
type Visit = {
  route: string;
  /** Whether it signs the browser out. */
  signsOut?: true;
  /** Whether it is a file: it may have begun when Redis fails, and it repeats the same commands more often than is worth trying. */
  isFile?: true;
  ready: (world: World) => Promise<() => PromiseLike<Answer>>;
};

const page = (route: string, path: (world: World) => string = () => route.slice('GET '.length)): Visit => ({
  route,
  ready: async (world) => () => world.person.get(path(world)),
});
const action = (
  route: string,
  path: (world: World) => string,
  sent: (world: World) => object = () => ({}),
): Visit => ({
  route,
  ready: async (world) => () => world.person.post(path(world)).type('form').send(sent(world)),
});
const file = (route: string, path: (world: World) => string): Visit => ({
  route,
  isFile: true,
  ready: async (world) => () => world.server.visit(world.person, path(world)),
});
const ending = (path: string): Visit => ({ ...action(`POST ${path}`, () => path), signsOut: true });

const visits: Visit[] = [
  page('GET /healthz'),
  page('GET /readyz'),
  page('GET /sign-in/problem'),
  page('GET /privacy'),
  page('GET /setup'),
  page('GET /setup/check', () => '/setup/check?cookie=set'),
  page('GET /'),
  page('GET /login'),
  {
    route: 'GET /callback',
    async ready({ fleet, person }) {
      await forgetBrowsers(fleet);
      const way = await person.agree('mara', allowAll);
      return () => person.get(way);
    },
  },
  page('GET /now-playing'),
  page('GET /now-playing', () => '/now-playing?notice=track-saved'),
  page('GET /now-playing/card'),
  page('GET /now-playing/saved'),
  page('GET /now-playing/bar', () => '/now-playing/bar?ask=yes'),
  page('GET /wall'),
  page('GET /wall/card'),
  page('GET /devices'),
  page('GET /player/queue', () => '/player/queue?automatic=yes'),
  page('GET /playlists/export'),
  page('GET /playlists/export/progress'),
  page('GET /playlists/:id/export', ({ playlist }) => `/playlists/${playlist}/export`),
  file('GET /playlists/export.:format', () => '/playlists/export.csv'),
  file('GET /playlists/:id/export.:format', ({ playlist }) => `/playlists/${playlist}/export.json`),
  page('GET /library/export'),
  page('GET /export'),
  file('GET /export/file.:format', () => '/export/file.csv'),
  {
    route: 'POST /export',
    async ready({ person }) {
      // While one export runs, another one is refused.
      await person.post('/export/cancel').type('form').send({});
      return () => person.post('/export').type('form').send({ export: 'all' });
    },
  },
  action('POST /export/:command', () => '/export/delete'),
  page('GET /library/:list/export', () => '/library/top/export'),
  file('GET /library/export.:format', () => '/library/export.csv'),
  file('GET /library/:list/export.:format', () => '/library/recent/export.json'),
  page('GET /preferences'),
  page('GET /offline'),
  action(
    'POST /preferences',
    () => '/preferences',
    () => ({ theme: 'dark' }),
  ),
  page('GET /playlists'),
  page('GET /playlists/add', ({ uri }) => `/playlists/add?uri=${uri}`),
  page('GET /playlists/new'),
  page('GET /playlists/:id/unfollow', ({ playlist }) => `/playlists/${playlist}/unfollow`),
  page('GET /playlists/:id', ({ playlist }) => `/playlists/${playlist}`),
  page('GET /library'),
  page('GET /library/albums'),
  page('GET /library/shows'),
  page('GET /library/episodes'),
  page('GET /library/artists'),
  page('GET /albums/:id', ({ ids }) => `/albums/${ids.album}`),
  page('GET /artists/:id', ({ ids }) => `/artists/${ids.artist}`),
  page('GET /shows/:id', ({ ids }) => `/shows/${ids.show}`),
  page('GET /episodes/:id', ({ ids }) => `/episodes/${ids.episode}`),
  page('GET /tracks/:id', ({ ids }) => `/tracks/${ids.track}`),
  page('GET /library/recent'),
  page('GET /library/saved', () => '/library/saved?uri=spotify:track:0123456789012345678901'),
  page('GET /library/top'),
  page('GET /search', () => `/search?q=${Math.random()}`),
  page('GET /account'),
  page('GET /quota'),
  page('GET /account/disconnected'),
  action('POST /now-playing/poll', () => '/now-playing/poll'),
  action('POST /premium/retry', () => '/premium/retry'),
  action(
    'POST /player/:command',
    () => '/player/device',
    () => ({ device: 'unknown' }),
  ),
  action(
    'POST /player/:command',
    () => '/player/pause',
    () => ({ idempotencyKey: String(Math.random()) }),
  ),
  action(
    'POST /playlists',
    () => '/playlists',
    () => ({ name: 'New', idempotencyKey: String(Math.random()) }),
  ),
  action(
    'POST /playlists/:id',
    ({ playlist }) => `/playlists/${playlist}`,
    () => ({ name: 'Newer' }),
  ),
  action(
    'POST /playlists/:id/items',
    ({ playlist }) => `/playlists/${playlist}/items`,
    ({ uri }) => ({ uri }),
  ),
  action(
    'POST /playlists/add',
    () => '/playlists/add',
    ({ uri, playlist }) => ({ uri, playlist }),
  ),
  page('GET /playlists/:id/order', ({ playlist }) => `/playlists/${playlist}/order`),
  page('GET /playlists/:id/cover', ({ playlist }) => `/playlists/${playlist}/cover`),
  action('POST /playlists/:id/cover', ({ playlist }) => `/playlists/${playlist}/cover`),
  ...['keep-one', 'move'].map((what) =>
    action(
      `POST /playlists/:id/${what}`,
      ({ playlist }) => `/playlists/${playlist}/${what}`,
      ({ uri, snapshot }) => ({ entry: `0 ${uri}`, to: 1, snapshot }),
    ),
  ),
  ...['addition', 'removal', 'library'].map((kind) =>
    action(`POST /undo/${kind}/:token`, () => `/undo/${kind}/0123456789abcdefghij-_`),
  ),
  action(
    'POST /playlists/:id/remove',
    ({ playlist }) => `/playlists/${playlist}/remove`,
    ({ uri, snapshot }) => ({ uri, snapshot }),
  ),
  action(
    'POST /library/save',
    () => '/library/save',
    ({ uri }) => ({ uri }),
  ),
  action(
    'POST /library/remove',
    () => '/library/remove',
    ({ uri }) => ({ uri }),
  ),
  {
    // If nothing is playing, the page makes another call, whose response is cached for five minutes.
    route: 'GET /now-playing',
    async ready({ fleet, person }) {
      fleet.simulator.plays('mara', { kind: 'nothing' });
      await fleet.advance({ minutes: 6 });
      return () => person.get('/now-playing');
    },
  },
  ending('/logout'),
  ending('/account/sign-out-everywhere'),
  ending('/account/disconnect'),
];
const streams = ['GET /now-playing/events'];

/** More commands than any page takes. */
const maxCommands = 80;
/** As many as a stream takes until it repeats itself, with each lease and each poll. */
const commandsOfStream = 30;

const failures: [string, Pick<Failure, 'how' | 'andLater'>][] = [
  ['one command is refused', { how: 'refused', andLater: false }],
  ['one command and all after it are refused', { how: 'refused', andLater: true }],
  ['the connection breaks at one command', { how: 'cut', andLater: false }],
];

test('every page and action is tried with a failing Redis', async (t) => {
  const { app } = await startTurntable(t);
  const tried = new Set([...visits.map(({ route }) => route), ...streams]);
  assert.deepEqual(
    [...tried].sort(),
    [...new Set(routesOf(app))].filter((route) => !route.startsWith('HEAD ')).sort(),
  );
});

for (const [what, how] of failures) {
  // fault: redis-fails-during-page
  test(`if any single Redis command of a page fails, the same process answers with a 503 or a page (${what})`, async (t) => {
    const { server, world } = await start(t);
    const answers: Record<string, number> = {};

    for (const visit of visits) {
      const go = async () => (await visit.ready(await world(visit.signsOut)))();
      const usual = await go();
      for (let nth = 1, isMet = true; isMet; nth += 1) {
        const about = `${visit.route}, command ${nth}`;
        if (nth === maxCommands && visit.isFile) break;
        assert.ok(nth < maxCommands, `${about}: no end of them`);
        if (!isInSweep(nth)) continue;
        const tried = await visit.ready(await world(visit.signsOut));
        const failing = server.redis.fail({ ...how, nth });
        const { status, text } = await Promise.resolve(tried()).catch(whereCut(visit));
        isMet = failing.isMet();
        failing.end();

        assert.ok([usual.status, 503, cut].includes(status), `${about}: ${status} ${text.slice(0, 2_000)}`);
        if (text.includes('<html')) assert.match(text, /<h1/, about);
        if (isMet) answers[status] = (answers[status] ?? 0) + 1;
        await isReady(server);
      }
      assert.equal((await go()).status, usual.status, `${visit.route}, with Redis back`);
    }
    t.diagnostic(JSON.stringify(answers));
    isSameProcess(server);
  });

  // fault: redis-fails-during-stream
  test(`if any single Redis command of a stream fails, the process survives and the stream comes back (${what})`, async (t) => {
    const { server, fleet } = await start(t);

    for (let nth = 1; nth <= commandsOfStream; nth += 1) {
      if (!isInSweep(nth)) continue;
      // A new listener each time: a slot or lease that could not be released stays taken for a few seconds.
      const person = server.browser();
      await person.signIn(`guest${nth}`);
      const failing = server.redis.fail({ ...how, nth });
      const stream = await openStream(t, server.url, person);
      assert.ok([200, 503].includes(stream.status ?? 0), `command ${nth}: ${stream.status}`);
      // The first ones come by themselves, then a few with each poll.
      for (let waits = 0; !failing.isMet() && !stream.hasEnded(); waits += 1) {
        await sleep(20);
        if (waits % 50 === 49) await fleet.advance({ minutes: 1 });
      }
      failing.end();
      stream.close();
      await isReady(server);
    }

    const person = server.browser();
    await person.signIn('guest1');
    const stream = await openStream(t, server.url, person);
    await stream.waitFor(({ event }) => event === 'card');
    stream.close();
    isSameProcess(server);
  });
}

// fault: sign-in-ended-without-playback
test('if nothing is playing, and the sign-in turns out to have ended when recently played is requested, the page says so', async (t) => {
  const { server, world, fleet } = await start(t);
  const { person } = await world();
  fleet.simulator.plays('mara', { kind: 'nothing' });
  await fleet.advance({ seconds: 5 });
  fleet.simulator.fault({ on: /recently-played/, answer: { status: 401, body: '{"error":{"status":401}}' } });
  fleet.simulator.fault({ on: 'token', answer: { status: 400, body: '{"error":"invalid_grant"}' } });

  const { text } = await person.get('/now-playing').expect(401);

  assert.match(text, /Your Spotify sign-in has expired/);
  isSameProcess(server);
});

// fault: redis-freezes-under-load
test('a Redis that freezes under several browsers costs them 503s, but no process and no sign-in', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const { server, world, fleet } = await start(t, { redisUrl: redis.url, redisDeadlineMs: 1_500 });
  const direct = new Redis(redis.url).on('error', () => undefined);
  t.after(() => direct.disconnect());
  const pid = Number(/process_id:(\d+)/.exec(await direct.info('server'))?.[1]);
  const people = await Promise.all(Array.from({ length: 8 }, () => world(true)));
  const looked = visits.filter(({ route }) => /^GET \/(now-playing.*|library|devices)?$/.test(route));
  const statuses: Record<string, number> = {};

  for (let round = 0; round < 6; round += 1) {
    // In half of the rounds nothing is playing, and the page makes another call.
    fleet.simulator.plays('mara', round % 2 === 0 ? { kind: 'nothing' } : { kind: 'music' });
    await fleet.advance({ minutes: 6 });
    const streams = await Promise.all(people.map(({ person }) => openStream(t, server.url, person)));
    let commands = 0;
    // In the middle of it, at another command each time.
    server.redis.onCommand(() => {
      commands += 1;
      if (commands === 20 * (round + 1)) process.kill(pid, 'SIGSTOP');
    });
    try {
      const answers = await Promise.all(
        people.flatMap((here) =>
          looked.map(async ({ route, ready }) => ({ route, status: (await (await ready(here))()).status })),
        ),
      );
      assert.ok(commands >= 20 * (round + 1), 'it was frozen');
      for (const { route, status } of answers) {
        assert.ok([200, 303, 503].includes(status), `${route}: ${status}`);
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    for (const stream of streams) stream.close();
    await isReady(server);
  }

  t.diagnostic(JSON.stringify(statuses));
  for (const { person } of people) await until(async () => (await person.get('/now-playing')).status === 200);
  isSameProcess(server);
});

/** Replaces the status of a file that was cut off: it had begun when Redis failed. */
const cut = -1;

function whereCut({ isFile }: Visit) {
  return (error: unknown): Answer => {
    if (!isFile) throw error;
    return { status: cut, text: '' };
  };
}

/** With a Redis deadline that a busy machine does not exceed by itself, unless a test is about that. */
/**
 * Empties every listener's list of browsers. Signing in and signing out everywhere go through all browsers on it, and those whose
 * request failed here would stay on it, more each time.
 */
async function forgetBrowsers(fleet: Fleet): Promise<void> {
  const redis = connectAsServer(fleet.redisUrl);
  for (const key of await fleet.keys()) if (key.startsWith('browsers:')) await redis.del(key);
  redis.disconnect();
}

async function start(
  t: TestContext,
  { redisUrl, redisDeadlineMs = 20_000 }: { redisUrl?: string; redisDeadlineMs?: number } = {},
) {
  const fleet = await createFleet(t, {
    // No file waits for calls: pages are tried again and again within one day.
    env: { SETUP_PAGE: 'on', SPOTIFY_DAILY_CALLS: '100000' },
    // The search for exports to continue comes at any time, and would be counted among the commands of a page.
    timing: { afterCommandMs: 0, redisDeadlineMs, exportTickMs: 2 ** 31 - 1 },
    extraListeners: commandsOfStream,
    ...(redisUrl && { redisUrl }),
  });
  const server = await fleet.start({ viaRedisProxy: true });
  const signedIn = async (): Promise<Browser> => {
    const one = server.browser();
    await one.signIn('mara', allowAll);
    return one;
  };
  const person = await signedIn();
  const { body } = await person.getJson('/library').expect(200);
  const { uri, album, artists } = body.tracks[0].item;
  const { shows } = (await person.getJson('/library/shows').expect(200)).body;
  const { episodes } = (await person.getJson('/library/episodes').expect(200)).body;
  const [albumId, artistId, showId, episodeId, trackId] = [
    album,
    artists[0],
    shows[0].show,
    episodes[0].item,
    { uri },
  ].map((one) => one.uri.split(':')[2]);
  const ids = { album: albumId, artist: artistId, show: showId, episode: episodeId, track: trackId };
  await person.post('/playlists').type('form').send({ name: 'One of my own' }).expect(303);
  const { playlists } = (await person.getJson('/playlists').expect(200)).body;
  const [{ id: playlist, snapshotId: snapshot }] = playlists;
  return {
    fleet,
    server,
    /** The input of a visit, in the same browser or in a new one. */
    world: async (isNewBrowser = false): Promise<World> => ({
      person: isNewBrowser ? await forgetBrowsers(fleet).then(signedIn) : person,
      fleet,
      server,
      uri,
      playlist,
      snapshot,
      ids,
    }),
  };
}

async function isReady(server: Server): Promise<void> {
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200);
}

function isSameProcess({ child, output }: Server): void {
  assert.equal(child.exitCode, null, output());
  assert.equal(child.signalCode, null);
}
