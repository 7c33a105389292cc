import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from '../support/events.ts';
import { createFleet, type Server } from '../support/fleet.ts';
import { player } from '../support/listening.ts';
import { apiCalls, type Browser } from '../support/turntable.ts';

const named =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.what === name;
const isAnother =
  (name: string) =>
  ({ event, data }: { event: string; data: Record<string, unknown> }) =>
    event === 'card' && data.what !== name;

test('a process that dies while it looks is replaced within seconds', async (t) => {
  const fleet = await createFleet(t, { ticking: true });
  const servers = (await fleet.startMany(2)) as [Server, Server];
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = servers[0].browser();
  await mara.signIn();
  const { body } = await mara.getJson('/now-playing');
  const streams = [];
  for (const server of servers) streams.push(await listen(t, server.url, mara as Browser));
  const [, survivor] = streams;
  await survivor?.until(named(body.item.name));
  // The first one that came looks.
  await sleep(2_500);
  fleet.simulator.forgetCalls();

  await servers[0].kill();
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: body.item.durationMs - 100 });
  await fleet.advance({ seconds: 60 });

  await survivor?.until(isAnother(body.item.name));
  assert.ok(apiCalls(fleet.simulator, player) <= 3);
});
