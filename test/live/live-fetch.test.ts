import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { playerPath, startLiveListener, waitForTicks } from '../support/live-listener.ts';
import { type Browser, countApiCalls, startTurntable } from '../support/turntable.ts';

/** What a page is told whose streams something on the way holds back. */
const fetchCard = async (person: Browser, query = '') =>
  (await person.getJson(`/now-playing/card${query}`).expect(200)).body;

/** The card fetched again and again until it is as expected. */
async function fetchUntil(
  person: Browser,
  isExpected: (card: Awaited<ReturnType<typeof fetchCard>>) => boolean,
) {
  let card = await fetchCard(person);
  while (!isExpected(card)) card = await fetchCard(person);
  return card;
}

// fault: page-fetches-card-told
test('a page that fetches the card is told when to come again, and then finds the next track, after one poll', async (t) => {
  const { mara, name, durationMs, clock, simulator } = await startLiveListener(t);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: durationMs - 20_000 });
  clock.advance({ seconds: 2 });
  await mara.get('/now-playing').expect(200);
  simulator.forgetCalls();

  // By then the process has taken the lease, and knows when to poll.
  const first = await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  assert.equal(first.what, name);
  assert.equal(first.playing, true);
  assert.equal(first.progressMs, durationMs - 18_000);
  assert.match(first.html, /<h1>/);
  assert.ok(first.nextMs < 25_000, `told to come in ${first.nextMs} ms`);

  clock.advance({ seconds: 16 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), 0);
  clock.advance({ seconds: first.nextMs / 1000 - 16 });
  await until(() => countApiCalls(simulator, playerPath) === 1);
  const next = await fetchUntil(mara, ({ what }) => what !== name);
  assert.ok(next.html.includes(next.what));
  assert.equal(countApiCalls(simulator, playerPath), 1, 'as many as a stream costs');
});

test('a card that is shown already comes without its HTML, and with how far it is', async (t) => {
  const { mara, clock, simulator } = await startLiveListener(t);
  const page = await mara.get('/now-playing').expect(200);
  const version = /data-version="([^"]+)"/.exec(page.text)?.[1];

  const first = await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  assert.equal(first.version, version, 'the page says which one it shows');
  assert.ok(first.nextMs <= 60_000, 'what others change is not seen much later');
  clock.advance({ seconds: first.nextMs / 1000 });
  await until(() => countApiCalls(simulator, playerPath) === 1);
  await waitForTicks(simulator);
  const second = await fetchCard(mara, `?version=${version}`);

  assert.equal(second.html, null);
  assert.equal(second.progressMs, first.nextMs);
});

test('a page that fetches and one that streams, on two servers, are served by the same polls', async (t) => {
  const one = await startLiveListener(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { mara, clock, simulator, name } = one;
  const stream = await openStream(t, other.url, mara);
  await stream.waitFor(({ event }) => event === 'card');
  await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);

  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  clock.advance({ seconds: 58 });

  await stream.waitFor(({ data }) => data.what !== undefined && data.what !== name);
  await fetchUntil(mara, ({ what }) => what !== name);
  assert.equal(countApiCalls(simulator, playerPath), 1);
});

// fault: page-stopped-asking-costs
test('a page that has stopped asking costs no more polls', async (t) => {
  const { mara, clock, simulator, keys } = await startLiveListener(t);
  const { nextMs } = await fetchUntil(mara, (card) => card.nextMs > 10_000);
  await until(async () => (await keys()).some((key) => key.startsWith('lease:')));

  clock.advance({ seconds: nextMs / 1000 + 15 });
  await until(async () => !(await keys()).some((key) => key.startsWith('lease:')));

  // A poll that was due may be under way still.
  await waitForTicks(simulator);
  const polls = countApiCalls(simulator, playerPath);
  assert.ok(polls <= 1, 'the one that was due');
  clock.advance({ minutes: 30 });
  await waitForTicks(simulator);
  assert.equal(countApiCalls(simulator, playerPath), polls);
});

test('someone who comes back to a page that fetches has the player asked at once', async (t) => {
  const { mara, clock, simulator, name } = await startLiveListener(t);
  await fetchUntil(mara, ({ nextMs }) => nextMs > 10_000);
  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  clock.advance({ seconds: 10 });

  const { nextMs } = await fetchCard(mara, '?look=now');
  assert.ok(nextMs < 5_000, `told to come in ${nextMs} ms`);
  await fetchUntil(mara, ({ what }) => what !== name);
});

test('signing out ends it: the page is told, and nothing is polled any more', async (t) => {
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

test('a window of an earlier sign-in is refused, and so is a sign-in that may not see the player', async (t) => {
  const { mara, browser, simulator } = await startLiveListener(t);
  await mara.getJson('/now-playing/card?who=somebody').expect(403);

  simulator.settings.grantedScope = 'playlist-read-private';
  const less = browser();
  await less.signIn();
  await less.getJson('/now-playing/card').expect(403);
});
