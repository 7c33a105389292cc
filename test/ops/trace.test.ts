import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTrace } from '../../src/ops/trace.ts';
import { allowAll } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';

// fault: trace-lost
test('a request in a trace is logged with its ids, and its calls to Spotify belong to the trace', async (t) => {
  const { browser, simulator, logged, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  assert.ok(simulator.calls.every((call) => call.traceparent === undefined));
  clock.advance({ hours: 2 });
  simulator.forgetCalls();
  logged.length = 0;

  const header = `00-${traceId}-${parentId}-01`;
  await mara.get('/playlists').set('traceparent', header).expect(200);
  await mara.post('/player/pause').type('form').send({}).set('traceparent', header).expect(303);
  await mara.get('/library').expect(200);

  const requests = logged.map((line) => JSON.parse(line)).filter(({ message }) => message === 'Request');
  const [first, second, third] = requests;
  assert.deepEqual([first.traceId, second.traceId, third.traceId], [traceId, traceId, undefined]);
  for (const { spanId } of [first, second]) assert.match(spanId, /^[\da-f]{16}$/);
  assert.equal(new Set([parentId, first.spanId, second.spanId]).size, 3, 'each request has its own id');

  const sent = (path: string) => simulator.calls.find((call) => call.path === path)?.traceparent;
  assert.equal(sent('/api/token'), `00-${traceId}-${first.spanId}-01`, 'the refresh as well');
  assert.equal(sent('/v1/me/playlists'), `00-${traceId}-${first.spanId}-01`);
  assert.equal(sent('/v1/me/player/pause'), `00-${traceId}-${second.spanId}-01`);
  assert.equal(sent('/v1/me/tracks'), undefined);
});

test('a header that is no traceparent is ignored', async (t) => {
  const { browser, logged } = await startTurntable(t);
  for (const header of [
    '',
    'nonsense',
    `00-${traceId}-${parentId}`,
    `00-${traceId}-${parentId}-01-more`,
    `00-${traceId.toUpperCase()}-${parentId}-01`,
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-${parentId}-01`,
    `01-${traceId}-${parentId}-01more`,
    `00-${traceId}-${parentId}-01, 00-${traceId}-${parentId}-01`,
  ]) {
    assert.equal(readTrace(header), null, header);
    await browser().get('/privacy').set('traceparent', header).expect(200);
  }
  assert.doesNotMatch(logged.join(''), /traceId|spanId/);

  // A later version may have more parts and flags.
  const { spanId, ...later } = readTrace(`01-${traceId}-${parentId}-03-more`) ?? {};
  assert.match(spanId ?? '', /^[\da-f]{16}$/);
  assert.deepEqual(later, { traceId, isSampled: true });
  assert.equal(readTrace(`00-${traceId}-${parentId}-02`)?.isSampled, false);
});
