import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keys } from '../../src/redis/keys.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { playerPath, startLiveListener, waitForTicks } from '../support/live-listener.ts';
import { connectAsServer } from '../support/redis.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

/*
 * Pages that have only the bar: they get updates when tracks end.
 */
test('a bar gets an update when a track ends, by one call, and none before', async (t) => {
  const { url, mara, simulator, clock, name, durationMs } = await startLiveListener(t);
  const stream = await openStream(t, url, mara, '?for=bar');
  await stream.waitFor(({ data }) => data.title === name);

  clock.advance({ seconds: durationMs / 1000 - 5 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);

  clock.advance({ seconds: 10 });
  const { data } = await stream.waitFor(({ data }) => data.title !== name);
  assert.equal(countApiCalls(simulator, playerPath), 1);
  assert.equal(data.html, null, 'it renders no card');
  assert.equal(typeof data.cover, 'string');
});

test('while another process has a page that shows everything, tracks are polled in the middle as well', async (t) => {
  const one = await startLiveListener(t);
  const { simulator, clock, url, mara, name } = one;
  await openStream(t, url, mara, '?for=bar');
  await until(async () => (await one.keys()).some((key) => key.startsWith('lease:')));
  const other = await startTurntable(t, { sharedWith: one });
  const full = await openStream(t, other.url, mara);
  await until(async () => (await one.keys()).some((key) => key.startsWith('watched:')));
  await waitForTicks(simulator);
  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });

  clock.advance({ seconds: 60 });
  await full.waitFor(({ data }) => data.title !== name);

  assert.equal(countApiCalls(simulator, playerPath), 1);
});

test('a mark of another process that never expires doesn’t bring polls in the middle', async (t) => {
  const { url, mara, simulator, clock, redisUrl, ...turntable } = await startLiveListener(t);
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  const observed = (await turntable.keys()).find((key) => key.startsWith('now-playing:'));
  const [, accountId = ''] = /\{(.+)\}/.exec(observed ?? '') ?? [];
  await redis.set(keys.fullInterest(accountId), '1');
  await openStream(t, url, mara, '?for=bar');
  clock.advance({ seconds: 60 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);
});

test('someone who presses a button of the bar sees its effect', async (t) => {
  const { url, mara, clock, name } = await startLiveListener(t);
  const stream = await openStream(t, url, mara, '?for=bar');
  await stream.waitFor(
    ({ data }) => data.title === name && data.playing === true && data.takesCommands === true,
  );

  await mara.post('/player/pause').set('Accept', 'application/json').expect(204);
  clock.advance({ seconds: 3 });

  await stream.waitFor(({ data }) => data.playing === false);
});

test('while Spotify allows no skipping, the bar learns it', async (t) => {
  const { mara, simulator, clock } = await startLiveListener(t);
  const canSkip = async () => {
    clock.advance({ seconds: 2 });
    await mara.get('/now-playing').expect(200);
    return (await mara.getJson('/now-playing/card?for=bar').expect(200)).body.canSkip;
  };
  assert.equal(await canSkip(), true);
  simulator.plays('mara', { kind: 'ad' });
  assert.equal(await canSkip(), false);
});

test('every page but now playing has a bar, except for those who may not see the player', async (t) => {
  const { mara, browser, simulator } = await startLiveListener(t);
  const hasBar = async (person: typeof mara, path: string) =>
    (await person.get(path).expect(200)).text.includes('id="bar"');
  assert.equal(await hasBar(mara, '/playlists'), true);
  assert.equal(await hasBar(mara, '/search?q=a'), true);
  assert.equal(await hasBar(mara, '/now-playing'), false);

  simulator.settings.grantedScope = 'playlist-read-private';
  const limited = browser();
  await limited.signIn();
  assert.equal(await hasBar(limited, '/account'), false);
  assert.equal(await hasBar(browser(), '/search?q=a'), false);
});

test('a page that fetches for a bar gets no card, and is polled for at ends of tracks only', async (t) => {
  const { mara, simulator, clock } = await startLiveListener(t);
  const { body } = await mara.getJson('/now-playing/card?for=bar').expect(200);
  assert.equal(body.html, null);
  assert.equal(typeof body.title, 'string');
  clock.advance({ seconds: 10 });
  await mara.getJson('/now-playing/card?for=bar').expect(200);
  clock.advance({ seconds: 55 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);
});
