import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../support/event-stream.ts';
import { createFleet, type Server, until } from '../support/fleet.ts';
import { playerPath } from '../support/live-listener.ts';
import { testTiming } from '../support/timing.ts';
import { countApiCalls } from '../support/turntable.ts';

const named =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.title === name;
const isAnother =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.title !== name;

// fault: polling-process-dies
test('if the process that polls dies, another takes over within seconds', async (t) => {
  const live = { ...testTiming.live, leaseMs: 3_000, extendLeaseEveryMs: 1_000 };
  const fleet = await createFleet(t, { ticking: true, timing: { ...testTiming, live } });
  const servers = (await fleet.startMany(2)) as [Server, Server];
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = servers[0].browser();
  await mara.signIn();
  const { body } = await mara.getJson('/now-playing');
  await openStream(t, servers[0].url, mara);
  await until(async () => (await fleet.keys()).some((key) => key.startsWith('lease:')));
  const survivor = await openStream(t, servers[1].url, mara);
  await survivor.waitFor(named(body.item.name));
  fleet.simulator.forgetCalls();

  await servers[0].kill();
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: body.item.durationMs - 100 });
  await fleet.advance({ seconds: 60 });

  await survivor.waitFor(isAnother(body.item.name));
  assert.ok(countApiCalls(fleet.simulator, playerPath) <= 3);
});
