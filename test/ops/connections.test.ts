import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connectionLimits } from '../../src/ops/connections.ts';
import { serve } from '../../src/ops/serve.ts';
import type { ConnectOptions } from '../support/connect-many.ts';
import { until } from '../support/fleet.ts';
import { createRawClient, getRequest } from '../support/raw-client.ts';

/** More than all buffers between server and client hold. */
const large = Buffer.alloc(30_000_000, 'x');

// fault: pipelined-requests-in-order
test('pipelined requests are handled one after the other, and answered in order', async (t) => {
  let inFlight = 0;
  let max = 0;
  const { client } = await serving(t, async (req, res) => {
    inFlight += 1;
    max = Math.max(max, inFlight);
    await sleep(req.url === '/1' ? 50 : 1);
    inFlight -= 1;
    res.end(`<${req.url}>`);
  });
  const pipelining = client();
  pipelining.send([1, 2, 3, 4].map((path) => getRequest(`/${path}`)).join(''));

  await pipelining.waitForResponses(4);
  assert.deepEqual(pipelining.received().match(/<\/\d>/g), ['</1>', '</2>', '</3>', '</4>']);
  assert.equal(max, 1);
});

// fault: too-many-pipelined-requests
test('a client that pipelines too many requests is disconnected, and only its first is handled', async (t) => {
  let handled = 0;
  const { client } = await serving(t, () => {
    handled += 1;
  });
  const pipelining = client();
  pipelining.send(getRequest('/').repeat(1_000));

  await pipelining.waitForClose();
  assert.equal(handled, 1);
});

// fault: client-reads-nothing
test('a client that doesn’t read its response is disconnected, and others are served in the meantime', async (t) => {
  let cut = false;
  const { client } = await serving(
    t,
    (req, res) => {
      if (req.url === '/large') res.once('close', () => (cut = !res.writableFinished));
      res.end(req.url === '/large' ? large : 'hello');
    },
    { stalledMs: 300 },
  );
  const stalled = client();
  stalled.socket.pause();
  stalled.get('/large');

  await until(async () => {
    const other = client();
    other.get('/');
    await other.waitForResponses(1);
    assert.deepEqual(other.statuses(), [200]);
    other.socket.destroy();
    return cut;
  });
});

// fault: client-reads-slowly
test('a client that reads its response too slowly is disconnected', async (t) => {
  const ends: string[] = [];
  const { client } = await serving(
    t,
    (_req, res) => {
      res.once('close', () => ends.push(res.writableFinished ? 'whole' : 'cut'));
      res.end(large);
    },
    { readMs: 300 },
  );

  // On a busy machine the slowness may not be the client's, and it may get everything: then another client tries.
  while (!ends.includes('cut')) {
    const [slow, before] = [client(), ends.length];
    slow.get('/');
    while (ends.length === before) {
      slow.socket.pause();
      await sleep(100);
      slow.socket.resume();
      await sleep(1);
    }
    assert.ok(slow.received().length > 0);
  }
});

// fault: client-waits-for-slow-response
test('a client that waits for a slow response, and reads it at once, is not disconnected', async (t) => {
  const { client } = await serving(
    t,
    async (_req, res) => {
      await sleep(700);
      res.end('hello');
    },
    { stalledMs: 200, readMs: 200 },
  );
  const patient = client();
  patient.get('/');

  await patient.waitForResponses(1);
  assert.match(patient.received(), /hello/);
});

const slowSenders: [what: string, begun: string, limits: Partial<typeof connectionLimits>][] = [
  ['nothing at all', '', { headersMs: 300 }],
  ['slow headers', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n', { headersMs: 300 }],
  [
    'a slow body',
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nabc',
    { headersMs: 300, requestMs: 300 },
  ],
];

for (const [what, begun, limits] of slowSenders) {
  // fault: client-sends-slowly
  test(`a client that sends ${what} is disconnected when its time limit is reached`, async (t) => {
    const app: RequestListener = (req, res) => void req.resume().once('end', () => res.end());
    const { client } = await serving(t, app, { ...limits, checkEveryMs: 50 });
    const began = performance.now();
    const slow = client();
    if (begun) slow.send(begun);

    await slow.waitForClose();
    const took = performance.now() - began;
    assert.ok(took >= 250 && took < 10_000, `${Math.round(took)} ms`);
    if (begun) assert.deepEqual(slow.statuses(), [408]);
  });
}

// fault: idle-connection-reused
test('a connection that was idle for longer than headers may take is used again', async (t) => {
  const { client } = await serving(t, (_req, res) => void res.end('hello'), {
    keepAliveMs: 60_000,
    headersMs: 200,
    requestMs: 200,
    checkEveryMs: 50,
  });
  const idle = client();
  idle.get('/');
  await idle.waitForResponses(1);
  await sleep(700);

  idle.get('/');
  await idle.waitForResponses(2);
  assert.deepEqual(idle.statuses(), [200, 200]);
});

// fault: keep-alive-longer-than-proxies
test('idle connections stay open for longer than proxies keep theirs', async (t) => {
  const { client } = await serving(t, (_req, res) => void res.end('hello'));
  const proxy = client();
  proxy.get('/');
  await proxy.waitForResponses(1);

  const [, seconds] = /Keep-Alive: timeout=(\d+)/.exec(proxy.received()) ?? [];
  assert.ok(Number(seconds) > 60, `${seconds} s`);
});

test('an idle connection is closed at its time limit', async (t) => {
  const { client } = await serving(t, (_req, res) => void res.end('hello'), { keepAliveMs: 100 });
  const idle = client();
  idle.get('/');

  await idle.waitForClose();
  assert.deepEqual(idle.statuses(), [200]);
});

// fault: last-response-of-connection
test('the last response allowed on a connection announces that it will be closed', async (t) => {
  const { client } = await serving(t, (_req, res) => void res.end('hello'), { maxRequestsPerConnection: 2 });
  const one = client();
  one.get('/');
  await one.waitForResponses(1);
  assert.match(one.received(), /Connection: keep-alive/);
  one.get('/');

  await one.waitForResponses(2);
  assert.deepEqual(one.statuses(), [200, 200]);
  assert.match(one.received(), /Connection: close/);
});

// fault: too-many-connections
test('when there are too many connections, a new one gets a 503 without its request, and idle ones make room for the next', async (t) => {
  let handled = 0;
  const { client, shed } = await serving(
    t,
    (req, res) => {
      handled += 1;
      if (req.url !== '/hold') res.end('hello');
    },
    { maxConnections: 2 },
  );
  const [idle, busy] = [client(), client()];
  for (const one of [idle, busy]) one.get('/');
  for (const one of [idle, busy]) await one.waitForResponses(1);
  busy.get('/hold');
  await until(() => handled === 3);
  const refused = client();

  await refused.waitForClose();
  assert.deepEqual(refused.statuses(), [503]);
  assert.match(refused.received(), /Retry-After: \d/);
  assert.match(refused.received(), /Busy, try again in a moment/);
  await idle.waitForClose();
  assert.equal(busy.isClosed(), false);

  const next = client();
  next.get('/hold');
  await until(() => handled === 4);
  const insistent = client();
  insistent.send(getRequest('/').repeat(3));
  await insistent.waitForClose();
  assert.deepEqual(insistent.statuses(), [503]);
  assert.equal(handled, 4);
  assert.equal(shed(), 2);
});

// fault: burst-of-connections
test('a burst of connections waits for a busy server, and is not dropped by the system', {
  skip: maxWaiting() < 1_000 && 'this system lets fewer connections wait',
}, async (t) => {
  const { port } = await serving(t, (_req, res) => void res.end('hello'));
  const connected = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ConnectOptions = { port, count: 900, connected };
  const worker = new Worker(join(import.meta.dirname, '../support/connect-many.ts'), { workerData });
  t.after(() => worker.terminate());
  await once(worker, 'online');

  // Nothing is accepted while this thread is blocked.
  const deadline = performance.now() + 10_000;
  while (Atomics.load(connected, 0) < 900 && performance.now() < deadline) Atomics.wait(connected, 0, 0, 50);
  assert.equal(Atomics.load(connected, 0), 900);
});

/** How many connections may wait to be accepted, according to Linux. */
function maxWaiting(): number {
  const file = '/proc/sys/net/core/somaxconn';
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

/** A server with these limits besides the usual ones, and clients of it. */
async function serving(t: TestContext, app: RequestListener, limits: Partial<typeof connectionLimits> = {}) {
  const at = { host: '127.0.0.1', port: 0 };
  let shed = 0;
  const onShed = () => {
    shed += 1;
  };
  const { port, close } = await serve(app, at, { limits: { ...connectionLimits, ...limits }, onShed });
  t.after(() => close(0));
  return { port, client: () => createRawClient(t, port), shed: () => shed };
}
