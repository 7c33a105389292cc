import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { createLoadMonitor, createOverloadGate, overloadLimits } from '../../src/ops/overload.ts';
import { serve } from '../../src/ops/serve.ts';
import { version } from '../../src/settings/version.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { allowAll } from '../support/pages.ts';
import { createRawClient, getRequest } from '../support/raw-client.ts';
import { startTurntable } from '../support/turntable.ts';

const twoRequests = { ...overloadLimits, maxRequests: 2 };

// fault: requests-beyond-limit
test('requests beyond the limit get a 503 at once, static files included, while the others are served and health checks answer', async (t) => {
  const { browser, simulator, url, logged } = await startTurntable(t, { requestLimits: twoRequests });
  const mara = browser();
  await mara.signIn();
  const spotify = Promise.withResolvers<void>();
  simulator.fault({ on: 'api', times: 10, until: () => spotify.promise });
  const waiting = [mara.get('/playlists').then(String), mara.get('/library').then(String)];
  await until(async () => (await mara.get('/privacy')).status === 503);
  logged.length = 0;

  for (const path of ['/', '/app.css', '/privacy', '/no-such-page', '/now-playing/events']) {
    const answer = await mara.get(path).expect(503);
    assert.match(answer.headers['retry-after'] ?? '', /^[2-5]$/, path);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(answer.text, /<h1>Busy, try again in a moment<\/h1>/);
    assert.equal(answer.headers['set-cookie'], undefined);
  }
  const { body, headers } = await mara.getJson('/playlists').expect(503);
  assert.match(headers['content-type'] ?? '', /^application\/problem\+json/);
  assert.equal(body.reason, 'overloaded');
  assert.equal(body.status, 503);
  await mara.post('/logout').expect(503);
  for (const [path, text] of [
    ['/healthz', `alive ${version}\n`],
    ['/readyz', 'ready\n'],
  ] as const)
    assert.equal(await fetch(url + path).then((answer) => answer.text()), text);
  assert.doesNotMatch(logged.join(''), /"path":"\/(app.css|logout)"/, 'no line for each of them');

  spotify.resolve();
  await Promise.all(waiting);
  await mara.get('/playlists').expect(200);
  await mara.get('/app.css').expect(200);
});

// fault: overload-logged-once
test('the log reports an overload once, and not each request', async (t) => {
  const { browser, simulator, logged } = await startTurntable(t, { requestLimits: twoRequests });
  const mara = browser();
  await mara.signIn();
  const spotify = Promise.withResolvers<void>();
  simulator.fault({ on: 'api', times: 10, until: () => spotify.promise });
  const waiting = [mara.get('/playlists').then(String), mara.get('/library').then(String)];
  await until(async () => (await mara.get('/privacy')).status === 503);
  for (let more = 0; more < 20; more += 1) await mara.get('/').expect(503);

  const told = logged.filter((line) => line.includes('Overloaded'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /"refused":1,"inFlight":2/);
  spotify.resolve();
  await Promise.all(waiting);
});

// fault: streams-are-not-load
test('open streams do not count as requests in progress', async (t) => {
  const { browser, url } = await startTurntable(t, { requestLimits: twoRequests });
  const mara = browser();
  await mara.signIn();

  for (let stream = 0; stream < 4; stream += 1) assert.equal((await openStream(t, url, mara)).status, 200);
  await mara.get('/account').expect(200);
});

// fault: bodies-held-back
test('clients that hold back the bodies of their requests keep no one from being served, and are cut off if there are many', async (t) => {
  const limits = { ...overloadLimits, maxRequests: 2, maxArriving: 5 };
  const { browser, url } = await startTurntable(t, { requestLimits: limits });
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const began =
    'POST /player/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\na';
  const slow = Array.from({ length: 8 }, () => createRawClient(t, Number(new URL(url).port)));
  for (const one of slow) one.send(began.replace('127.0.0.1', new URL(url).host));

  await until(async () => slow.filter((one) => one.isClosed()).length === 3);
  await mara.get('/playlists').expect(200);
  await mara.post('/player/pause').expect(303);
  const { status } = await fetch(`${url}/playlists`, {
    method: 'POST',
    body: 'x'.repeat(10),
    redirect: 'manual',
  });
  assert.notEqual(status, 503);

  slow.at(-1)?.send('=12345678');
  await slow.at(-1)?.waitForResponses(1);
  assert.deepEqual(slow.at(-1)?.statuses(), [401]);
});

// fault: late-event-loop-refusals
test('a late event loop refuses no one while few requests are in progress, and then as many as were answered within a second are admitted', async (t) => {
  const load = { isLate: () => true, answersPerSecond: () => 0, countAnswer: () => undefined };
  const { port, held, release } = await gated(t, { ...overloadLimits, minRequests: 3, maxRequests: 6 }, load);
  const client = () => createRawClient(t, port);
  const hold = (count: number) => Array.from({ length: count }, client).map((one) => one.get('/hold'));

  hold(3);
  await until(() => held() === 3);
  const refused = client();
  refused.get('/hold');
  await refused.waitForResponses(1);
  assert.deepEqual(refused.statuses(), [503]);

  load.answersPerSecond = () => 5;
  hold(2);
  await until(() => held() === 5);
  refused.get('/hold');
  await refused.waitForResponses(2);
  assert.deepEqual(refused.statuses(), [503, 503]);

  // However many are answered: the limit bounds memory.
  load.answersPerSecond = () => 1_000;
  hold(1);
  await until(() => held() === 6);
  refused.get('/hold');
  await refused.waitForResponses(3);
  assert.deepEqual(refused.statuses(), [503, 503, 503]);

  release();
  await until(() => held() === 0);
  refused.get('/');
  await refused.waitForResponses(4);
  assert.equal(refused.statuses().at(-1), 200);
});

// fault: requests-of-gone-clients
test('while the event loop is late, requests of disconnected clients are not handled', async (t) => {
  const load = { isLate: () => true, answersPerSecond: () => 0, countAnswer: () => undefined };
  const { port, held } = await gated(t, overloadLimits, load);
  const gone = Array.from({ length: 20 }, () => createRawClient(t, port));
  for (const { socket } of gone) socket.end(getRequest('/hold'));
  await Promise.all(gone.map((client) => client.waitForClose()));

  const present = createRawClient(t, port);
  present.get('/hold');
  await until(() => held() > 0);
  assert.equal(held(), 1);
});

// fault: late-event-loop-detected
test('the event loop counts as late while something blocks it and for a second afterward', async () => {
  const load = createLoadMonitor();
  await until(() => !load.isLate());

  block(150);
  assert.equal(load.isLate(), true, 'before any timer has fired');
  const blockedAt = performance.now();
  await until(() => !load.isLate());
  assert.ok(performance.now() - blockedAt >= 900);
});

test('the answers of the last second are counted', async () => {
  const load = createLoadMonitor();
  for (let answer = 0; answer < 100; answer += 1) load.countAnswer();
  await until(() => load.answersPerSecond() > 0);
  // On a machine that is busy with something else, that second may take longer.
  assert.ok(load.answersPerSecond() <= 100);
  await until(() => load.answersPerSecond() === 0);
});

// fault: sent-response-is-done
test('a response that is handed over is no longer in progress, however slowly its client reads it', async (t) => {
  const { port } = await gated(t, { ...overloadLimits, maxRequests: 1 });
  const slow = createRawClient(t, port);
  slow.get('/large');
  await slow.waitForResponses(1);
  slow.socket.pause();

  const other = createRawClient(t, port);
  other.get('/');
  await other.waitForResponses(1);
  assert.deepEqual(other.statuses(), [200]);
});

// fault: client-retries-at-once
test('a client that keeps retrying immediately after refusals has its later responses delayed', async (t) => {
  const limits = { ...overloadLimits, maxRequests: 0, maxShedPerSecond: 0, pauseMs: 300 };
  const { port } = await gated(t, limits);
  const client = createRawClient(t, port);

  const startedAt = performance.now();
  client.get('/');
  await client.waitForResponses(1);
  client.get('/');
  await client.waitForResponses(2);
  assert.ok(performance.now() - startedAt >= 290);
  assert.deepEqual(client.statuses(), [503, 503]);
});

/** A server behind the gate whose `/hold` answers when it is released, and whose `/large` takes a while to read. */
async function gated(t: TestContext, limits: typeof overloadLimits, load = createLoadMonitor()) {
  let waiting: (() => void)[] = [];
  const app = express();
  app.use(
    createOverloadGate({
      exempt: [],
      openStreams: () => 0,
      onOverload: () => undefined,
      onShed: () => undefined,
      limits,
      load,
    }),
  );
  app.get('/hold', (_req, res) => void waiting.push(() => res.end('held')));
  app.get('/large', (_req, res) => void res.end(Buffer.alloc(30_000_000)));
  app.use((_req, res) => void res.end('hello'));
  const { port, close } = await serve(app, { host: '127.0.0.1', port: 0 });
  t.after(() => close(0));
  return {
    port,
    held: () => waiting.length,
    release() {
      for (const answer of waiting) answer();
      waiting = [];
    },
  };
}

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
