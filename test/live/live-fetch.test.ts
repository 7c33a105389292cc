import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { playerPath, startLiveListener, waitForTicks } from '../support/live-listener.ts';
import { type Browser, countApiCalls, startTurntable } from '../support/turntable.ts';

/** The card and its data, as a page fetches them if its streams are buffered. */
const fetchCard = async (person: Browser, query = '') =>
  (await person.getJson(`/now-playing/card${query}`).expect(200)).body;

async function fetchUntil(
  person: Browser,
  isExpected: (card: Awaited<ReturnType<typeof fetchCard>>) => boolean,
) {
  let card = await fetchCard(person);
  while (!isExpected(card)) card = await fetchCard(person);
  return card;
}

// fault: page-fetches-card
test('a page that fetches the card learns when to fetch again, and then finds the next track after one poll', async (t) => {
  const { mara, name, durationMs, clock, simulator } = await startLiveListener(t);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: durationMs - 20_000 });
  clock.advance({ seconds: 2 });
  await mara.get('/now-playing').expect(200);
  simulator.forgetCalls();

  // By then the process has acquired the lease and planned the next poll.
  const first = await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  assert.equal(first.title, name);
  assert.equal(first.playing, true);
  assert.equal(first.progressMs, durationMs - 18_000);
  assert.match(first.html, /<h1>/);
  assert.ok(first.nextMs < 25_000, `told to fetch again in ${first.nextMs} ms`);

  clock.advance({ seconds: 16 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);
  clock.advance({ seconds: first.nextMs / 1000 - 16 });
  await until(() => countApiCalls(simulator, playerPath) === 1);
  const next = await fetchUntil(mara, ({ title }) => title !== name);
  assert.ok(next.html.includes(next.title));
  assert.equal(countApiCalls(simulator, playerPath), 1, 'as many as with a stream');
});

test('a card that is on the page already comes with its progress and without HTML', async (t) => {
  const { mara, clock, simulator } = await startLiveListener(t);
  const page = await mara.get('/now-playing').expect(200);
  const version = /data-version="([^"]+)"/.exec(page.text)?.[1];

  const first = await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  assert.equal(first.version, version, 'the version that the page has');
  assert.ok(first.nextMs <= 60_000, 'what pages and buttons change appears within a minute');
  clock.advance({ seconds: first.nextMs / 1000 });
  await until(() => countApiCalls(simulator, playerPath) === 1);
  await waitForTicks(simulator);
  const second = await fetchCard(mara, `?version=${version}`);

  assert.equal(second.html, null);
  assert.equal(second.progressMs, first.nextMs);
});

test('a page that fetches and one that streams share the same polls, even on two servers', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { mara, clock, simulator, name } = one;
  const stream = await openStream(t, other.url, mara);
  await stream.waitFor(({ event }) => event === 'card');
  await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);

  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  clock.advance({ seconds: 58 });

  await stream.waitFor(({ data }) => data.title !== undefined && data.title !== name);
  await fetchUntil(mara, ({ title }) => title !== name);
  assert.equal(countApiCalls(simulator, playerPath), 1);
});

// fault: fetching-page-closed
test('a page that has stopped fetching causes no more polls', async (t) => {
  const { mara, clock, simulator, keys } = await startLiveListener(t);
  const { nextMs } = await fetchUntil(mara, (card) => card.nextMs > 10_000);
  await until(async () => (await keys()).some((key) => key.startsWith('lease:')));

  clock.advance({ seconds: nextMs / 1000 + 15 });
  await until(async () => !(await keys()).some((key) => key.startsWith('lease:')));

  // A poll that was due may still be in flight.
  await waitForTicks(simulator);
  const polls = countApiCalls(simulator, playerPath);
  assert.ok(polls <= 1, 'the one that was due');
  clock.advance({ minutes: 30 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), polls);
});

test('returning to a page that fetches causes a poll at once', async (t) => {
  const { mara, clock, simulator, name } = await startLiveListener(t);
  await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  clock.advance({ seconds: 10 });

  const { nextMs } = await fetchCard(mara, '?poll=now');
  assert.ok(nextMs < 5_000, `told to fetch again in ${nextMs} ms`);
  await fetchUntil(mara, ({ title }) => title !== name);
});

test('after signing out the page gets a 401, and nothing is polled', async (t) => {
  const { mara, clock, simulator, keys } = await startLiveListener(t);
  await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  await mara.post('/logout').expect(303);

  await mara.getJson('/now-playing/card').expect(401);
  await until(async () => !(await keys()).some((key) => key.startsWith('lease:')));
  simulator.forgetCalls();
  clock.advance({ minutes: 5 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);
});

test('a tab of an earlier sign-in is refused, and so is a sign-in without the scope', async (t) => {
  const { mara, browser, simulator } = await startLiveListener(t);
  await mara.getJson('/now-playing/card?signIn=another').expect(403);

  simulator.settings.grantedScope = 'playlist-read-private';
  const limited = browser();
  await limited.signIn();
  await limited.getJson('/now-playing/card').expect(403);
});
