import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutNginx as skip, startBehindNginx } from '../support/nginx.ts';
import { restartInTurn } from '../support/rolling-restart.ts';
import { beginLoad } from '../support/steady-load.ts';
import { testTiming as timing } from '../support/timing.ts';

/* `npm run bench -- rolling --rounds=100` does the same for longer. */

// fault: rolling-restart
test('while each server in turn is stopped and started again, every request succeeds, and no one is signed out', {
  skip,
}, async (t) => {
  const people = 9;
  // Deadlines are long, and a refresh that takes too long signs no one out, because a busy machine may take seconds for one.
  const site = await startBehindNginx(t, {
    timing,
    beginMs: 5_000,
    rotation: 'none',
    extraListeners: people,
    ticking: true,
  });
  site.fleet.simulator.settings.accessTokenSeconds = 70;
  const load = await beginLoad(t, site, { people, thinkMs: { min: 50, max: 250 }, seed: 'rolling' });

  for (let round = 0; round < 2; round += 1) await restartInTurn(site);
  const lost = await load.stop();

  const { correct, wrong, streams, signIns } = load.tally;
  t.diagnostic(`${correct} requests, ${signIns} sign-ins, ${streams} streams`);
  assert.deepEqual(Object.fromEntries(wrong), {});
  assert.deepEqual(lost, []);
  assert.ok(correct > 50);
  assert.ok(streams > 3, 'streams came back');
});
