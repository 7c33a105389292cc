import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from '../../src/redis/local-server.ts';
import { skipWithoutCaddy as skip, startCaddy } from '../support/caddy.ts';
import { expectNextTrack } from '../support/event-stream.ts';
import { createFleet } from '../support/fleet.ts';
import { run } from '../support/process.ts';
import { testTiming as timing } from '../support/timing.ts';
import { createBrowser } from '../support/turntable.ts';

test('with the Caddyfile of the README, people sign in over https, events arrive as they happen, and the doctor is content', {
  skip,
}, async (t) => {
  const port = await freePort();
  const BASE_URL = `https://127.0.0.1:${port}`;
  const fleet = await createFleet(t, { timing, env: { BASE_URL, TRUST_PROXY: '1' } });
  fleet.simulator.registerRedirectUri(`${BASE_URL}/callback`);
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const upstream = await freePort();
  await fleet.start({ port: upstream });
  const authority = await startCaddy(t, { port, upstream });
  const mara = createBrowser(BASE_URL, fleet.simulator, BASE_URL, readFileSync(authority));

  await mara.signIn();
  await mara.get('/playlists').expect(200);
  assert.match(mara.cookieHeader(), /__Host-/);

  await expectNextTrack(t, fleet, mara, BASE_URL);

  const doctor = run(t, `src/start.mjs doctor --url ${BASE_URL}`, { NODE_EXTRA_CA_CERTS: authority });
  assert.equal(await doctor.ended, 0, doctor.output());
  assert.match(doctor.output(), /^ok {4}HTTPS: /m);
});
