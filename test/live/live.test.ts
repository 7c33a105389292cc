import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { noColor } from '../../src/web/cover-colors.ts';
import { type EventStream, openStream } from '../support/event-stream.ts';
import { until, visit } from '../support/fleet.ts';
import {
  playerPath,
  refusedAfter,
  startLiveListener,
  waitForStreamsToEnd,
  waitForTicks,
} from '../support/live-listener.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { clientId, countApiCalls, holdResponse, startTurntable } from '../support/turntable.ts';

const named =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.title === name;
const isAnother =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.title !== name;

test('a subscriber gets the card at once, and the next track when it starts, after a single poll', async (t) => {
  const { url, mara, simulator, clock, name, durationMs } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);

  const first = await stream.waitFor(named(name));
  assert.equal(first.data.playing, true);
  assert.equal(first.data.durationMs, durationMs);
  assert.equal(first.data.progressMs, 0);
  assert.match(String(first.data.html), /<article class="now-playing is-playing">/);
  assert.equal(countApiCalls(simulator, playerPath), 0, 'the page has just asked');

  clock.advance({ seconds: 55 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);
  clock.advance({ seconds: durationMs / 1000 - 55 + 1.6 });
  const next = await stream.waitFor(isAnother(name));
  assert.ok(Number(next.data.progressMs) < 2_000);
  assert.equal(countApiCalls(simulator, playerPath), 1);
  assert.ok(Number(next.id) > Number(first.id));
});

test('the color of a cover follows its card, without another poll', async (t) => {
  const { url, mara, simulator, clock, name, durationMs } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));

  simulator.plays('mara', { kind: 'track', index: 9, progressMs: 0 });
  clock.advance({ seconds: durationMs / 1000 + 1.6 });
  const card = await stream.waitFor(isAnother(name));
  const color = await stream.waitFor(({ data }) => data.title === card.data.title && data.html === null);

  assert.equal(card.data.color, noColor);
  assert.match(String(color.data.color), /^hue-\d+ chroma-[012]$/);
  assert.equal(countApiCalls(simulator, playerPath), 1);
});

test('a mid-track poll finds a pause; a poll that finds no change sends nothing', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));

  clock.advance({ seconds: 58 });
  await until(() => countApiCalls(simulator, playerPath) === 1);
  await waitForTicks(simulator);
  assert.equal(stream.cards().length, 1);

  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 60_000, paused: true });
  clock.advance({ seconds: 58 });
  const paused = await stream.waitFor(({ data }) => data.playing === false);
  assert.match(String(paused.data.html), /Paused/);
});

test('without subscribers there are no calls', async (t) => {
  const { url, mara, simulator, clock, name, keys } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));
  stream.close();
  await waitForStreamsToEnd(keys);
  await waitForTicks(simulator);

  for (let hours = 0; hours < 3; hours += 1) {
    clock.advance({ hours: 1 });
    await waitForTicks(simulator);
  }
  assert.equal(simulator.calls.length, 0);
});

test('however many tabs and servers are subscribed, one process polls and all get the result', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { mara, simulator, clock, name, durationMs, browser } = one;
  const elsewhere = browser();
  await elsewhere.signIn();
  const streams = await Promise.all(
    [mara, elsewhere].flatMap((person) =>
      Array.from({ length: 10 }, (_, index) => openStream(t, index % 2 ? one.url : other.url, person)),
    ),
  );
  assert.deepEqual([...new Set(streams.map(({ status }) => status))], [200]);
  await Promise.all(streams.map((stream) => stream.waitFor(named(name))));

  const shown = ({ events }: EventStream) => events.at(-1)?.data.title;
  for (let track = 1; track <= 3; track += 1) {
    const before = streams.map(shown)[0];
    simulator.plays('mara', { kind: 'track', index: 3 * track, progressMs: 0 });
    // While the poll is in flight the other processes know nothing of it.
    const held = holdResponse(simulator, 'api');
    clock.advance({ seconds: durationMs / 1000 + 2 });
    await held.reached;
    await sleep(200);
    held.release();
    await until(() => {
      const titles = new Set(streams.map(shown));
      return titles.size === 1 && !titles.has(before);
    });
    await waitForTicks(simulator);
    assert.equal(countApiCalls(simulator, playerPath), track);
  }
});

test('an eleventh stream of a session is refused by every process, until one of the ten is closed', async (t) => {
  const one = await startLiveListener(t);
  const { url, mara } = one;
  const other = await startTurntable(t, { sharedWith: one });
  const streams = await Promise.all(
    Array.from({ length: 10 }, (_, index) => openStream(t, index % 2 ? url : other.url, mara)),
  );

  for (const at of [url, other.url]) assert.equal((await openStream(t, at, mara)).status, 429);
  streams[0]?.close();
  await until(async () => (await openStream(t, url, mara)).status === 200);
  assert.equal((await openStream(t, other.url, mara)).status, 429);
});

test('a stream requires sign-in, asks proxies not to buffer it, and has a heartbeat', async (t) => {
  const { url, mara, browser } = await startLiveListener(t, { timing: { heartbeatMs: 50 } });
  const stranger = await openStream(t, url, browser());
  assert.equal(stranger.status, 401);

  const { status, headers, ...stream } = await openStream(t, url, mara);
  assert.equal(status, 200);
  assert.match(headers['content-type'] ?? '', /^text\/event-stream/);
  assert.equal(headers['cache-control'], 'no-store, no-transform');
  assert.equal(headers['x-accel-buffering'], 'no');
  assert.equal(headers['content-encoding'], undefined);
  await until(() => stream.heartbeats() >= 2);
  const retry = stream.retry() ?? 0;
  assert.ok(retry >= 1_500 && retry <= 6_000, `${retry} ms`);
});

test('signing out ends the streams of that browser on every server, and no others', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const second = one.browser();
  await second.signIn();
  const ending = await Promise.all([one, other].map(({ url }) => openStream(t, url, one.mara)));
  const staying = await openStream(t, other.url, second);

  await one.mara.post('/logout').expect(303);

  for (const stream of ending) {
    await stream.waitFor(({ event }) => event === 'end');
    await stream.waitForEnd();
  }
  await waitForTicks(one.simulator);
  assert.equal(staying.hasEnded(), false);

  const anywhere = await openStream(t, one.url, second);
  await second.post('/account/sign-out-everywhere').expect(303);
  for (const stream of [staying, anywhere]) await stream.waitForEnd();
});

// fault: stream-ends-after-response
test('at sign-out a stream ends only after the browser has dropped its cookie', async (t) => {
  const redis = await startRedisProxy(t);
  const { url, mara } = await startLiveListener(t, { redisUrl: redis.url, timing: { heartbeatMs: 50 } });
  const stream = await openStream(t, url, mara);
  const hasEnded = () => stream.events.some(({ event }) => event === 'end');
  const held = redis.hold(command('del', 'session:'), 'before');

  const signingOut = mara.post('/logout').expect(303).then();
  await held.reached;
  // The end would have arrived before these heartbeats.
  const beats = stream.heartbeats();
  await until(() => stream.heartbeats() > beats + 1);
  assert.equal(hasEnded(), false);
  held.release();
  await signingOut;
  await stream.waitFor(({ event }) => event === 'end');
});

test('if one grant of a listener is lost, polls continue with another', async (t) => {
  const { url, mara, browser, simulator, clock, name, redisUrl } = await startLiveListener(t);
  const first = await openStream(t, url, mara);
  const second = browser();
  await second.signIn();
  const other = await openStream(t, url, second);
  for (const stream of [first, other]) await stream.waitFor(named(name));

  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const [key = ''] = (await redis.keys(`${redis.options.keyPrefix}grant:*`)).filter((one) =>
    one.includes(
      decodeURIComponent(mara.sessionCookie() ?? '')
        .slice(2)
        .split('.')[0] ?? '-',
    ),
  );
  await redis.del(key.slice(redis.options.keyPrefix?.length));
  simulator.plays('mara', { kind: 'track', index: 5, progressMs: 0 });
  clock.advance({ seconds: 60 });

  await other.waitFor(isAnother(name));
  await first.waitForEnd();
  assert.equal(other.hasEnded(), false);
});

test('if no grant of a listener is left, their streams end', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));

  simulator.revokeGrants();
  clock.advance({ hours: 2 });

  await stream.waitFor(({ event }) => event === 'end');
  await stream.waitForEnd();
});

test('during a cooldown the last observation is shown with its time and no one polls; after it, one process does', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { mara, simulator, clock, name, url } = one;
  const streams = await Promise.all([url, url, other.url].map((at) => openStream(t, at, mara)));
  await Promise.all(streams.map((stream) => stream.waitFor(named(name))));

  simulator.rateLimit(3_600);
  clock.advance({ seconds: 58 });
  for (const stream of streams) {
    const card = await stream.waitFor(({ data }) => /Updates are paused until/.test(String(data.html)));
    assert.equal(card.data.title, name);
  }
  assert.equal(countApiCalls(simulator, playerPath), 1);

  for (let minutes = 0; minutes < 50; minutes += 10) {
    clock.advance({ minutes: 10 });
    const page = await mara.get('/now-playing').expect(200);
    assert.match(
      page.text,
      /Spotify limits how often this site may ask\. Updates are paused until <time datetime="[^"]+">/,
    );
    assert.match(page.text, /Last updated <time/);
    assert.match(page.text, new RegExp(name));
    const { body } = await mara.getJson('/now-playing').expect(200);
    assert.equal(body.waitingUntil !== null, true);
    await waitForTicks(simulator);
  }
  assert.equal(countApiCalls(simulator, playerPath), 1, 'no polls during the cooldown');

  simulator.plays('mara', { kind: 'track', index: 7, progressMs: 0 });
  clock.advance({ minutes: 10 });
  clock.advance({ seconds: 10 });
  for (const stream of streams)
    await stream.waitFor(({ data }) => data.title !== name && data.title !== null);
  assert.equal(countApiCalls(simulator, playerPath), 2);
});

test('when the daily budget is nearly used up, live updates slow down and say so, and pages still work', async (t) => {
  const turntable = await startLiveListener(t, { env: { SPOTIFY_DAILY_CALLS: '8' } });
  const { url, mara, simulator, clock } = turntable;
  await refusedAfter(turntable, 9);
  simulator.plays('mara', { kind: 'episode' });
  const stream = await openStream(t, url, mara);

  for (let minutes = 0; minutes < 30; minutes += 1) {
    clock.advance({ seconds: 60 });
    await waitForTicks(simulator);
  }
  const card = await stream.waitFor(({ data }) => /Live updates are slower until/.test(String(data.html)));
  assert.match(String(card.data.html), /to make today’s Spotify calls last/);
  assert.match((await mara.get('/now-playing').expect(200)).text, /Live updates are slower until <time/);
  const made = simulator.calls.filter(({ service }) => service === 'api').length;
  assert.ok(made <= 15, `${made} calls in half an hour`);
  await mara.get('/playlists').expect(200);
});

test('calls of all kinds on all servers count toward the daily budget', async (t) => {
  const { mara, simulator, clock, redisUrl } = await startLiveListener(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const { keyPrefix = '' } = redis.options;
  const counted = async () => {
    const [key = ''] = (await redis.keys(`${keyPrefix}calls:*`)).map((one) => one.slice(keyPrefix.length));
    return Object.values(await redis.hgetall(key)).reduce((sum, one) => sum + Number(one), 0);
  };
  const before = await counted();

  for (const path of ['/playlists', '/library', '/search?q=night', '/account'])
    await mara.get(path).expect(200);
  clock.advance({ hours: 2 });
  await mara.get('/playlists').expect(200);

  const made = simulator.calls.filter(({ service }) => service === 'api').length;
  assert.equal((await counted()) - before, made, 'only those to the Web API');
});

test('a command sent as JSON updates open tabs', async (t) => {
  const { url, mara, simulator, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));

  await mara.agent
    .post('/player/pause')
    .set('Accept', 'application/json')
    .set('Sec-Fetch-Site', 'same-origin')
    .expect(204);

  await stream.waitFor(({ data }) => data.playing === false);
  assert.equal(countApiCalls(simulator, playerPath), 1);
});

test('without JavaScript the page reloads itself about when the track ends, unless that is turned off', async (t) => {
  const { mara, clock, durationMs } = await startLiveListener(t);
  clock.advance({ seconds: durationMs / 1000 - 40 });

  const page = await mara.get('/now-playing').expect(200);
  const seconds = Number(
    /<noscript><meta http-equiv="refresh" content="(\d+)"><\/noscript>/.exec(page.text)?.[1],
  );
  assert.ok(seconds >= 41 && seconds <= 43, `${seconds} s`);
  assert.match(page.text, /<a href="\/now-playing\?refresh=off">Stop reloading<\/a>/);
  assert.doesNotMatch((await mara.get('/now-playing?refresh=off').expect(200)).text, /http-equiv/);
});

test('the page after a button shows its effect, or why there is none, even while tabs are open', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));

  await mara.post('/player/pause').type('form').send({ returnTo: '/now-playing' }).expect(303);
  assert.match((await mara.get('/now-playing').expect(200)).text, /<span id="live-playing">Paused/);
  await stream.waitFor(({ data }) => data.playing === false);

  simulator.setProduct('mara', 'free');
  const refused = await mara.post('/player/play').type('form').send({ returnTo: '/now-playing' }).expect(303);
  const page = await mara.get(refused.headers.location ?? '').expect(200);
  assert.match(page.text, /Spotify lets only Premium members/);
  for (const text of [page.text, (await mara.get('/now-playing').expect(200)).text]) {
    assert.doesNotMatch(text, /action="\/player\/play"/, 'buttons that cannot work are hidden');
  }
  simulator.plays('mara', { kind: 'track', index: 9, progressMs: 0 });
  clock.advance({ seconds: 120 });
  const { data } = await stream.waitFor(isAnother(name));
  assert.match(String(data.html), /Playback controls need Spotify Premium/, 'as do cards that come later');
});

test('returning to the only tab shows what is playing now, not what was playing before', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));
  stream.close();
  await waitForTicks(simulator);
  simulator.plays('mara', { kind: 'track', index: 4, progressMs: 0 });
  clock.advance({ seconds: 30 });

  const again = await openStream(t, url, mara, '?poll=now');

  await again.waitFor(isAnother(name));
  assert.equal(countApiCalls(simulator, playerPath), 1);
});

test('reopening a stream again and again does not cause a poll each time', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));
  for (let times = 0; times < 20; times += 1) {
    clock.advance({ seconds: 1 });
    (await openStream(t, url, mara)).close();
  }
  await waitForTicks(simulator);
  assert.ok(
    countApiCalls(simulator, playerPath) <= 1,
    `${countApiCalls(simulator, playerPath)} polls in twenty seconds`,
  );
});

test('the answer to a poll that began before a button was pressed is ignored', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));
  clock.advance({ seconds: 2 });
  const held = holdResponse(simulator, /player$/);
  await mara.post('/now-playing/poll').expect(204);
  await held.reached;
  clock.advance({ seconds: 1 });

  await mara.post('/player/pause').type('form').send({ returnTo: '/now-playing' }).expect(303);
  await mara.get('/now-playing').expect(200);
  await stream.waitFor(({ data }) => data.playing === false);
  held.release();
  await waitForTicks(simulator);

  assert.equal(stream.events.at(-1)?.data.playing, false);
});

// fault: live-records-of-other-versions
test('records and messages of another version are ignored, and live updates continue', async (t) => {
  const { url, mara, redisUrl, clock, simulator, name } = await startLiveListener(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const { keyPrefix = '' } = redis.options;
  const [key = ''] = (await redis.keys(`${keyPrefix}now-playing:*`)).map((one) =>
    one.slice(keyPrefix.length),
  );
  const channel = `${keyPrefix}live:{${clientId}}`;
  for (const invalid of ['not JSON', '{}', 'null', JSON.stringify({ shape: 99, playback: {}, at: 1 })]) {
    await redis.set(key, invalid);
    const stream = await openStream(t, url, mara);
    await redis.publish(channel, invalid);
    clock.advance({ seconds: 60 });
    await stream.waitFor(({ event }) => event === 'card');
    stream.close();
  }
  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  clock.advance({ seconds: 60 });
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isAnother(name));
});

test('saving or removing the current track shows in every tab', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { mara, simulator } = one;
  await mara.signIn('mara', '?allow=user-library-modify');
  const { body } = await mara.getJson('/now-playing').expect(200);
  const stream = await openStream(t, other.url, mara);
  const first = await stream.waitFor(({ event }) => event === 'card');
  assert.match(String(first.data.html), /<span>In your library<\/span>/);

  await mara
    .post('/library/remove')
    .type('form')
    .send({ uri: body.item.uri, returnTo: '/now-playing' })
    .expect(303);

  await stream.waitFor(({ data }) => /<span>Not in your library<\/span>/.test(String(data.html)));
  assert.equal(simulator.calls.filter(({ path }) => path.endsWith('/contains')).length, 0);
});

// fault: saved-state-of-next-track
test('whether the next track is saved is asked once, and shown in every tab', async (t) => {
  const { url, mara, simulator, clock, name, durationMs } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));
  clock.advance({ seconds: durationMs / 1000 + 1.6 });
  const next = await stream.waitFor(isAnother(name));
  assert.equal(next.data.saved, null);
  simulator.forgetCalls();

  const { body } = await mara.getJson('/now-playing/saved').expect(200);
  assert.equal(typeof body.saved, 'boolean');
  const { title } = next.data;
  await stream.waitFor(({ data }) => data.title === title && data.saved === body.saved);
  await mara.getJson('/now-playing/saved').expect(200, { saved: body.saved });

  assert.equal(countApiCalls(simulator, '/v1/me/library/contains'), 1);
  assert.equal(countApiCalls(simulator, playerPath), 0);
});

test('whether the next track is saved isn’t asked once 30% of the daily calls are used', async (t) => {
  const { url, mara, simulator, clock, name, durationMs } = await startLiveListener(t, {
    env: { SPOTIFY_DAILY_CALLS: '20' },
  });
  for (let pages = 0; pages < 6; pages += 1) {
    clock.advance({ seconds: 3 });
    await mara.get('/now-playing').expect(200);
  }
  simulator.forgetCalls();
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));
  clock.advance({ seconds: durationMs / 1000 - 18 + 1.6 });
  await stream.waitFor(isAnother(name));

  await mara.getJson('/now-playing/saved').expect(204);

  assert.equal(countApiCalls(simulator, '/v1/me/library/contains'), 0);
});

test('after a cooldown one call probes Spotify, and the others follow if it succeeds', async (t) => {
  const one = await startLiveListener(t);
  const others = await Promise.all([1, 2, 3].map(() => startTurntable(t, { sharedWith: one })));
  const { mara, simulator, clock } = one;
  simulator.rateLimit(600);
  await mara.get('/playlists?page=2').expect(503);
  clock.advance({ minutes: 11 });
  simulator.clearFaults();
  simulator.forgetCalls();
  simulator.fault({ on: 'api', delayMs: 400 });

  const pages = await Promise.all(
    [one, ...others].flatMap(({ url }, index) =>
      [1, 2, 3].map((page) =>
        visit(`${url}/playlists?page=${page}&of=${index}`, 'GET', mara.cookieHeader(), one.url),
      ),
    ),
  );
  assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200]);

  simulator.rateLimit(600);
  clock.advance({ seconds: 5 });
  await mara.get('/playlists?page=2').expect(503);
  clock.advance({ minutes: 9 });
  clock.advance({ seconds: 58 });
  simulator.forgetCalls();
  simulator.rateLimit(600);
  clock.advance({ seconds: 5 });
  await Promise.all(
    [one, ...others].map(({ url }) => visit(`${url}/playlists`, 'GET', mara.cookieHeader(), one.url)),
  );
  assert.equal(
    simulator.calls.filter(({ service }) => service === 'api').length,
    1,
    'one probes, the others wait for it',
  );
});

test('the card distinguishes a used-up quota from a rate limit', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(named(name));

  simulator.rateLimit(3_600, { quota: true });
  clock.advance({ seconds: 58 });

  const notice = /Today’s Spotify calls for live updates are used up\. They’re paused until <time/;
  await stream.waitFor(({ data }) => notice.test(String(data.html)));
  const { text } = await mara.get('/now-playing').expect(200);
  assert.match(text, notice);
  assert.match(
    text,
    /data-countdown="[^"]+" hidden><\/span>[\s\S]*Other pages still work, unless they’re paused too/,
  );
});

test('a used-up quota means an hour of cooldown if Spotify names no time', async (t) => {
  const { mara, simulator } = await startLiveListener(t);
  const body = JSON.stringify({
    error: { status: 429, message: 'Too many requests', reason: 'QUOTA_EXCEEDED' },
  });
  simulator.fault({ on: 'api', answer: { status: 429, body } });
  const refused = await mara.get('/playlists').expect(503);
  assert.ok(Number(refused.headers['retry-after']) > 3_500);
  assert.match(refused.text, /<h1>Your playlists and library are paused until <time/);
});
