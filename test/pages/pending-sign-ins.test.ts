import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../src/redis/local-server.ts';
import { visit } from '../support/fleet.ts';
import { run } from '../support/process.ts';
import { testRedisUrl } from '../support/redis.ts';
import { clientId, clientSecret, pathOf, startTurntable, type Turntable } from '../support/turntable.ts';

const maxBytes = 3_000;
const longest = `/search?q=${'x'.repeat(290)}`;

/** The cookies that a response sets, as a browser sends them. */
function setBy({ headers }: { headers: Record<string, unknown> }): string[] {
  return [headers['set-cookie'] ?? []].flat().map((cookie) => String(cookie).split(';')[0] ?? '');
}

/** Starts this many sign-ins at once, so no response knows of the others. Returns the browser's cookies and each URL at Spotify. */
async function startAtOnce({ browser }: Turntable, count: number, returnTo = longest) {
  const path = `/login?${new URLSearchParams({ returnTo })}`;
  const answers = await Promise.all(Array.from({ length: count }, () => browser().get(path).expect(303)));
  return {
    cookies: answers.flatMap(setBy),
    ways: answers.map(({ headers }) => headers.location ?? ''),
  };
}

/** The cookies that are left once a response has cleared some. */
function leftOf(cookies: readonly string[], answer: { headers: Record<string, unknown> }): string[] {
  const cleared = setBy(answer).filter((cookie) => cookie.endsWith('='));
  return cookies.filter((cookie) => !cleared.some((one) => cookie.startsWith(one)));
}

// fault: many-pending-sign-ins
test('one sign-in after another keeps all their cookies within 3 kB: the oldest are dropped, and the newest work', async (t) => {
  const turntable = await startTurntable(t);
  const { browser, clock } = turntable;
  const mara = browser();
  const ways: string[] = [];
  for (let tab = 0; tab < 20; tab += 1) {
    ways.push(await mara.agree('mara', `?${new URLSearchParams({ returnTo: longest })}`));
    clock.advance({ seconds: 1 });
    assert.ok(mara.cookieHeader().length <= maxBytes, `${mara.cookieHeader().length} bytes`);
  }
  const pending = mara.cookies().length;
  assert.ok(pending >= 4, `${pending} sign-ins have room`);

  await mara.failSignIn(ways.at(-pending - 1) ?? '', 400);
  for (const way of ways.slice(-pending))
    assert.equal((await mara.get(way).expect(303)).headers.location, longest);
});

test('there is room for ten sign-ins that return to a page with a short address', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  const ways: string[] = [];
  for (let tab = 0; tab < 10; tab += 1) ways.push(await mara.agree('mara', '?returnTo=/playlists'));
  for (const way of ways) await mara.get(way).expect(303);
});

// fault: simultaneous-pending-sign-ins
test('after many sign-ins that started at the same moment any page clears the excess ones, and the newest still work', async (t) => {
  const turntable = await startTurntable(t);
  const { clock, simulator, browser } = turntable;
  const older = await startAtOnce(turntable, 11);
  clock.advance({ seconds: 1 });
  const newest = await startAtOnce(turntable, 1);
  const cookies = [...older.cookies, ...newest.cookies];
  assert.ok(cookies.join('; ').length > maxBytes);

  for (const path of ['/', '/privacy', '/login', '/playlists', '/nowhere']) {
    const answer = await browser().get(path).set('Cookie', cookies.join('; '));
    const left = [...leftOf(cookies, answer), ...setBy(answer).filter((cookie) => !cookie.endsWith('='))];
    assert.ok(left.join('; ').length <= maxBytes, `${path}: ${left.join('; ').length} bytes`);
    assert.ok(left.includes(newest.cookies[0] ?? ''), path);
  }
  // One that comes back is spent before it is cleared.
  const way = pathOf(await simulator.agree(older.ways[0] ?? '', 'mara'));
  const back = await browser().get(way).set('Cookie', cookies.join('; ')).expect(303);
  assert.equal(back.headers.location, longest);
});

test('a return path of more than 300 characters is replaced by the home page', async (t) => {
  const { browser } = await startTurntable(t);
  const of = (length: number) => `/${'x'.repeat(length - 1)}`;
  for (const [length, place] of [
    [300, of(300)],
    [301, '/'],
  ] as const) {
    const back = await browser().signIn('mara', `?returnTo=${of(length)}`);
    assert.equal(back.headers.location, place);
  }
  const selection = new URLSearchParams([['returnTo', '/library?page=2']]);
  for (let row = 0; row < 20; row += 1) selection.append('uri', `spotify:track:${'x'.repeat(22)}`);
  const long = new URLSearchParams({ returnTo: `/playlists/add?${selection}` });
  assert.equal(
    (await browser().signIn('mara', `?${long}`)).headers.location,
    '/library?page=2',
    'the page with the selection',
  );
});

// fault: too-many-cookies
test('a request with too many cookies gets a page that deletes those of sign-ins, and the next one is fine', async (t) => {
  const turntable = await startTurntable(t);
  const { url, browser } = turntable;
  const mara = browser();
  await mara.signIn();
  const { cookies } = await startAtOnce(turntable, 24);
  const all = [mara.cookieHeader(), ...cookies].join('; ');
  assert.ok(all.length > 12_000 && all.length < 16_000, `${all.length} bytes`);

  const page = await browser().get('/playlists?page=2').set('Cookie', all).expect(431);
  assert.match(page.text, /<h1>Your browser sent too many cookies<\/h1>/);
  assert.match(page.text, /<a class="button" href="\/playlists\?page=2">Try again<\/a>/);
  assert.deepEqual(leftOf(cookies, page), []);
  assert.ok(
    setBy(page).every((cookie) => cookie.includes('-signin-')),
    'no one is signed out by it',
  );
  const again = await visit(`${url}/playlists`, 'GET', leftOf(all.split('; '), page).join('; '));
  assert.equal(again.status, 200);
  const styles = /href="(\/app\.css\?v=[\w-]+)"/.exec(page.text)?.[1] ?? '';
  await browser().get(styles).set('Cookie', all).expect(200);
});

// fault: 30-kb-of-cookies
test('30 kB of cookies still reach that page', async (t) => {
  const port = await freePort();
  const server = run(t, 'src/main.ts', {
    PORT: String(port),
    REDIS_URL: await testRedisUrl(),
    SPOTIFY_CLIENT_ID: clientId,
    SPOTIFY_CLIENT_SECRET: clientSecret,
  });
  await server.waitForOutput(/Turntable is at/);
  const cookies = Array.from(
    { length: 30 },
    (_, nth) => `turntable-${port}-signin-${nth}=${'x'.repeat(970)}`,
  );

  const page = await visit(`http://127.0.0.1:${port}/`, 'GET', cookies.join('; '));

  assert.equal(page.status, 431);
  assert.match(page.text, /<h1>Your browser sent too many cookies<\/h1>/);
  assert.deepEqual(leftOf(cookies, page), []);
});
