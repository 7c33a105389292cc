import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { startRedis } from '../../src/redis/local-server.ts';
import { redisProgram, skipWithoutProgram as skip } from '../support/redis.ts';
import {
  type Browser,
  clientId,
  clientSecret,
  countApiCalls,
  countTokenRequests,
  startTurntable,
} from '../support/turntable.ts';

const https = { BASE_URL: 'https://music.example', TRUST_PROXY: '1' };
const overHttps = { Host: 'music.example', 'X-Forwarded-Proto': 'https' };

/** The page of the checks, after the step that tries cookies: the result of each, by its label. */
async function check(person: Browser, headers: Record<string, string> = {}): Promise<Map<string, string>> {
  const first = await person.get('/setup/check').set(headers);
  const { text } = first.status === 200 ? first : await person.get(first.headers.location ?? '').set(headers);
  return findingsIn(text);
}

function findingsIn(html: string): Map<string, string> {
  const found = html.matchAll(/<span class="badge">(\w+)<\/span> <strong>(.*?)<\/strong>: (.*?)<\/p>/gs);
  return new Map([...found].map(([, word, what = '', seen]) => [what, `${word}: ${seen}`]));
}

test('the setup page shows each step with the exact string to paste, and links to the check', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const { text, headers } = await browser().get('/setup').expect(200);

  const pasted = [...text.matchAll(/readonly aria-label="([^"]+)" value="([^"]+)"/g)].map(
    ([, ...one]) => one,
  );
  assert.deepEqual(pasted, [
    ['App name', 'Turntable'],
    ['Redirect URI', `${baseUrl}/callback`],
    ['Line for the client ID', 'SPOTIFY_CLIENT_ID='],
    ['Line for the client secret', 'SPOTIFY_CLIENT_SECRET='],
    ['Command', 'npm start'],
  ]);
  assert.match(text, /<a href="https:\/\/developer\.spotify\.com\/dashboard">/);
  assert.match(text, /href="\/setup\/check"/);
  assert.equal(headers['cache-control'], 'no-store');
});

test('the check tries everything and shows the results, problems first', async (t) => {
  const { browser, baseUrl } = await startTurntable(t);
  const found = await check(browser());

  assert.deepEqual(
    [...found].map(([what, seen]) => `${what}, ${seen.split(':')[0]}`),
    [
      'Redis persistence, Problem',
      'Client ID and secret, OK',
      'Spotify Web API, OK',
      'Redirect URI, OK',
      'Clock compared with Spotify, OK',
      'Calls to Spotify, OK',
      'Sign-ins, Note',
      'Redis connection, OK',
      'Redis permissions, OK',
      'Redis eviction, OK',
      'Redis messages, OK',
      'Clock compared with Redis, OK',
      'Address in your browser, OK',
      'Proxy, OK',
      'Cookies, OK',
    ],
  );
  assert.match(found.get('Address in your browser') ?? '', new RegExp(`${baseUrl}/callback`));
});

test('the check says so if cookies do not come back', async (t) => {
  const { browser } = await startTurntable(t);
  const forgetful = browser();
  const first = await forgetful.get('/setup/check').expect(303);
  assert.equal(first.headers.location, '/setup/check?cookie=set');
  assert.match(String(first.headers['set-cookie']), /check=1; Path=\/; HttpOnly; SameSite=Lax/);

  const { text } = await browser().get('/setup/check?cookie=set').expect(200);
  assert.match(
    findingsIn(text).get('Cookies') ?? '',
    /^Problem: one was set, but the browser didn’t send it back/,
  );
});

test('the check tells whether proxy headers are trusted, missing, not trusted, or not expected', async (t) => {
  const behind = await startTurntable(t, { env: { ...https, SETUP_PAGE: 'on' } });
  const good = await check(behind.browser(), overHttps);
  assert.match(good.get('Proxy') ?? '', /^OK: X-Forwarded-Proto says https and is trusted: TRUST_PROXY is 1/);
  assert.match(good.get('Address in your browser') ?? '', /^OK: https:\/\/music\.example/);

  const silent = await check(behind.browser(), { Host: 'music.example' });
  assert.match(silent.get('Proxy') ?? '', /^Problem: BASE_URL is https, but there is no X-Forwarded-Proto/);
  // The cookie is Secure, and such a browser would not accept it.
  assert.match(silent.get('Cookies') ?? '', /^Problem/);

  const foreign = await startTurntable(t, {
    env: { ...https, TRUST_PROXY: '10.0.0.1', SETUP_PAGE: 'on' },
  });
  const unbelieved = await check(foreign.browser(), overHttps);
  assert.match(unbelieved.get('Proxy') ?? '', /^Problem: .*X-Forwarded-Proto says https; TRUST_PROXY is 10/);

  const plain = await startTurntable(t);
  const unexpected = await check(plain.browser(), { 'X-Forwarded-Proto': 'https' });
  assert.match(unexpected.get('Proxy') ?? '', /^Note: the request has proxy headers, but BASE_URL is http/);
});

test('the check says that Spotify refused a person recently, without saying whom', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const [jonas, owner] = [browser(), browser()];
  await jonas.signIn('jonas');
  assert.match((await check(owner)).get('Sign-ins') ?? '', /^Note: no one has been refused/);

  simulator.settings.notInvited.add('jonas');
  const refused = await jonas.get('/playlists').expect(403);
  assert.match(refused.text, /href="\/setup\/check">Check the setup/);
  clock.advance({ minutes: 5 });
  const people = (await check(owner)).get('Sign-ins') ?? '';
  assert.match(people, /^Problem: 5 minutes ago, Spotify refused someone who isn’t on your app’s list/);
  assert.doesNotMatch(people, /jonas/i);

  simulator.settings.ownerHasPremium = false;
  await jonas.get('/now-playing').expect(403);
  const { text } = await owner.get('/setup/check').expect(200);
  assert.match(text, /refused someone because the owner of the app doesn’t have Premium/);
  clock.advance({ minutes: 61 });
  assert.match((await check(owner)).get('Sign-ins') ?? '', /^Note/);
});

// fault: setup-check-once-a-minute
test('Spotify is asked once a minute, however often the check runs', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const person = browser();
  for (let time = 0; time < 5; time += 1) await check(person);
  assert.equal(countApiCalls(simulator, '/v1/search'), 1);

  clock.advance({ seconds: 61 });
  await check(person);
  assert.equal(countApiCalls(simulator, '/v1/search'), 2);
});

// fault: setup-check-shared
test('processes share Spotify’s answer: all together ask it once a minute', async (t) => {
  const one = await startTurntable(t);
  const other = await startTurntable(t, { sharedWith: one });
  const people = [one, other, one, other].map(({ browser }) => browser());

  const pages = await Promise.all(people.map((person) => check(person)));

  for (const found of pages) assert.match(found.get('Spotify Web API') ?? '', /^OK/);
  assert.equal(countApiCalls(one.simulator, '/v1/search'), 1);
  assert.equal(countTokenRequests(one.simulator, 'client_credentials'), 1);
  one.clock.advance({ seconds: 61 });
  for (const person of people) await check(person);
  assert.equal(countApiCalls(one.simulator, '/v1/search'), 2);
});

test('the check works without Redis, and recovers with it', { skip }, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  const { browser } = await startTurntable(t, { redisUrl: redis.url });
  await redis.stop();
  const person = browser();
  const away = await person.get('/').expect(503);
  assert.match(away.text, /href="\/setup\/check"/);

  assert.match(
    (await check(person)).get('Redis connection') ?? '',
    /^Problem: 127\.0\.0\.1:\d+ does not answer/,
  );

  const again = await startRedis({ program: redisProgram, port: redis.port });
  t.after(again.stop);
  assert.match((await check(person)).get('Redis connection') ?? '', /^OK/);
});

test('the check stores only its result in Redis, and shows no secret', async (t) => {
  const { browser, keys, redisUrl, logged } = await startTurntable(t);
  const person = browser();
  const first = await person.get('/setup/check');
  const page = await person.get(first.headers.location ?? '');

  assert.deepEqual(await keys(), [`setup-check:{${clientId}}`]);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const stored = (await redis.get(`setup-check:{${clientId}}`)) ?? '';
  assert.match(stored, /Spotify accepts them/);
  assert.doesNotMatch(stored + page.text + logged.join(''), new RegExp(clientSecret));
});

test('the setup page is not public unless it is turned on', async (t) => {
  const hidden = await startTurntable(t, { env: https });
  for (const path of ['/setup', '/setup/check']) await hidden.browser().get(path).set(overHttps).expect(404);
  assert.doesNotMatch((await hidden.browser().get('/').set(overHttps)).text, /href="\/setup/);

  const asked = await startTurntable(t, { env: { ...https, NODE_ENV: 'production', SETUP_PAGE: 'on' } });
  await asked.browser().get('/setup').set(overHttps).expect(200);
  assert.match((await asked.browser().get('/').set(overHttps)).text, /href="\/setup"/);
});
