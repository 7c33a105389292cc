import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from '../support/events.ts';
import { createFleet, type Server, until } from '../support/fleet.ts';
import { player } from '../support/listening.ts';
import { testTiming } from '../support/timing.ts';
import { apiCalls } from '../support/turntable.ts';

const named =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.what === name;
const isAnother =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.what !== name;

// fault: process-dies-looks-replaced
test('a process that dies while it looks is replaced within seconds', async (t) => {
  const live = { ...testTiming.live, leaseMs: 3_000, leaseEveryMs: 1_000 };
  const fleet = await createFleet(t, { ticking: true, timing: { ...testTiming, live } });
  const servers = (await fleet.startMany(2)) as [Server, Server];
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = servers[0].browser();
  await mara.signIn();
  const { body } = await mara.getJson('/now-playing');
  await listen(t, servers[0].url, mara);
  await until(async () => (await fleet.keys()).some((key) => key.startsWith('lease:')));
  const survivor = await listen(t, servers[1].url, mara);
  await survivor.until(named(body.item.name));
  fleet.simulator.forgetCalls();

  await servers[0].kill();
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: body.item.durationMs - 100 });
  await fleet.advance({ seconds: 60 });

  await survivor.until(isAnother(body.item.name));
  assert.ok(apiCalls(fleet.simulator, player) <= 3);
});
