import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longPlaylistName, playlistNamed } from '../support/exports.ts';
import { createFleet, until } from '../support/fleet.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { testTiming } from '../support/timing.ts';

const items = /\/items$/;

// fault: killed-during-job
test('if the process that makes a long export is killed, another continues it, and the file is whole', async (t) => {
  const timing = { ...testTiming, exportLeaseMs: 2_000, exportTickMs: 200 };
  const fleet = await createFleet(t, { rotation: 'none', timing });
  const [victim, survivor] = await Promise.all([
    fleet.start(),
    fleet.start({ timing: { exportTickMs: 600_000 } }),
  ]);
  const mara = victim.browser();
  await mara.signIn('mara', allowAll);
  const path = await playlistNamed(mara, longPlaylistName);
  const whole = (await survivor.visit(mara, `${path}/export.csv`)).text;
  fleet.simulator.fault({ on: items, times: 1_000, delayMs: 300 });
  fleet.simulator.forgetCalls();
  await mara
    .post('/export')
    .type('form')
    .send({ export: path.split('/')[2] })
    .expect(303);

  await until(async () => (await mara.getJson('/export')).body.rows >= 500);
  const { rows, state } = (await mara.getJson('/export').expect(200)).body;
  assert.equal(state, 'running');
  assert.ok(rows < 1_200, `${rows} rows: it must not be over yet`);
  await victim.kill();
  const before = apiRequests(fleet.simulator).filter((call) => items.test(call)).length;
  const third = await fleet.start();

  await until(async () => /Finished: 1,200 rows\./.test((await third.visit(mara, '/export')).text));

  assert.equal((await survivor.visit(mara, '/export/file.csv')).text, whole);
  const after = apiRequests(fleet.simulator).filter((call) => items.test(call)).length - before;
  assert.ok(after <= 24 - Math.floor(rows / 50), `${after} pages were read by the other process`);
});
