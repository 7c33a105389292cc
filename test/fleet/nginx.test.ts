import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestWithTls } from 'node:https';
import { test } from 'node:test';
import { freePort } from '../../src/redis/local-server.ts';
import { expectNextTrack, openStream } from '../support/event-stream.ts';
import { createFleet, type Outcome, until } from '../support/fleet.ts';
import { skipWithoutNginx as skip, startBehindNginx, startNginx } from '../support/nginx.ts';
import { makeCertificates } from '../support/redis-forms.ts';
import { testTiming as timing } from '../support/timing.ts';
import { createBrowser, keyNames } from '../support/turntable.ts';

/* Three server processes behind a real nginx with deploy/nginx.conf, as in the profile `replicas` of docker-compose.yml. */

test('people sign in through nginx, all servers serve them, and events arrive as they happen', {
  skip,
}, async (t) => {
  const { fleet, servers, browser, visit } = await startBehindNginx(t, { timing });
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = browser();
  await mara.signIn();

  for (let round = 0; round < 9; round += 1) assert.equal((await visit(mara, '/account')).status, 200);
  await until(() =>
    servers.every(({ output }) => output().includes('"path":"/account","route":"/account","status":200')),
  );

  await expectNextTrack(t, fleet, mara, fleet.baseUrl);
});

test('servers behind nginx learn the address of the browser, whatever it claims, and the host it used', {
  skip,
}, async (t) => {
  const { fleet, browser } = await startBehindNginx(t, { timing });
  const { host, port } = new URL(fleet.baseUrl);
  const send = (headers: Record<string, string>) =>
    answerTo({ port, path: '/login', localAddress: '127.0.0.5', headers: { Host: host, ...headers } });

  assert.equal((await send({ 'X-Forwarded-For': '192.0.2.9', 'X-Forwarded-Proto': 'https' })).status, 303);
  const counted = (await keyNames(fleet.redisUrl)).filter((key) => key.startsWith('limit:'));
  assert.ok(counted.length > 0);
  for (const key of counted) assert.match(key, /\{(127\.0\.0\.5|everyone)\}$/);

  const elsewhere = await send({ Host: 'music.example', 'X-Forwarded-Host': host });
  assert.equal(elsewhere.status, 421);
  assert.match(elsewhere.text, new RegExp(`This site is at.*${host}`, 's'));

  // nginx's own limit would be 8 kB.
  const cookies = Array.from({ length: 5 }, (_, index) => `a${index}=${'x'.repeat(3_500)}`).join('; ');
  const page = await browser().get('/playlists').set('Cookie', cookies);
  assert.equal(page.status, 431);
  assert.match(page.text, /Your browser sent too many cookies/);
});

test('with TLS at nginx, servers know that the browser uses https', { skip }, async (t) => {
  const { ca, certificate, key } = makeCertificates(t);
  const port = await freePort();
  const BASE_URL = `https://127.0.0.1:${port}`;
  const fleet = await createFleet(t, { timing, env: { BASE_URL, TRUST_PROXY: '1' } });
  const upstreams = [await freePort(), await freePort(), await freePort()];
  await Promise.all(upstreams.map((at) => fleet.start({ port: at })));
  const plainPort = await freePort();
  await startNginx(t, { port, upstreams, tls: { certificate, key, plainPort } });

  const left = await answerTo({ port, path: '/login', ca: readFileSync(ca) });

  assert.equal(left.status, 303);
  assert.match(String(left.headers['set-cookie']), /^__Host-\S+.*; Secure/);
  assert.match(String(left.headers['strict-transport-security']), /max-age/);
  // As docker-compose.yml asks whether nginx is healthy.
  assert.equal((await answerTo({ port: plainPort, path: '/healthz' })).status, 200);
  const plain = await answerTo({ port: plainPort, path: '/login?a=b', headers: { Host: 'music.example' } });
  assert.deepEqual([plain.status, plain.headers.location], [308, 'https://music.example/login?a=b']);
});

test('below a path that nginx passes on, people sign in, and events arrive', { skip }, async (t) => {
  const port = await freePort();
  const BASE_URL = `http://127.0.0.1:${port}/music`;
  const fleet = await createFleet(t, { timing, env: { BASE_URL, TRUST_PROXY: '1' } });
  fleet.simulator.registerRedirectUri(`${BASE_URL}/callback`);
  const upstreams = [await freePort(), await freePort(), await freePort()];
  await Promise.all(upstreams.map((at) => fleet.start({ port: at })));
  await startNginx(t, { port, upstreams, basePath: '/music' });
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = createBrowser(new URL(BASE_URL).origin, fleet.simulator, BASE_URL);

  assert.equal((await mara.signIn()).headers.location, '/music/');
  await mara.get('/music/playlists').expect(200);
  const stream = await openStream(t, BASE_URL, mara);
  const { data } = await stream.waitFor(({ event }) => event === 'card');
  assert.match(String(data.html), /href="\/music\//);
  // nginx leads from the path to the slash by itself, and to nothing outside of it.
  const { headers } = await mara.get('/music').expect(301);
  assert.equal(headers.location, `${BASE_URL}/`);
  assert.doesNotMatch((await mara.get('/playlists')).text, /Turntable/);
});

// fault: killed-behind-nginx
test('if a server is killed, the others serve everyone, and no one is signed out', { skip }, async (t) => {
  const { fleet, nginx, servers, browser, visit } = await startBehindNginx(t, { timing });
  const people = [browser(), browser(), browser()];
  for (const [index, person] of people.entries()) await person.signIn(['mara', 'noor', 'mara'][index]);
  const stream = await openStream(t, fleet.baseUrl, people[0] ?? browser());
  // Requests in flight are sent to another server.
  const [victim] = servers;
  victim?.pause();
  const outcomes: Outcome[] = [];
  const inFlight = [...people, ...people, ...people].map(async (person) =>
    outcomes.push(await visit(person, '/account')),
  );
  await until(() => outcomes.length >= 3);
  assert.ok(outcomes.length < inFlight.length, 'some wait for the server that is killed');
  await victim?.kill();
  await Promise.all(inFlight);

  for (const { status } of outcomes) assert.equal(status, 200);
  for (let round = 0; round < 20; round += 1) {
    const person = people[round % 3] ?? browser();
    assert.equal((await visit(person, '/account')).status, 200);
    // A form goes elsewhere as well if its server can't be reached.
    assert.notEqual((await visit(person, '/player/pause', 'POST')).status, 502);
  }
  assert.match(nginx.errors(), /upstream prematurely closed|Connection refused|reset by peer/);
  if (stream.hasEnded()) {
    const again = await openStream(t, fleet.baseUrl, people[0] ?? browser());
    assert.equal(again.status, 200);
  }
});

type AnswerOptions = RequestOptions & { ca?: Buffer };

/** Sends a GET to 127.0.0.1, with TLS if a certificate is given to trust. */
async function answerTo(options: AnswerOptions): Promise<Outcome> {
  const send = options.ca ? requestWithTls : request;
  const sent = send({ host: '127.0.0.1', agent: false, ...options }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return { status: answer.statusCode ?? 0, text, headers: answer.headers };
}
