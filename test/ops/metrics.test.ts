import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createMetricsApp } from '../../src/ops/metrics-routes.ts';
import { overloadLimits } from '../../src/ops/overload.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { metricOf, metricsToken, readMetrics } from '../support/metrics.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { openGrants, startTurntable } from '../support/turntable.ts';

const env = { METRICS_TOKEN: metricsToken };

const aGrant = {
  accountId: 'an account',
  accessToken: 'a token',
  expiresAt: 0,
  refreshedAt: 0,
  refreshToken: 'a token',
  scopes: [],
};

test('without METRICS_TOKEN there are no metrics on the main port', async (t) => {
  const { browser } = await startTurntable(t);
  await browser().get('/metrics').expect(404);
});

// fault: metrics-without-token
test('metrics are for those who send the token, at any address of the site', async (t) => {
  const { url, browser } = await startTurntable(t, { env });
  for (const headers of [
    {},
    { Authorization: 'Bearer' },
    { Authorization: `Bearer ${metricsToken.slice(0, -1)}` },
    { Authorization: `Bearer ${metricsToken} ${metricsToken}` },
    { Authorization: `Basic ${metricsToken}` },
  ] as Record<string, string>[]) {
    const response = await fetch(`${url}/metrics`, { headers });
    assert.equal(response.status, 401, JSON.stringify(headers));
    assert.equal(response.headers.get('www-authenticate'), 'Bearer');
    assert.doesNotMatch(await response.text(), /turntable_|nodejs_/);
  }

  const { headers, text } = await browser()
    .get('/metrics')
    .set('Host', '10.0.0.7:3000')
    .set('Authorization', `bearer ${metricsToken}`)
    .expect(200);
  assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(metricOf(text, 'turntable_ready'), 1);
  assert.ok((metricOf(text, 'nodejs_eventloop_lag_p99_seconds') ?? 0) > 0);
});

// fault: data-in-metrics
test('requests are counted by the pattern of their route and their status; nothing names a person or what they looked for', async (t) => {
  const { url, browser, simulator, keys } = await startTurntable(t, { env });
  const mara = browser();
  await mara.signIn();
  const list = await mara.get('/playlists').expect(200);
  const id = /href="\/playlists\/([A-Za-z0-9]{22})"/.exec(list.text)?.[1] ?? '';
  await mara.get(`/playlists/${id}`).expect(200);
  await mara.get(`/playlists/${id}?page=2`);
  await mara.get('/search?q=a+secret+wish').expect(200);
  await mara.get('/no/such/page').expect(404);
  await mara.get('/app.css').expect(200);
  await browser().getJson('/playlists').expect(401);
  const stream = await openStream(t, url, mara);
  await stream.waitFor(() => true);

  const metrics = await readMetrics(url);
  const count = (labels: string) =>
    metricOf(metrics, `turntable_http_request_duration_seconds_count{${labels}}`);
  assert.equal(count('method="GET",route="/playlists",status="200"'), 1);
  assert.equal(count('method="GET",route="/playlists",status="401"'), 1);
  assert.ok((count('method="GET",route="/playlists/:id",status="200"') ?? 0) >= 1);
  assert.equal(count('method="GET",route="/search",status="200"'), 1);
  assert.equal(count('method="GET",route="other",status="404"'), 1);
  assert.equal(count('method="GET",route="other",status="200"'), 1);
  assert.equal(metricOf(metrics, 'turntable_streams_open'), 1);
  assert.equal(id.length, 22);
  const listener = simulator.listeners.find((one) => one.id === 'mara');
  const sessionIds = (await keys()).flatMap((key) => /^session:\{(.*)\}/.exec(key)?.[1] ?? []);
  assert.equal(sessionIds.length, 1);
  for (const text of [
    id,
    listener?.accountId ?? '',
    listener?.name ?? '',
    ...sessionIds,
    'mara',
    'secret',
    'wish',
    'no/such',
    metricsToken,
  ]) {
    assert.notEqual(text, '');
    assert.ok(!metrics.includes(text), text);
  }

  stream.close();
  await until(async () => metricOf(await readMetrics(url), 'turntable_streams_open') === 0);
  assert.doesNotMatch(await readMetrics(url), /route="\/now-playing\/events"/);
});

test('calls to Spotify are counted by family and outcome, and those of the ledger are shown', async (t) => {
  const { url, browser, simulator } = await startTurntable(t, { env });
  const calls = (metrics: string, family: string, outcome: string) =>
    metricOf(metrics, `turntable_spotify_calls_total{family="${family}",outcome="${outcome}"}`);
  const before = await readMetrics(url);
  for (const outcome of ['ok', 'client_rejected', 'owner_needs_premium'])
    assert.equal(calls(before, 'search', outcome), 0, outcome);

  const mara = browser();
  await mara.signIn();
  await mara.get('/search?q=a').expect(200);
  simulator.fault({ on: 'api', answer: { status: 500, body: '' } });
  await mara.get('/search?q=b').expect(502);
  simulator.rateLimit(7_200, { families: ['search'], quota: true });
  await mara.get('/search?q=c').expect(503);
  await mara.get('/search?q=d').expect(503);
  const metrics = await readMetrics(url);

  assert.equal(calls(metrics, 'search', 'ok'), 1);
  assert.equal(calls(metrics, 'search', 'unavailable'), 1);
  assert.equal(calls(metrics, 'search', 'quota_exceeded'), 1);
  assert.equal(calls(metrics, 'search', 'paused'), 1);
  // The code of the sign-in, and the app token for searches.
  assert.equal(calls(metrics, 'accounts', 'ok'), 2);
  assert.equal(metricOf(metrics, 'turntable_spotify_call_duration_seconds_count{family="search"}'), 3);
  assert.equal(metricOf(metrics, 'turntable_spotify_calls_used{family="search"}'), 3);
  assert.equal(metricOf(metrics, 'turntable_spotify_daily_calls'), 700);
  assert.ok((metricOf(metrics, 'turntable_spotify_calls_used_ratio{family="search"}') ?? 0) > 0);
  assert.equal(metricOf(metrics, 'turntable_spotify_pause_seconds{family="accounts"}'), 0);
  const pause = metricOf(metrics, 'turntable_spotify_pause_seconds{family="search"}') ?? 0;
  assert.ok(pause > 7_000 && pause <= 7_200, String(pause));
  assert.equal(metricOf(metrics, 'turntable_spotify_pause_seconds{family="all"}'), 0);
});

test('errors that are not foreseen are counted from zero', async (t) => {
  const { url, browser } = await startTurntable(t, {
    env: { ...env, BASE_URL: 'https://music.example', TRUST_PROXY: '1' },
  });
  const errors = async () => metricOf(await readMetrics(url), 'turntable_unforeseen_errors_total');
  await browser().get('/no/such/page').expect(404);
  assert.equal(await errors(), 0);

  // The proxy doesn't say that it uses https.
  await browser().get('/login').expect(500);
  await browser().getJson('/callback?code=a&state=b').expect(500);
  assert.equal(await errors(), 2);
});

test('a cooldown of the accounts service is shown', async (t) => {
  const { url, browser, simulator } = await startTurntable(t, { env });
  simulator.fault({ on: 'token', answer: { status: 429, body: '', headers: { 'Retry-After': '7200' } } });
  await browser().get('/search?q=a').expect(503);
  const pause = metricOf(await readMetrics(url), 'turntable_spotify_pause_seconds{family="accounts"}') ?? 0;
  assert.ok(pause > 7_000 && pause <= 7_200, String(pause));
});

test('if the metrics can’t be read, METRICS_PORT says so without the place in the code', async (t) => {
  const errors: unknown[] = [];
  const app = createMetricsApp({
    read: () => Promise.reject(new TypeError('the reason')),
    onError: (error) => errors.push(error),
  });
  const server = app.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const response = await fetch(`http://127.0.0.1:${port}/metrics`);

  assert.equal(response.status, 500);
  assert.equal(await response.text(), 'The metrics can’t be read. The log says why.\n');
  assert.match(String(errors), /the reason/);
});

test('refreshes are counted by outcome', async (t) => {
  const { url, browser, simulator, clock } = await startTurntable(t, { env });
  const mara = browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  await mara.get('/now-playing').expect(200);
  clock.advance({ hours: 2 });
  simulator.fault({ on: 'token', answer: { status: 500, body: '' } });
  await mara.get('/now-playing').expect(502);
  simulator.revokeGrants('mara');
  await mara.get('/now-playing').expect(401);
  await browser().get('/search?q=a').expect(200);
  const metrics = await readMetrics(url);

  const refreshes = (labels: string) => metricOf(metrics, `turntable_token_refreshes_total{${labels}}`);
  assert.equal(refreshes('token="grant",outcome="ok"'), 1);
  assert.equal(refreshes('token="grant",outcome="unavailable"'), 1);
  assert.equal(refreshes('token="grant",outcome="grant_lost"'), 1);
  assert.equal(refreshes('token="app",outcome="ok"'), 1);
});

test('under overload, requests that are refused are counted, and the metrics are served', async (t) => {
  const requestLimits = { ...overloadLimits, maxRequests: 2 };
  const { url, browser, simulator } = await startTurntable(t, { env, requestLimits });
  const mara = browser();
  await mara.signIn();
  const spotify = Promise.withResolvers<void>();
  simulator.fault({ on: 'api', times: 10, until: () => spotify.promise });
  const waiting = [mara.get('/playlists').then(String), mara.get('/library').then(String)];
  await until(async () => (await mara.get('/privacy')).status === 503);
  const shed = async () =>
    metricOf(await readMetrics(url), 'turntable_http_requests_shed_total{limit="requests"}') ?? 0;
  const before = await shed();
  for (let nth = 0; nth < 5; nth += 1) await mara.get('/').expect(503);

  assert.equal(await shed(), before + 5);
  const ofConnections = 'turntable_http_requests_shed_total{limit="connections"}';
  assert.equal(metricOf(await readMetrics(url), ofConnections), 0);
  spotify.resolve();
  await Promise.all(waiting);
});

test('grants that expire within 30 days are counted from the first visit in that time until they end', async (t) => {
  const secret = 'of-these-tests-and-long-enough-for-it';
  const turntable = await startTurntable(t, { env: { ...env, SESSION_SECRET: secret } });
  const { url, browser, simulator, clock } = turntable;
  const expiring = async () => metricOf(await readMetrics(url), 'turntable_grants_expiring');
  const [laptop, phone, jonas, noor] = [browser(), browser(), browser(), browser()];
  for (const mara of [laptop, phone]) await mara.signIn('mara');
  await jonas.signIn('jonas');
  await noor.signIn('noor');
  const visit = (person: typeof laptop) => person.get('/account').expect(200);

  clock.advance({ days: 149 });
  await visit(laptop);
  assert.equal(await expiring(), 0);

  clock.advance({ days: 2 });
  for (const person of [laptop, phone, jonas]) await visit(person);
  await until(async () => (await expiring()) === 3);
  clock.advance({ days: 1 });
  await visit(laptop);
  assert.equal(await expiring(), 3, 'each counts once');

  await phone.post('/logout').expect(303);
  assert.equal(await expiring(), 2);
  simulator.revokeGrants('jonas');
  await jonas.get('/playlists').expect(401);
  assert.equal(await expiring(), 1);

  // A visit that ends after the listener has signed out in another tab.
  const grants = openGrants(t, turntable, secret);
  await grants.extend('of-a-session-that-has-ended', {
    ...aGrant,
    consentAt: clock.now() - 151 * 86_400_000,
  });
  assert.equal(await expiring(), 1);

  clock.advance({ days: 29 });
  assert.equal(await expiring(), 0);
});

// fault: metrics-while-redis-is-down
test('while Redis is down, the metrics say so, and show no old counts of the ledger', { skip }, async (t) => {
  const redis = await startOwnRedis(t);
  const { url, browser } = await startTurntable(t, { env, redisUrl: redis.url });
  const mara = browser();
  await mara.signIn();
  await mara.get('/now-playing').expect(200);
  const used = /turntable_spotify_calls_used\{family="player-read"\} [1-9]/;
  assert.match(await readMetrics(url), used);
  assert.equal(metricOf(await readMetrics(url), 'turntable_redis_errors_total{code="none"}') ?? 0, 0);

  await redis.stop();
  await mara.get('/now-playing').expect(503);
  const metrics = await readMetrics(url);

  assert.equal(metricOf(metrics, 'turntable_ready'), 0);
  assert.doesNotMatch(metrics, used);
  assert.doesNotMatch(metrics, /turntable_spotify_pause_seconds\{/);
  assert.equal(metricOf(metrics, 'turntable_grants_expiring'), undefined);
  assert.ok((metricOf(metrics, 'turntable_redis_errors_total{code="none"}') ?? 0) > 0);
  await redis.start();
  await until(async () => used.test(await readMetrics(url)));
});
