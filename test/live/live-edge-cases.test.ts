import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Event, openStream } from '../support/event-stream.ts';
import { until, visit } from '../support/fleet.ts';
import {
  playerPath,
  refusedAfter,
  startLiveListener,
  waitForStreamsToEnd,
  waitForTicks,
} from '../support/live-listener.ts';
import { apiRequests } from '../support/pages.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { testTiming } from '../support/timing.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

/*
 * Live updates when something is wrong or unusual.
 */
const cardSays =
  (words: RegExp) =>
  ({ data }: { data: Record<string, unknown> }) =>
    words.test(String(data.html));
const isCard = ({ event }: { event: string }) => event === 'card';
const cooldownNotice = /Updates are paused until/;

// fault: client-gone-before-stream
test('a client that leaves before its stream begins causes no polls and takes no slot', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  for (let client = 0; client < 12; client += 1) {
    const sent = request(`${url}/now-playing/events`, {
      headers: { Cookie: mara.cookieHeader(), Accept: 'text/event-stream' },
      agent: false,
    });
    sent.on('error', () => undefined).end();
    await sleep(client % 6);
    sent.destroy();
  }
  await waitForTicks(simulator);
  simulator.forgetCalls();
  for (let minutes = 0; minutes < 30; minutes += 10) {
    clock.advance({ minutes: 10 });
    await waitForTicks(simulator);
  }

  assert.equal(simulator.calls.length, 0);
  const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(t, url, mara)));
  assert.deepEqual([...new Set(streams.map(({ status }) => status))], [200]);
});

// fault: cooldown-outlasts-tokens
test('during a cooldown the last observation stays on the page, even after the access token has expired', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  simulator.rateLimit(5 * 3600);
  clock.advance({ seconds: 58 });
  await stream.waitFor(cardSays(cooldownNotice));
  simulator.forgetCalls();

  for (const minutes of [30, 45, 120]) {
    clock.advance({ minutes });
    const page = await mara.get('/now-playing').expect(200);
    assert.match(page.text, cooldownNotice);
    assert.match(page.text, new RegExp(name));
    const another = await openStream(t, url, mara);
    assert.equal(another.status, 200);
    await another.waitFor(cardSays(cooldownNotice));
    another.close();
  }
  assert.deepEqual(apiRequests(simulator), [], 'no calls to the Web API');
});

test('a tab opened during a cooldown shows the cooldown, in every process', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { url, mara, simulator, clock } = one;
  simulator.rateLimit(3_600);
  clock.advance({ seconds: 3 });
  await mara.get('/playlists?page=2').expect(503);
  assert.match((await mara.get('/now-playing').expect(200)).text, cooldownNotice);

  for (const at of [url, other.url]) {
    const stream = await openStream(t, at, mara);
    const first = await stream.waitFor(isCard);
    assert.ok(cardSays(cooldownNotice)(first), 'the first card shows it');
    await waitForTicks(simulator);
    assert.ok(cardSays(cooldownNotice)(stream.cards().at(-1) ?? first), 'and it does not go away');
  }
});

// fault: late-effect-of-button
test('if Spotify shows the effect of a button late, it is polled once more', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  simulator.settings.commandDelayMs = 1_200;
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);

  const answer = await mara.post('/player/pause').type('form').send({ returnTo: '/now-playing' });
  clock.advance({ seconds: 1 });
  const page = await mara.get(String(answer.headers.location)).expect(200);
  assert.match(page.text, /<span id="live-playing">Playing/, 'as Spotify still reports');
  clock.advance({ seconds: 2 });
  await stream.waitFor(({ data }) => data.playing === false);

  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 2);
});

test('after a command there is a poll at once and one after two seconds, which commands in quick succession share', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  const { body } = await mara.getJson('/now-playing').expect(200);
  /** Sends commands, half a second before they are answered. */
  const send = async (...commands: (readonly [name: string, fields?: object])[]) => {
    clock.advance({ seconds: 5 });
    simulator.forgetCalls();
    const answers = commands.map(([name, fields = {}]) =>
      mara.post(`/player/${name}`).set('Accept', 'application/json').send(fields).expect(204).then(),
    );
    await until(() => simulator.calls.filter(({ status }) => status !== 0).length === commands.length);
    // Until the server waits for the clock.
    await sleep(250);
    clock.advance({ seconds: 0.5 });
    await Promise.all(answers);
  };
  const pollsAfter = async (seconds: number) => {
    clock.advance({ seconds });
    await waitForTicks(simulator);
    return countApiCalls(simulator, playerPath);
  };

  await send(['pause']);
  assert.deepEqual([await pollsAfter(0), await pollsAfter(1.4)], [1, 1]);
  assert.deepEqual([await pollsAfter(0.2), await pollsAfter(6)], [2, 2]);
  await send(['volume', { percent: 10 }], ['volume', { percent: 20 }], ['volume', { percent: 30 }]);
  assert.deepEqual([await pollsAfter(0), await pollsAfter(1.6), await pollsAfter(6)], [1, 2, 2]);
  await send(['queue', { uri: body.item.uri }]);
  assert.deepEqual([await pollsAfter(0), await pollsAfter(6)], [0, 0], 'the queue isn’t part of the player');
});

test('a button on another page shows its effect in open tabs', async (t) => {
  const { url, mara } = await startLiveListener(t, { ticking: true });
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  const { body } = await mara.getJson('/devices').expect(200);
  const to = body.devices.find(
    (one: { active: boolean; restricted: boolean }) => !one.active && !one.restricted,
  );

  await mara.post('/player/device').type('form').send({ device: to.id, returnTo: '/devices' }).expect(303);

  await stream.waitFor(cardSays(new RegExp(`on <bdi>${to.name}</bdi>`)));
});

// fault: spotify-keeps-failing
test('while Spotify is failing, polls back off and pages say whether waiting helps', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  simulator.fault({ on: /player$/, times: 1_000, answer: { status: 503, body: '' } });
  for (let minutes = 0; minutes < 60; minutes += 1) {
    clock.advance({ seconds: 60 });
    await waitForTicks(simulator);
  }
  const polls = countApiCalls(simulator, playerPath);
  assert.ok(polls >= 4 && polls <= 16, `${polls} polls in an hour`);
  await stream.waitFor(cardSays(/Spotify isn’t responding/));

  simulator.clearFaults();
  simulator.settings.notInvited.add('mara');
  clock.advance({ minutes: 11 });
  await stream.waitFor(({ event }) => event === 'end');
  await stream.waitForEnd();
  assert.match((await mara.get('/now-playing').expect(403)).text, /doesn’t let you use this site yet/);
});

// fault: browser-with-fewer-scopes
test('a browser with fewer scopes neither sees the player nor stops polls for another browser', async (t) => {
  const { url, mara, simulator, clock, browser, name, keys } = await startLiveListener(t);
  simulator.settings.grantedScope = 'playlist-read-private';
  const limited = browser();
  await limited.signIn();
  simulator.settings.grantedScope = null;
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  await limited.get('/now-playing').expect(403);

  assert.equal((await openStream(t, url, limited)).status, 403);
  stream.close();
  await waitForStreamsToEnd(keys);
  simulator.forgetCalls();
  simulator.plays('mara', { kind: 'track', index: 4, progressMs: 0 });
  clock.advance({ seconds: 60 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);

  const again = await openStream(t, url, mara);
  await again.waitFor(({ data }) => data.title !== name && data.title !== undefined);
});

// fault: streams-reconnect
test('a stream that reconnects causes no poll, and neither does asking why one was refused', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  for (let times = 0; times < 8; times += 1) {
    const stream = await openStream(t, url, mara, '?poll=now', { 'Last-Event-ID': '7' });
    await stream.waitFor(isCard);
    await fetch(`${url}/now-playing/events`, {
      method: 'HEAD',
      headers: { Cookie: mara.cookieHeader(), Accept: 'application/json' },
    });
    await waitForTicks(simulator);
    stream.close();
    clock.advance({ seconds: 6 });
  }
  assert.equal(countApiCalls(simulator, playerPath), 0);
});

// fault: clock-set-back
test('polls continue after the clock is set back by an hour', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  clock.advance({ seconds: 58 });
  await until(() => countApiCalls(simulator, playerPath) === 1);
  await waitForTicks(simulator);

  clock.advance({ hours: -1 });
  simulator.plays('mara', { kind: 'track', index: 4, progressMs: 0 });
  await stream.waitFor(({ data }) => data.title !== name && data.title !== undefined);
  const { body } = await mara.getJson('/now-playing').expect(200);
  assert.notEqual(body.item.name, name);
});

// fault: no-polls-without-redis
test('tabs say so while no process can poll because Redis refuses writes', {
  skip,
}, async (t) => {
  const own = await startOwnRedis(t);
  const live = { ...testTiming.live, extendLeaseEveryMs: 100, redisDownAfterMs: 500 };
  const { url, mara, clock, simulator, name } = await startLiveListener(t, {
    redisUrl: own.url,
    timing: { live },
  });
  const redis = new Redis(own.url);
  t.after(() => redis.disconnect());
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  await waitForTicks(simulator);

  await redis.config('SET', 'min-replicas-to-write', '1');
  await stream.waitFor(cardSays(/the site’s database isn’t responding/));

  await redis.config('SET', 'min-replicas-to-write', '0');
  simulator.plays('mara', { kind: 'track', index: 4, progressMs: 0 });
  clock.advance({ seconds: 60 });
  const healed = await stream.waitFor(({ data }) => data.title !== name && data.title !== undefined);
  assert.doesNotMatch(String(healed.data.html), /isn’t responding/);
});

test('a cooldown met in a process without subscribers reaches the tabs of other processes', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { url, mara, simulator, clock, name } = one;
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  await waitForTicks(simulator);
  simulator.rateLimit(3_600);
  clock.advance({ seconds: 3 });

  const page = await visit(`${other.url}/now-playing`, 'GET', mara.cookieHeader(), other.baseUrl);
  assert.match(page.text, cooldownNotice);

  const card = await stream.waitFor(cardSays(cooldownNotice));
  assert.equal(card.data.title, name);
});

test('after a short cooldown polling resumes, even if the player has been idle for long', async (t) => {
  const { url, mara, simulator, clock, name } = await startLiveListener(t);
  simulator.plays('mara', { kind: 'nothing' });
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  for (let hours = 0; hours < 4; hours += 1) {
    const polls = countApiCalls(simulator, playerPath);
    clock.advance({ hours: 1 });
    await until(() => countApiCalls(simulator, playerPath) > polls);
    await waitForTicks(simulator);
  }
  simulator.rateLimit(30);
  clock.advance({ seconds: 3 });
  await mara.get('/now-playing').expect(200);
  await stream.waitFor(cardSays(cooldownNotice));

  simulator.plays('mara', { kind: 'track', index: 4, progressMs: 0 });
  clock.advance({ seconds: 40 });
  const next = await stream.waitFor(({ data }) => data.playing === true && data.title !== name);
  assert.doesNotMatch(String(next.data.html), cooldownNotice);
});

// fault: track-should-be-over
test('a track that should be over isn’t shown as playing for longer than ten seconds', async (t) => {
  const { mara, simulator, clock, durationMs } = await startLiveListener(t);
  simulator.rateLimit(3_600);
  clock.advance({ seconds: 3 });
  await mara.get('/playlists?page=2').expect(503);
  const label = async () =>
    /<span id="live-(playing|overdue)"(?: data-after="\d+")?>([^<]*)/
      .exec((await mara.get('/now-playing').expect(200)).text)
      ?.slice(1);

  clock.advance({ seconds: durationMs / 1000 - 10 });
  assert.deepEqual(await label(), ['playing', 'Playing on ']);
  clock.advance({ seconds: 10 });
  assert.deepEqual(await label(), ['overdue', 'Last seen playing']);

  simulator.resetLimits();
  clock.advance({ hours: 1 });
  assert.deepEqual(await label(), ['playing', 'Playing on ']);
});

/** A listener with an open stream whose polls have become rare: most of the day's few calls are used. */
async function startWithRarePolls(t: TestContext) {
  const turntable = await startLiveListener(t, { env: { SPOTIFY_DAILY_CALLS: '8' } });
  const { url, mara, simulator, clock } = turntable;
  await refusedAfter(turntable, 9);
  simulator.plays('mara', { kind: 'episode' });
  const stream = await openStream(t, url, mara);
  for (let pages = 0; pages < 9; pages += 1) {
    clock.advance({ seconds: 2 });
    await mara.getJson('/now-playing').expect(200);
  }
  return { mara, simulator, clock, stream };
}

// fault: polls-are-rare
test('while polls are rare, the card says when the last one was, after each of them', async (t) => {
  const { mara, clock, stream } = await startWithRarePolls(t);
  const lastUpdated = ({ data }: Event) =>
    /Live updates are slower until .*Last updated <time datetime="([^"]+)"/.exec(String(data.html))?.[1];
  await stream.waitFor((event) => lastUpdated(event) !== undefined);
  const before = new Date(clock.now()).toISOString();

  clock.advance({ seconds: 2 });
  await mara.getJson('/now-playing').expect(200);

  await stream.waitFor((event) => (lastUpdated(event) ?? '') > before);
});

test('someone who presses a button sees its effect even while polls are throttled', async (t) => {
  const { mara, simulator, clock, stream } = await startWithRarePolls(t);
  await stream.waitFor(cardSays(/Live updates are slower/));
  simulator.settings.commandDelayMs = 1_200;

  const answer = await mara.post('/player/pause').type('form').send({ returnTo: '/now-playing' });
  clock.advance({ seconds: 1 });
  await mara.get(String(answer.headers.location)).expect(200);
  clock.advance({ seconds: 2 });

  await stream.waitFor(({ data }) => data.playing === false);
});

// fault: command-while-throttled
test('a command that a script sends is followed by a poll even while polls are throttled', async (t) => {
  const turntable = await startLiveListener(t, { env: { SPOTIFY_DAILY_CALLS: '8' } });
  const { url, mara, simulator, clock } = turntable;
  await refusedAfter(turntable, 9);
  simulator.plays('mara', { kind: 'episode' });
  const stream = await openStream(t, url, mara);
  for (let pages = 0; pages < 9; pages += 1) {
    clock.advance({ seconds: 2 });
    await mara.getJson('/now-playing').expect(200);
  }
  await stream.waitFor(cardSays(/Live updates are slower/));

  await mara.post('/player/pause').set('Accept', 'application/json').send({}).expect(204);
  clock.advance({ seconds: 2 });

  await stream.waitFor(({ data }) => data.playing === false);
});

test('adding to the queue causes no poll: it isn’t shown on the card', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  const uri = `spotify:track:${'1'.repeat(22)}`;
  simulator.fault({ on: /\/queue$/, answer: { status: 204, body: '' } });
  simulator.forgetCalls();

  await mara.post('/player/queue').set('Accept', 'application/json').send({ uri }).expect(204);
  clock.advance({ seconds: 3 });
  await waitForTicks(simulator);

  assert.deepEqual(apiRequests(simulator), ['POST /me/player/queue']);
});

// fault: command-response-lost
test('if only the response to a command was lost, its effect is shown', async (t) => {
  const { url, mara, simulator, clock } = await startLiveListener(t);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);
  simulator.fault({ on: /\/pause$/, how: 'reset-after' });

  await mara.post('/player/pause').set('Accept', 'application/json').send({}).expect(502);
  clock.advance({ seconds: 3 });

  await stream.waitFor(({ data }) => data.playing === false);
});

// fault: stream-without-recent-tracks
test('a stream continues without recently played tracks if Redis fails to return them', async (t) => {
  const redis = await startRedisProxy(t);
  const { url, mara, simulator, clock } = await startLiveListener(t, { redisUrl: redis.url });
  redis.fail({ how: 'refused', nth: 1, andLater: true, what: command('get', 'recently-played:') });
  const stream = await openStream(t, url, mara);
  await stream.waitFor(isCard);

  simulator.plays('mara', { kind: 'nothing' });
  clock.advance({ minutes: 1 });

  await stream.waitFor(({ data }) => /Nothing is playing/.test(String(data.html)));
});
