import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test as testOnce } from 'node:test';
import { Redis } from 'ioredis';
import { limits } from '../../src/access/rate-limiter.ts';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { root } from '../support/process.ts';
import {
  clientId,
  clientSecret,
  countApiCalls,
  countTokenRequests,
  endRateLimitWindow,
  keyNames,
  startTurntable,
} from '../support/turntable.ts';

const all = 'type=artist,track,album,playlist,show,episode';
const lists = ['artists', 'tracks', 'albums', 'playlists', 'shows', 'episodes'];

test('a visitor searches for everything without signing in, with one call to Spotify', async (t) => {
  const { browser, simulator } = await startTurntable(t);

  const page = await browser().get('/search?q=night').expect(200);

  assert.match(page.text, /<title>Search: night · Turntable<\/title>/);
  assert.match(page.text, /<h1>Results for “<bdi>night<\/bdi>”<\/h1>/);
  assert.match(page.text, /<h2>Tracks<\/h2>[\s\S]*<h2>Artists<\/h2>[\s\S]*Night Bus Atlas/);
  assert.match(page.text, /<a class="card" href="\/artists\/\w{22}">/, 'each leads to its page');
  assert.match(page.text, /<a href="\/tracks\/\w{22}"><bdi>Goodnight, Transmitter<\/bdi><\/a>/);
  assert.match(page.text, /href="[^"]+\/open\/track\/\w{22}">Open on Spotify/, 'and to Spotify');
  assert.doesNotMatch(page.text, />Add to playlist<|>Play</);
  assert.equal(page.headers['cache-control'], 'private, no-store');
  assert.match(page.headers.vary ?? '', /Accept/);
  assert.deepEqual(apiRequests(simulator), ['GET /search']);
});

test('all six kinds are found, and each result has a link to Spotify', async (t) => {
  const { browser } = await startTurntable(t);
  const visitor = browser();

  const { body } = await visitor.getJson(`/search?q=the&${all}`).expect(200);
  const page = await visitor.get(`/search?q=the&${all}`).expect(200);

  for (const kind of lists) {
    assert.ok(body[kind].items.length > 0, kind);
    for (const { link } of body[kind].items) assert.ok(page.text.includes(`href="${link}"`), link);
  }
  assert.doesNotMatch(
    page.text,
    />null<|undefined|NaN|\[object/,
    'nor is there a hole where Spotify has one',
  );
});

test('there are ten results a page, never more, and pagination reaches the last one', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();

  const first = await visitor.get('/search?q=the&type=track').expect(200);
  const last = await visitor.get('/search?q=the&type=track&page=5').expect(200);
  const pages = [];
  for (const page of [1, 2, 3, 4, 5]) {
    pages.push((await visitor.getJson(`/search?q=the&type=track&page=${page}`).expect(200)).body);
  }

  assert.match(first.text, /rel="next" href="\/search\?q=the&amp;type=track&amp;page=2"/);
  assert.doesNotMatch(first.text, /rel="prev"/);
  assert.match(last.text, /rel="prev" href="\/search\?q=the&amp;type=track&amp;page=4"/);
  assert.doesNotMatch(last.text, /rel="next"/);
  const links = pages.flatMap(({ tracks }) => tracks.items.map(({ link }: { link: string }) => link));
  assert.equal(pages[0].pages, 5);
  assert.equal(links.length, 45);
  assert.equal(new Set(links).size, 45);
  for (const { query } of simulator.calls.filter(({ path }) => path === '/v1/search')) {
    assert.equal(query.limit, '10');
  }
});

test('a page beyond the results is empty and leads back to the last one', async (t) => {
  const { browser } = await startTurntable(t);
  const visitor = browser();

  const page = await visitor.get('/search?q=the&type=track&page=90').expect(200);

  assert.match(page.text, /No results on this page/);
  assert.match(page.text, /rel="prev" href="\/search\?q=the&amp;type=track&amp;page=5"/);
  const { body } = await visitor.getJson('/search?q=the&type=track&page=90').expect(200);
  assert.deepEqual(body.tracks, { items: [], total: 45 });
});

testOnce('searches are made for the country in SPOTIFY_MARKET, or for the US', async (t) => {
  const usual = await startTurntable(t);
  const swedish = await startTurntable(t, { env: { SPOTIFY_MARKET: 'se' } });

  await usual.browser().get('/search?q=night').expect(200);
  await swedish.browser().get('/search?q=night').expect(200);

  assert.equal(usual.simulator.calls.at(-1)?.query.market, 'US');
  assert.equal(swedish.simulator.calls.at(-1)?.query.market, 'SE');
});

testOnce('an empty search is a page with a form, and a clear error for programs', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();

  for (const path of ['/search', '/search?q=', '/search?q=+%20+']) {
    const page = await visitor.get(path).expect(200);
    assert.match(page.text, /<h1>Search<\/h1>/);
    assert.match(page.text, /name="q" value="" maxlength="200" required/);
    assert.equal((await visitor.getJson(path).expect(400)).body.reason, 'search-empty');
  }
  assert.equal(simulator.calls.length, 0);
});

const senseless: Record<string, string> = {
  [`/search?q=${'x'.repeat(1000)}`]: 'search-too-long',
  [`/search?q=${'x'.repeat(201)}`]: 'search-too-long',
  '/search?q=night&type=audiobook': 'search-type',
  '/search?q=night&type=artist,nonsense': 'search-type',
  '/search?q=night&type=constructor': 'search-type',
  '/search?type=nonsense': 'search-type',
  '/search?q=night&page=101': 'search-too-far',
  '/search?q=night&page=99999': 'search-too-far',
  '/search?q=night&page=0': 'search-invalid',
  '/search?q=night&page=-1': 'search-invalid',
  '/search?q=night&page=1.5': 'search-invalid',
  '/search?q=night&page=abc': 'search-invalid',
  '/search?q=night&page=': 'search-invalid',
  '/search?q=night&page=1&page=2': 'search-invalid',
  '/search?q=night&q=day': 'search-invalid',
};

testOnce('an invalid search is reported, without asking Spotify', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();

  for (const [path, reason] of Object.entries(senseless)) {
    const page = await visitor.get(path).expect(400);
    assert.match(page.text, /<a class="button" href="\/search">Back to search<\/a>/);
    const { body } = await visitor
      .getJson(path)
      .expect(400)
      .expect('Content-Type', /problem\+json/);
    assert.equal(body.reason, reason, path);
    assert.ok(body.title && body.detail, path);
  }
  assert.equal(simulator.calls.length, 0);
});

testOnce('any 200 characters can be searched for, and are shown as text', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();
  const odd = [
    '😀'.repeat(200),
    `"><script>alert(1)</script>`,
    `' OR 1=1 --`,
    '%00',
    'a:b & c=d # e',
    '<%= 1 %>',
    'night\n\tbus',
  ];

  for (const query of odd) {
    const page = await visitor.get(`/search?${new URLSearchParams({ q: query })}`).expect(200);
    assert.doesNotMatch(
      page.text,
      /<script(?! (?:id="wait" )?type="module" src="\/[\w-]+\.js\?)|value="[^"]*["'<>][^"]*" maxlength/,
    );
    assert.equal(simulator.calls.at(-1)?.query.q, query.replace(/\s+/g, ' '));
  }
  const page = await visitor.get('/search?q=zzzz').expect(200);
  assert.match(page.text, /No results\. Try fewer words/);
});

testOnce('a form sends each kind separately; neither order nor duplicates matter', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();

  const { body } = await visitor
    .getJson('/search?q=night&type=album&type=artist&type=album,track')
    .expect(200);

  assert.deepEqual(body.types, ['artist', 'track', 'album']);
  const page = await visitor.get('/search?q=night&type=track,album,artist').expect(200);
  assert.match(page.text, /<input type="hidden" name="type" value="artist,track,album">/);
  assert.equal(countApiCalls(simulator, '/v1/search'), 1, 'it is the same search');
});

testOnce('the JSON of a search is as docs/search.md describes it, field by field', async (t) => {
  const { browser } = await startTurntable(t);
  const visitor = browser();
  const docs = readFileSync(join(root, 'docs/search.md'), 'utf8');
  const documented = [
    ...docs.matchAll(
      /^\| `(\w+)` \| (all|(?:(?:artists|tracks|albums|playlists|shows|episodes)(?:, )?)+) \|/gm,
    ),
  ];

  const { body } = await visitor.getJson(`/search?q=the&${all}`).expect(200);

  assert.deepEqual(Object.keys(body), ['query', 'types', 'page', 'pages', 'top', ...lists]);
  assert.deepEqual(Object.keys(body.top), ['type', 'name', 'link', 'uri']);
  for (const kind of lists) {
    assert.deepEqual(Object.keys(body[kind]), ['items', 'total']);
    const fields = documented.filter(([, , where]) => where === 'all' || where?.split(', ').includes(kind));
    for (const item of body[kind].items) {
      assert.deepEqual(Object.keys(item).sort(), fields.map(([, name]) => name).sort(), kind);
    }
  }
  const reasons = new Set([...docs.matchAll(/^\| \d+ \| `([\w-]+)` \|/gm)].map(([, reason]) => reason));
  for (const reason of Object.values(senseless)) assert.ok(reasons.has(reason), reason);
  for (const reason of ['empty', 'needs-sign-in', 'too-many', 'limit-reached', 'typing'])
    assert.ok(reasons.has(`search-${reason}`), reason);
});

testOnce('there is a search box on the landing page and on every other page', async (t) => {
  const { browser } = await startTurntable(t);
  const [visitor, mara] = [browser(), browser()];
  await mara.signIn();

  for (const page of [
    await visitor.get('/').expect(200),
    await visitor.get('/nowhere').expect(404),
    await mara.get('/now-playing').expect(200),
    await mara.get('/playlists').expect(200),
  ]) {
    const boxes = page.text.match(/<form class="[\w-]+" action="\/search" role="search"/g);
    assert.equal(boxes?.length, 1);
  }
});

test('the top result is the one with the name that was searched for, whatever its kind', async (t) => {
  const { browser } = await startTurntable(t);
  const visitor = browser();
  const expected: Record<string, [string, string]> = {
    'ILSE MARROW': ['artist', 'Ilse Marrow'],
    'salt in the piano': ['track', 'Salt in the Piano'],
    'Winter Coat, Summer Street': ['album', 'Winter Coat, Summer Street'],
    'sunday, slowly': ['playlist', 'Sunday, slowly'],
    'the long platform': ['show', 'The Long Platform'],
    'the keeper': ['track', 'The Keeper’s Daughter'],
    // Spotify lists "Lost Property" and "Letters to a Lighthouse" before them.
    rope: ['track', 'Rope'],
    lighthouse: ['playlist', 'Lighthouse keepers'],
  };
  for (const [words, [type, name]] of Object.entries(expected)) {
    const path = `/search?${new URLSearchParams({ q: words })}`;
    const { top } = (await visitor.getJson(path).expect(200)).body;
    assert.deepEqual([top.type, top.name], [type, name], words);
    const { text } = await visitor.get(path).expect(200);
    const [, section = ''] = /<h2>Top result<\/h2>([\s\S]*?)<\/section>/.exec(text) ?? [];
    assert.ok(section.includes(`href="/${type}s/${top.uri.split(':')[2]}"><bdi>${name}`), words);
    assert.ok(section.includes(`href="${top.link}">Open on Spotify`), words);
  }
  assert.equal((await visitor.getJson('/search?q=the&page=2').expect(200)).body.top, null);
  assert.equal((await visitor.getJson('/search?q=zzzz').expect(200)).body.top, null);
});

test('the top result is played, queued and added in place', async (t) => {
  const { browser, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const { text } = await mara.get('/search?q=salt in the piano').expect(200);
  const [, section = ''] = /<h2>Top result<\/h2>([\s\S]*?)<\/section>/.exec(text) ?? [];
  const [, uri = ''] = /form="play" name="offset" value="(\S+)"><svg.*?<\/svg>Play</.exec(section) ?? [];
  assert.match(section, /form="queue" name="uri" value="\S+" title="Add to queue">/);
  assert.ok(section.includes(`href="/playlists/add?uri=${encodeURIComponent(uri)}&amp;`));

  const [, uris = ''] = /<form id="play"[\s\S]*?name="uri" value="([^"]+)"/.exec(text) ?? [];
  const sent = { uri: uris, offset: uri };
  await mara.post('/player/play').type('form').send(sent).expect(303);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.name, 'Salt in the Piano');
});

test('a signed-in listener can add a result to a playlist', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();

  const page = await mara.get('/search?q=transmitter').expect(200);

  assert.match(
    page.text,
    /href="\/playlists\/add\?uri=spotify%3Atrack%3A\w{22}&amp;returnTo=%2Fsearch%3Fq%3Dtransmitter[^"]*">Add to playlist<span class="visually-hidden">: Goodnight/,
  );
  assert.deepEqual(apiRequests(simulator), ['GET /search'], 'still one call');
  assert.deepEqual(
    simulator.calls.map(({ listenerId }) => listenerId),
    [undefined, undefined],
    'made with the token of the app, which is asked for first',
  );
});

testOnce('the same search within a minute is one call, for all visitors', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const [one, another, mara] = [browser(), browser(), browser()];
  await mara.signIn();

  await Promise.all([one, another, mara].map((person) => person.get('/search?q=night').expect(200)));
  clock.advance({ seconds: 59 });
  await one.get('/search?q=++night').expect(200);
  assert.equal(countApiCalls(simulator, '/v1/search'), 1);
  clock.advance({ seconds: 2 });
  await one.get('/search?q=night').expect(200);
  assert.equal(countApiCalls(simulator, '/v1/search'), 2);
});

testOnce(
  'visitors share a daily number of searches on all servers together; signed-in listeners have no such limit',
  async (t) => {
    const env = { SPOTIFY_DAILY_SEARCHES: '3' };
    const first = await startTurntable(t, { env });
    const second = await startTurntable(t, { env, sharedWith: first });
    const { simulator } = first;
    const [visitor, another] = [first.browser(), second.browser()];

    await visitor.get('/search?q=one').expect(200);
    await another.get('/search?q=two').expect(200);
    await visitor.get('/search?q=one').expect(200);
    await visitor.get('/search?q=three').expect(200);
    const page = await another.get('/search?q=four').expect(429);
    assert.match(page.text, /Today’s searches for visitors are used up/);
    assert.match(page.text, /href="\/login\?returnTo=%2Fsearch">Sign in with Spotify/);
    assert.match(page.text, /class="countdown" data-countdown=/);
    const wait = Number(page.headers['retry-after']);
    assert.ok(wait > 86_000 && wait <= 86_400, `${wait} s`);
    assert.equal((await visitor.getJson('/search?q=five').expect(429)).body.reason, 'search-limit-reached');
    await visitor.get('/search?q=three').expect(200); // cached results are still shown
    assert.equal(countApiCalls(simulator, '/v1/search'), 3);

    const mara = second.browser();
    await mara.signIn();
    const { body } = await mara.getJson('/quota').expect(200);
    assert.equal(body.families.search.usedIn24Hours, 3, 'refused searches are not counted');
    for (const query of ['four', 'five', 'six']) await mara.get(`/search?q=${query}`).expect(200);
    await endRateLimitWindow(first.redisUrl, 'limit:dailySearches:{everyone}');
    await visitor.get('/search?q=seven').expect(200);
  },
);

testOnce('searches that make no call to Spotify do not count toward the visitors’ limit', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '2' } });
  const visitor = browser();
  simulator.rateLimit(600);
  for (const query of ['one', 'two', 'three', 'four']) {
    const page = await visitor.get(`/search?q=${query}`).expect(503);
    assert.match(page.text, /Taking a break until/);
  }
  assert.equal(countApiCalls(simulator, '/v1/search'), 1);

  clock.advance({ minutes: 11 });
  await visitor.get('/search?q=one').expect(200);
  await visitor.get('/search?q=two').expect(429);
});

testOnce('a visitor beyond the limit does not fail a listener’s search at the same time', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '1' } });
  const [visitor, mara] = [browser(), browser()];
  await mara.signIn();
  await visitor.get('/search?q=one').expect(200);
  clock.advance({ minutes: 59 }); // the token has to be refreshed, so both searches are in progress at once
  simulator.fault({ on: 'token', delayMs: 200 });

  const [refused, found] = await Promise.all([visitor.get('/search?q=two'), mara.get('/search?q=two')]);

  assert.equal(refused.status, 429);
  assert.equal(found.status, 200);
});

testOnce('with a limit of 0 only people who are signed in can search', async (t) => {
  const { browser, simulator } = await startTurntable(t, { env: { SPOTIFY_DAILY_SEARCHES: '0' } });
  const [visitor, mara] = [browser(), browser()];
  await mara.signIn();

  const page = await visitor.get('/search?q=night').expect(401);
  assert.match(page.text, /<h1>Sign in to search<\/h1>/);
  assert.equal((await visitor.getJson('/search?q=night').expect(401)).body.reason, 'search-needs-sign-in');
  assert.equal(countTokenRequests(simulator, 'client_credentials'), 0);
  await mara.get('/search?q=night').expect(200);
});

testOnce('one address has 30 searches a minute, and then a time to wait', async (t) => {
  const env = { TRUST_PROXY: '1', SPOTIFY_DAILY_SEARCHES: '1000' };
  const { browser, redisUrl } = await startTurntable(t, { env, limits });
  const visitor = browser();
  const from = (address: string) => visitor.get('/search?q=night').set('X-Forwarded-For', address);

  for (let nth = 1; nth <= 30; nth += 1) await from('192.0.2.1').expect(200);
  const page = await from('192.0.2.1').expect(429);
  assert.match(page.text, /Without signing in, each IP address gets 30 searches a minute/);
  const wait = Number(page.headers['retry-after']);
  assert.ok(wait > 30 && wait <= 60, `${wait} s`);
  await from('192.0.2.2').expect(200);
  await endRateLimitWindow(redisUrl, 'limit:visitorSearch:{192.0.2.1}');
  await from('192.0.2.1').expect(200);

  // A household has billions of IPv6 addresses, which count as one.
  for (let nth = 1; nth <= 30; nth += 1) await from(`2001:db8:0:7::${nth}`).expect(200);
  await from('2001:db8:0:7:ffff::1').expect(429);
  await from('2001:db8:0:8::1').expect(200);
  // The same address in its IPv4-mapped form is the same visitor.
  for (let nth = 1; nth <= 30; nth += 1) await from('::ffff:192.0.2.3').expect(200);
  await from('192.0.2.3').expect(429);

  const mara = browser();
  await mara.signIn();
  for (let nth = 1; nth <= 40; nth += 1) await mara.get('/search?q=night').expect(200);
});

testOnce('a visitor’s search leaves only counts behind, and all of them have a TTL', async (t) => {
  const { browser, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const keys = async () => (await keyNames(redisUrl)).filter((key) => !/^(calls|ledger):/.test(key));

  const page = await browser().get('/search?q=night').expect(200);

  assert.equal(page.headers['set-cookie'], undefined);
  assert.deepEqual(await keys(), [
    `app-token:{${clientId}}`,
    'limit:dailySearches:{everyone}',
    'limit:visitorSearch:{127.0.0.1}',
  ]);
  for (const key of await keys()) assert.ok((await redis.pttl(key)) > 0, key);
});

test('the app token is requested once with Basic, stored sealed for all servers, and refreshed a minute before its end', async (t) => {
  const first = await startTurntable(t);
  const second = await startTurntable(t, { sharedWith: first });
  const { simulator, clock, redisUrl } = first;
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const tokens = () => countTokenRequests(simulator, 'client_credentials');

  await first.browser().get('/search?q=one').expect(200);
  await second.browser().get('/search?q=two').expect(200);
  assert.equal(tokens(), 1);
  assert.doesNotMatch((await redis.get(`app-token:{${clientId}}`)) ?? '', /accessToken|expiresAt/);

  clock.advance({ minutes: 58, seconds: 59 });
  await first.browser().get('/search?q=three').expect(200);
  assert.equal(tokens(), 1);
  clock.advance({ seconds: 2 });
  await second.browser().get('/search?q=four').expect(200);
  await first.browser().get('/search?q=five').expect(200);
  assert.equal(tokens(), 2);
});

testOnce('however many searches run at once, on however many servers, one token is requested', async (t) => {
  const first = await startTurntable(t);
  const second = await startTurntable(t, { sharedWith: first });
  first.simulator.fault({ on: 'token', delayMs: 200 });

  await Promise.all(
    [first, second].flatMap(({ browser }) =>
      ['one', 'two', 'three', 'four', 'five'].map((query) => browser().get(`/search?q=${query}`).expect(200)),
    ),
  );

  assert.equal(countTokenRequests(first.simulator, 'client_credentials'), 1);
});

test('an app token that Spotify rejects is refreshed once, and the search repeated', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();
  await visitor.get('/search?q=one').expect(200);

  simulator.expireAccessTokens();
  await visitor.get('/search?q=two').expect(200);
  assert.equal(countTokenRequests(simulator, 'client_credentials'), 2);

  // A fresh token that is rejected as well is Spotify's failure: there is no third attempt.
  const body = JSON.stringify({ error: { status: 401, message: 'Invalid access token' } });
  simulator.fault({ on: /\/search/, times: 2, answer: { status: 401, body } });
  simulator.forgetCalls();
  await visitor.get('/search?q=three').expect(502);
  assert.equal(countApiCalls(simulator, '/v1/search'), 2);
  assert.equal(countTokenRequests(simulator, 'client_credentials'), 1);
  await visitor.get('/search?q=four').expect(200);
});

testOnce('a refresh that fails early does no harm while the token is still valid', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const visitor = browser();
  await visitor.get('/search?q=one').expect(200);
  const away = { on: 'token', answer: { status: 503, body: '' } } as const;

  clock.advance({ minutes: 59, seconds: 30 });
  simulator.fault(away);
  await visitor.get('/search?q=two').expect(200);
  clock.advance({ seconds: 31 });
  simulator.fault(away);
  await visitor.get('/search?q=three').expect(502);
  await visitor.get('/search?q=three').expect(200);
});

testOnce('wrong credentials are recognized, in Spotify’s own words', async (t) => {
  const { browser, logged } = await startTurntable(t, { env: { SPOTIFY_CLIENT_SECRET: 'x'.repeat(32) } });

  const page = await browser().get('/search?q=night').expect(502);

  assert.match(page.text, /Spotify doesn’t accept this site/);
  assert.match(page.text, /Spotify says: “Invalid client secret”/);
  const { body } = await browser().getJson('/search?q=night').expect(502);
  assert.equal(body.reason, 'client-rejected');
  assert.match(logged.join(''), /ClientRejected/);
  assert.ok(!logged.join('').includes(clientSecret) && !logged.join('').includes('xxxxxxxx'));
});

testOnce('an app token that cannot be read is replaced by a new one', async (t) => {
  const { browser, simulator, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  await browser().get('/search?q=night').expect(200);
  await redis.set(`app-token:{${clientId}}`, 'nonsense');
  await browser().get('/search?q=day').expect(200);
  assert.equal(countTokenRequests(simulator, 'client_credentials'), 2);
});

testOnce('a search with HEAD, or with an unexpected Accept header, gets the right answer', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const visitor = browser();

  const head = await visitor.agent.head('/search?q=night').expect(200);
  assert.equal(head.text, undefined);
  await visitor.agent.get('/search?q=day').set('Accept', 'image/png').expect(406);
  await visitor.agent.get('/search?q=night').expect('Content-Type', /html/);
  assert.equal(countApiCalls(simulator, '/v1/search'), 1);
});
