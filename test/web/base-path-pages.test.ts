import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { beginningOfTrack, type Clock, createClock } from '../support/clock.ts';
import { allowAll } from '../support/pages.ts';
import { routesOf } from '../support/routes.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

/*
 * A site with a path in BASE_URL is the same as one without: this visits every route of both, with the same listener at the same time, and compares what
 * they answer. base-path.test.ts has what differs.
 */

const basePath = '/at-home/music';

type Answer = { status: number; headers: Record<string, string>; text: string };
type Visited = { route: string; who: string; answer: Answer };

/** Fields of actions; the others are sent without any, and refused. */
const fields: Record<string, (world: World) => object> = {
  'POST /playlists': () => ({ name: 'New' }),
  'POST /playlists/:id': () => ({ name: 'Newer' }),
  'POST /playlists/:id/items': ({ uri }) => ({ uri }),
  'POST /playlists/:id/remove': ({ uri, snapshot }) => ({ entry: `0 ${uri}`, snapshot }),
  'POST /playlists/add': ({ uri, playlist }) => ({ uri, playlist }),
  'POST /player/:command': () => ({}),
  'POST /library/save': ({ uri }) => ({ uri }),
  'POST /library/remove': ({ uri }) => ({ uri }),
  'POST /preferences': () => ({ theme: 'dark' }),
  'POST /export': () => ({ export: 'all' }),
};
/** They end the sign-in, so they come last. */
const signOuts = ['POST /logout', 'POST /account/sign-out-everywhere', 'POST /account/disconnect'];
const streams = ['GET /now-playing/events'];
/** They take long, and contain no URL of this site. */
const longFiles = ['GET /playlists/export.:format', 'GET /library/export.:format'];

/** What stands for the parameters of a path. */
type World = { uri: string; playlist: string; snapshot: string; ids: Record<string, string> };

async function readWorld(person: Browser, at: string): Promise<World> {
  const body = async (path: string) => (await person.getJson(at + path).expect(200)).body;
  const { playlists } = await body('/playlists');
  const { id: playlist } = playlists.find(({ count }: { count: number }) => count > 10);
  const { playlist: details, entries } = await body(`/playlists/${playlist}`);
  const { albums } = await body('/library/albums');
  const { shows } = await body('/library/shows');
  const { episodes } = await body('/library/episodes');
  const { artists } = await body('/library/artists');
  const idOf = (uri: string) => uri.split(':')[2] ?? '';
  const { uri } = entries.find(({ item }: { item: { uri: string } }) => item.uri.includes(':track:')).item;
  return {
    uri,
    playlist,
    snapshot: details.snapshotId,
    ids: {
      albums: idOf(albums[0].album.uri),
      artists: idOf(artists[0].uri),
      shows: idOf(shows[0].show.uri),
      episodes: idOf(episodes[0].item.uri),
      tracks: idOf(uri),
      playlists: playlist,
    },
  };
}

/** A path for the pattern of a route. */
function pathFor(pattern: string, at: string, { ids, uri }: World): string {
  const path = pattern
    .replace(/^\/(\w+)\/:id/, (_, kind: string) => `/${kind}/${ids[kind]}`)
    .replace(':format', 'json')
    .replace(':list', 'top')
    .replace('/export/:command', '/export/cancel')
    .replace(':command', 'pause')
    .replace(':token', '0123456789abcdefghij-_');
  assert.doesNotMatch(path, /:/, pattern);
  if (path === '/search') return '/search?q=the';
  if (path === '/playlists/add') return `/playlists/add?uri=${uri}&returnTo=${at}/library`;
  return path;
}

/** Visits every route, signed in and out, below `at`. */
async function tour(t: TestContext, at: string, clock: Clock) {
  const turntable = await startTurntable(t, {
    basePath: at,
    clock,
    env: { OWNER_LISTENERS: 'mara', METRICS_TOKEN: 'uN0SqCWZyR1H8dN2m5Q7eJ4kL6pT9vXa' },
    timing: { afterCommandMs: 0 },
  });
  const { app, browser, simulator } = turntable;
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const routes = [...new Set(routesOf(app))]
    .filter((route) => !route.startsWith('HEAD ') && !streams.includes(route.replace(at, '')))
    .map((route) => route.replace(` ${at}/`, ' /'));
  const ordered = [...new Set(routes)].toSorted((a, b) => signOuts.indexOf(a) - signOuts.indexOf(b));
  const mara = browser();
  const signedIn = await mara.signIn('mara', allowAll);
  const world = await readWorld(mara, at);
  const visited: Visited[] = [];
  const record = (route: string, who: string, { status, headers, text }: Answer) =>
    visited.push({ route, who, answer: { status, headers, text: text ?? '' } });
  record('GET /callback, completed', 'mara', signedIn as unknown as Answer);

  for (const [who, person] of Object.entries({ visitor: browser(), mara })) {
    for (const route of ordered) {
      const [method, pattern = ''] = route.split(' ');
      const path = at + pathFor(pattern, at, world);
      if (who === 'mara' && longFiles.includes(route)) continue;
      if (who === 'mara' && signOuts.includes(route)) await mara.signIn('mara', allowAll);
      const sent =
        method === 'GET'
          ? person.get(path).buffer(true)
          : person
              .post(path)
              .type('form')
              .send({ returnTo: `${at}/library`, ...fields[route]?.(world) });
      record(route, who, (await sent) as unknown as Answer);
      if (method === 'GET')
        record(`${route} as JSON`, who, (await person.getJson(path)) as unknown as Answer);
      clock.advance({ seconds: 2 });
    }
  }
  return { ...turntable, routes, visited, world };
}

/**
 * An answer without what is different each time. Numbers as well: times and counts depend on what has been cached, as does whether the color of a cover is
 * known already. An address in the query of another one is encoded twice.
 */
function comparable({ headers, text }: Answer, { baseUrl, simulator }: Turntable): string {
  const { location, 'set-cookie': cookies, link, 'content-type': type } = headers;
  return JSON.stringify([type, location, link, cookies, text], null, 1)
    .replace(/\\+"/g, '"')
    .replaceAll(new URL(baseUrl).origin, 'SITE')
    .replaceAll(encodeURIComponent(new URL(baseUrl).origin), 'SITE')
    .replaceAll(new URL(baseUrl).host, 'HOST')
    .replace(/turntable-\d+-/g, 'turntable-')
    .replaceAll(simulator.origin, 'SPOTIFY')
    .replace(/(?<=<text [^>]*>)SITE[^<]*/g, 'SHORTENED')
    .replace(/(?<=name="idempotencyKey" value=")[^"]+/g, 'KEY')
    .replace(/(?<=\?v=)[\w-]{10}/g, 'VERSION')
    .replace(/(?<=(data-sign-in|data-version)="|"version":")[\w-]+/g, 'RANDOM')
    .replace(/(?<="snapshotId":")\w+/g, 'RANDOM')
    .replace(/(?<="id":"|\/playlists?\/)\w{22}/g, 'RANDOM')
    .replace(/(?<= d=")M4 4h7v1[\w -]+/g, 'CODE')
    .replace(/(?<=Expires=)[^;]+/g, 'TIME')
    .replace(/(?<=(state|code_challenge|undo|signIn|undo%2F\w+%2F)=?)[\w%-]{16,}/g, 'RANDOM')
    .replace(/(?<=turntable-[\w-]+?=)[^;]+/g, 'VALUE')
    .replace(/turntable-signin-[\w-]+/g, 'turntable-signin')
    .replace(/(?<="requestId":")\w+|(?<=Request ID: )\w+|(?<=<code>)[\da-f]{10}(?=<)/g, 'ID')
    .replace(/ class="(no-color )?hue-\d+ chroma-\d+"|(?<="color":)("[^"]*"|null)/g, '')
    .replaceAll('%25', '%')
    .replace(/(?<!%)\d+/g, '0');
}

/** Every path of this site in an answer: in headers, in attributes, and as a text in JSON. */
function pathsIn({ headers, text }: Answer): string[] {
  const inText = [...text.matchAll(/"(\/(?:[\w.%-][^"\\\s]*)?)(?=\\?")/g)].map(([, path = '']) => path);
  const inQueries = [...text.matchAll(/=(%2F[^"&\s]*)/g)].map(([, path = '']) => decodeURIComponent(path));
  const inCookies = [String(headers['set-cookie'] ?? '')].flatMap((all) =>
    [...all.matchAll(/Path=([^;,]+)/g)].map(([, path = '']) => `${path}/`),
  );
  const location = headers.location?.startsWith('/') ? [headers.location] : [];
  return [...inText, ...inQueries, ...inCookies, ...location];
}

function firstDifference(line = '', expected = ''): string {
  const at = [...line].findIndex((letter, index) => letter !== expected[index]);
  const around = (text: string) => text.slice(Math.max(0, at - 60), at + 60);
  return `${around(line)} isn’t ${around(expected)}`;
}

test('below a path every page and action answers as at the top of a host, and nothing leads out of it', async (t) => {
  const startAt = beginningOfTrack();
  const top = await tour(t, '', createClock(startAt));
  const below = await tour(t, basePath, createClock(startAt));

  assert.ok(below.visited.length > 200, String(below.visited.length));
  assert.equal(below.visited.length, top.visited.length);
  const found = below.visited.flatMap(({ route, who, answer }, index) => {
    const same = top.visited[index];
    assert.ok(same && same.route === route);
    const outside = pathsIn(answer).filter((path) => !path.startsWith(`${basePath}/`));
    const lines = comparable(answer, below)
      .replaceAll(encodeURIComponent(basePath), '')
      .replaceAll(`Path=${basePath};`, 'Path=/;')
      .replaceAll(basePath, '')
      .split(/\n|\\n/);
    const expected = comparable(same.answer, top).split(/\n|\\n/);
    const different = lines.findIndex((line, at) => line !== expected[at]);
    return [
      ...(answer.status === same.answer.status
        ? []
        : [`${route}, ${who}: ${answer.status} isn’t ${same.answer.status}`]),
      ...outside.map((path) => `${route}, ${who}: ${path} is outside`),
      ...(different < 0
        ? []
        : [`${route}, ${who}: ${firstDifference(lines[different], expected[different])}`]),
    ];
  });
  assert.deepEqual(found, []);
  const ok = below.visited.filter(({ answer }) => answer.status === 200);
  assert.ok(ok.length > 80, String(ok.length));
});
