import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import ejs from 'ejs';
import { Redis } from 'ioredis';
import { apiVersions, type Simulator } from '../../simulator/simulator.ts';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, formFields } from '../support/pages.ts';
import { accessTokenOf, type Browser, countApiCalls, startTurntable } from '../support/turntable.ts';

type Listed = { id: string; name: string; owner: { name: string } | null };
type Entry = {
  item: {
    kind: string;
    name: string | null;
    link: string | null;
    uri: string | null;
    local?: boolean;
    durationMs: number;
    covers: unknown[];
    artists: unknown[];
    album: unknown;
  } | null;
  playable: boolean;
  addedAt: string | null;
  addedBy: { name: string } | null;
};

/** The address of the playlist with this name in the listener's list. */
async function playlistNamed(person: Browser, name: string): Promise<string> {
  for (let page = 1; ; page += 1) {
    const { body } = await person.getJson(`/playlists?page=${page}`).expect(200);
    const found = (body.playlists as Listed[]).find((one) => one.name === name);
    if (found) return `/playlists/${found.id}`;
  }
}

type Raw = { name: string; is_local: boolean };
type RawEntry = { added_at: string | null; item?: Raw | null; track?: Raw | null };

function inBrief({ item, addedAt }: Entry): string {
  return `${item ? item.name : 'gone'} ${item?.local ?? false} ${addedAt}`;
}

/** The contents of a playlist as Spotify has them, in its words and order. */
async function atSpotify(simulator: Simulator, listener: string, path: string): Promise<string[]> {
  const headers = { Authorization: `Bearer ${await accessTokenOf(simulator, listener)}` };
  const found: string[] = [];
  const contents = simulator.settings.apiVersion === 'legacy' ? 'tracks' : 'items';
  let next: string | null = `${simulator.apiUrl}${path}/${contents}?limit=50&additional_types=track,episode`;
  while (next) {
    const answer = (await (await fetch(next, { headers })).json()) as {
      items: RawEntry[];
      next: string | null;
    };
    for (const { added_at, ...entry } of answer.items) {
      const item = entry.item ?? entry.track ?? null;
      // An empty name stands for one that Spotify does not have.
      found.push(`${item ? item.name || null : 'gone'} ${item?.is_local ?? false} ${added_at}`);
    }
    next =
      answer.next &&
      `${answer.next}${answer.next.includes('additional_types') ? '' : '&additional_types=track,episode'}`;
  }
  return found;
}

test('a playlist shows its card and its contents', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Sunday, slowly');

  const page = await mara.get(path).expect(200);
  const { body } = await mara.getJson(path).expect(200);

  assert.match(page.text, /<title>Sunday, slowly · Turntable<\/title>/);
  assert.match(
    page.text,
    new RegExp(
      `<h1><bdi>Sunday, slowly</bdi></h1>[^]*href="${simulator.origin}/open/playlist/[^"]+">Open on Spotify<`,
    ),
  );
  assert.match(page.text, /For the second pot of coffee\./);
  assert.match(page.text, /<p class="small">20 items · 1 hr, \d+ min · /);
  assert.equal(body.entries.length, 20);
  const [, list = ''] = page.text.split('<ol class="track-list');
  assert.equal(list.match(/<li[ >]/g)?.length, 20);
  for (const { item, addedBy } of body.entries as Entry[]) {
    assert.ok(item);
    assert.ok(
      page.text.includes(
        `<a href="/tracks/${item.uri?.slice(14)}"><bdi>${ejs.escapeXML(item.name ?? undefined)}</bdi></a>`,
      ),
      `${item.name}`,
    );
    assert.equal(addedBy?.name, 'mara');
    assert.ok(item.durationMs > 100_000 && item.covers.length === 3 && item.artists.length > 0 && item.album);
  }
  assert.match(page.text, /added <\/span><time datetime="[\dTZ:-]+">\d+ \w+ \d{4}<\/time><\/p>/);
});

test('a playlist of 1,200 items comes page by page, each item once and in its place', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Everything I ever liked');

  const pages = await Promise.all(
    Array.from({ length: 24 }, (_, index) => mara.getJson(`${path}?page=${index + 1}`).expect(200)),
  );
  const entries: Entry[] = pages.flatMap(({ body }) => body.entries);

  assert.deepEqual(entries.map(inBrief), await atSpotify(simulator, 'mara', path));
  assert.ok(
    entries.some(({ item }) => item === null),
    'what is gone keeps its place',
  );
  assert.ok(entries.some(({ item }) => item?.local));
  assert.ok(entries.some(({ item }) => item?.kind === 'episode'));
  assert.ok(entries.some(({ item }) => item?.name?.length === 300));
  assert.ok(entries.some(({ addedAt, addedBy }) => addedAt === null && addedBy === null));
  const second = await mara.get(`${path}?page=2`).expect(200);
  assert.match(second.text, /1,200 items, page 2 of 24/);
  assert.match(
    second.text,
    /<ol class="track-list with-numbers[^"]*" start="51">\s*<li[^>]*>\s*<span class="small number">51<\/span>/,
  );
  await mara.get(`${path}?page=25`).expect(404);
});

test('unusual entries are shown as what they are', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Everything I ever liked');
  const pages = await Promise.all(
    Array.from({ length: 24 }, (_, index) => mara.get(`${path}?page=${index + 1}`).expect(200)),
  );
  const text = pages.map((page) => page.text).join('');

  assert.match(text, /No longer on Spotify/);
  assert.match(text, /Local file/);
  assert.match(text, /Podcast episode/);
  assert.match(text, /فرقة المرفأ/);
  assert.match(text, /Unnamed track/);
  assert.doesNotMatch(text, /<script>/);
  assert.doesNotMatch(text, />null<|undefined|NaN|Invalid Date|\[object/);
});

test('a cooldown or a silent Spotify is not mistaken for an unknown playlist', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Sunday, slowly');
  const contents = apiVersionIn(t) === 'legacy' ? /\/tracks$/ : /\/items$/;

  simulator.fault({ on: contents, answer: { status: 502, body: '' } });
  await mara.get(path).expect(502);
  simulator.fault({ on: contents, answer: { status: 429, body: '', headers: { 'Retry-After': '3600' } } });
  const page = await mara.get(path).expect(503);
  assert.equal(page.headers['retry-after'], '3600');
});

test('an empty playlist says so', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const page = await mara.get(await playlistNamed(mara, 'Someday')).expect(200);

  assert.match(page.text, /This playlist is empty/);
});

test('another person’s playlist shows as much as Spotify returns', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Lighthouse keepers');
  simulator.forgetCalls();

  const page = await mara.get(path).expect(200);
  const { body } = await mara.getJson(path).expect(200);

  assert.match(page.text, /Songs that can see the sea\./);
  if (apiVersionIn(t) === '2026-02') {
    assert.match(
      page.text,
      /Apps like this one can only see what’s in playlists that you own or collaborate on/,
    );
    assert.match(
      page.text,
      /<a class="spotify-link" href="[^"]+\/open\/playlist\/[^"]+">Open on Spotify<\/a>/,
    );
    assert.equal(body.entries, null);
    assert.equal(simulator.calls.length, 1, 'both visits within a moment share one call');
  } else {
    assert.equal(body.entries.length, 50);
  }
});

test('a playlist whose contents the app can’t read is played as a whole', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t, { timing: { afterCommandMs: 0 } });
  simulator.setProduct('mara', 'premium');
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const path = await playlistNamed(mara, 'Lighthouse keepers');

  const { text } = await mara.get(path).expect(200);
  assert.match(text, /<button class="play-button" form="play"/);
  const sent = formFields(text, '/player/play');
  const left = await mara.post('/player/play').type('form').send(sent).expect(303);

  assert.equal(left.headers.location, `${path}?notice=playback-started`);
  clock.advance({ seconds: 2 });
  const { body } = await mara.getJson('/now-playing').expect(200);
  assert.equal(body.context, `spotify:playlist:${path.split('/')[2]}`);
});

test('a playlist that others share with the listener can be read', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  const path = await playlistNamed(mara, 'Band practice');
  const { body } = await mara.getJson(path).expect(200);
  const page = await mara.get(path).expect(200);

  assert.equal(body.entries.length, 19);
  assert.match(page.text, /<\/time><br>by <bdi>[^<]+<\/bdi>/, 'who added what');
});

test('a playlist that does not exist is a page that says so', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  await mara.get('/playlists/0000000000000000000000').expect(404);
  simulator.forgetCalls();
  for (const id of ['..%2Fme', 'a%20b', 'x'.repeat(65), '%3Cscript%3E', 'a.b']) {
    await mara.get(`/playlists/${id}`).expect(404);
  }
  assert.equal(simulator.calls.length, 0);
});

test('a playlist takes two calls at first and one for each page after that, in the API version of this app', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  await mara.get(await playlistNamed(mara, 'Sunday, slowly')).expect(200); // detects the API version
  const path = await playlistNamed(mara, 'Everything I ever liked');
  const asked = async (page: string) => {
    simulator.forgetCalls();
    await mara.get(page).expect(200);
    return simulator.calls.map((call) => `${call.path.split('/').at(-1)} ${call.status}`);
  };
  const contents = apiVersionIn(t) === 'legacy' ? 'tracks 200' : 'items 200';

  const [card, ...first] = await asked(path);
  assert.match(card ?? '', /200$/);
  assert.deepEqual(first, [contents]);
  clock.advance({ minutes: 2 });
  assert.deepEqual(await asked(`${path}?page=2`), [contents]);
  assert.deepEqual(await asked(path), [card], 'its contents are cached as long as its snapshot is the same');
  clock.advance({ minutes: 6 });
  assert.equal((await asked(path)).length, 2, 'for minutes, and not for longer');
});

testOnce('when Spotify moves the app to another API version, the next visit detects it', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Sunday, slowly');
  const visit = async () => {
    clock.advance({ minutes: 10 });
    await mara.get(path).expect(200);
  };

  simulator.settings.apiVersion = 'legacy';
  await visit();
  assert.equal(countApiCalls(simulator, `/v1${path}/items`), 1);
  await visit();
  assert.equal(countApiCalls(simulator, `/v1${path}/items`), 1, 'asked the new way only once');

  simulator.settings.apiVersion = '2026-02';
  await visit();
  const before = countApiCalls(simulator, `/v1${path}/tracks`);
  await visit();
  assert.equal(countApiCalls(simulator, `/v1${path}/tracks`), before, 'not asked the old way again');
});

testOnce('the API version is cached for a day, and detected again after that', async (t) => {
  const { browser, simulator, keys, redisUrl, clock } = await startTurntable(t, {
    simulator: { apiVersion: 'legacy' },
  });
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();
  const path = await playlistNamed(mara, 'Sunday, slowly');
  const askedTheNewWay = () => countApiCalls(simulator, `/v1${path}/items`);

  await mara.get(path).expect(200);
  const [key = ''] = (await keys()).filter((one) => one.startsWith('api-version:'));
  const seconds = await redis.ttl(key);
  assert.ok(seconds > 86_000 && seconds <= 86_400, `${seconds} s`);
  clock.advance({ minutes: 10 });
  await mara.get(path).expect(200);
  assert.equal(askedTheNewWay(), 1);

  await redis.del(key);
  clock.advance({ minutes: 10 });
  await mara.get(path).expect(200);
  assert.equal(askedTheNewWay(), 2);
});

testOnce('the same playlist shows the same facts in every API version', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 5_000, paused: true });
  const mara = browser();
  await mara.signIn();
  const paths = [
    '/now-playing',
    '/playlists',
    '/playlists?page=2',
    await playlistNamed(mara, 'Sunday, slowly'),
    `${await playlistNamed(mara, 'Everything I ever liked')}?page=3`,
    await playlistNamed(mara, 'Band practice'),
  ];

  const seen = new Map<string, unknown>();
  for (const apiVersion of apiVersions) {
    simulator.settings.apiVersion = apiVersion;
    clock.advance({ minutes: 10 });
    for (const path of paths) {
      const { seenAt: _, ...body } = (await mara.getJson(path).expect(200)).body;
      if (!seen.has(path)) seen.set(path, body);
      assert.deepEqual(body, seen.get(path), `${path} in ${apiVersion}`);
    }
  }
});
