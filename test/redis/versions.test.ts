import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { startSimulator } from '../../simulator/simulator.ts';
import { createSeal, type Seal } from '../../src/access/seal.ts';
import { keys } from '../../src/redis/keys.ts';
import { createClock } from '../support/clock.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { metricOf, metricsToken, readMetrics } from '../support/metrics.ts';
import { boundTo, connectAsServer, testRedisUrl } from '../support/redis.ts';
import {
  kindOf,
  readAllRecords,
  readStoredRecords,
  recordedVersions,
  type StoredRecord,
  type StoredRecords,
  unreleased,
  writeRecord,
} from '../support/stored-records.ts';
import { countTokenRequests, startTurntable } from '../support/turntable.ts';

/*
 * Records as each version has written them, in test/fixtures/records/, and this version on top of them: after an upgrade, and, with fields and
 * shapes that it doesn't know, after going back from a later version. CONTRIBUTING.md says how to add those of a new version.
 */

/** Kinds of keys that no process reads from another. */
const unread: Readonly<Record<string, string>> = {
  channel: 'messages are in another list of the fixtures',
  clock: 'never written',
  check: 'removed by the process that has written it',
};

type Json = Record<string, unknown>;

/** A server of this version with everything that another version left, some time later. */
async function startWith(t: TestContext, stored: StoredRecords, records: readonly StoredRecord[]) {
  const { clientId, clientSecret, baseUrl, sessionSecret } = stored;
  const clock = createClock(stored.madeAt);
  clock.advance({ minutes: 1 });
  const redisUrl = await testRedisUrl();
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  // Locks end seconds after the process that held them.
  for (const record of records) if (kindOf(record.key) !== 'lock') await writeRecord(redis, record);
  const simulator = await startSimulator({ clientId, clientSecret, now: clock.now });
  t.after(() => simulator.close());
  for (const grant of stored.grants) simulator.restoreGrant(grant);
  const env = { SESSION_SECRET: sessionSecret, OWNER_LISTENERS: 'mara', METRICS_TOKEN: metricsToken };
  const turntable = await startTurntable(t, {
    sharedWith: { clock, simulator, redisUrl, baseUrl },
    env: { ...env, SPOTIFY_CLIENT_ID: clientId, SPOTIFY_CLIENT_SECRET: clientSecret },
  });
  const people = stored.browsers.map(({ name, cookie }) => {
    const browser = turntable.browser();
    browser.agent.set('Cookie', cookie);
    return { name, browser };
  });
  const personIn = (name: string) => {
    const found = people.find((one) => one.name === name);
    assert.ok(found, name);
    return found.browser;
  };
  return { ...turntable, redis, people, personIn };
}

type Started = Awaited<ReturnType<typeof startWith>>;

/** Publishes a message once the server has subscribed. */
async function publish(redis: Redis, clientId: string, text: string): Promise<void> {
  // The prefix isn't added to channels.
  const channel = `${redis.options.keyPrefix}${keys.channel(clientId)}`;
  await until(async () => Number((await redis.pubsub('NUMSUB', channel))[1]) === 1);
  await redis.publish(channel, text);
}

const cookieOf = ({ browsers }: StoredRecords, browser: string): string =>
  browsers.find(({ name }) => name === browser)?.cookie ?? '';

const sessionIdIn = (cookie: string): string => /=s:([^.]+)\./.exec(decodeURIComponent(cookie))?.[1] ?? '';

function assertNoDamage({ logged }: Started): void {
  assert.deepEqual(
    logged.filter((line) => /damaged|"level":[56]0/.test(line)),
    [],
  );
}

/** Visits pages as everyone: they are signed in, and their tokens work, first as they are and then refreshed. */
async function assertSignedIn(started: Started): Promise<void> {
  const { people, clock, simulator } = started;
  for (const { name, browser } of people)
    for (const path of ['/account', '/now-playing', '/playlists', '/library'])
      assert.equal((await browser.get(path)).status, 200, `${name} ${path}`);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 0, 'access tokens are still valid');
  clock.advance({ hours: 2 });
  for (const { name, browser } of people)
    assert.equal((await browser.get('/playlists')).status, 200, `${name} two hours later`);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), people.length);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 0, 'no one has agreed again');
  assertNoDamage(started);
}

/** Uses what else was stored: both browsers, Undo, the file of an export, and messages of another process. */
async function assertInUse(started: Started, { records, messages, clientId }: StoredRecords): Promise<void> {
  const { personIn, redis, browser } = started;
  const mara = personIn('laptop');
  const has = (kind: string) => records.some(({ key }) => kindOf(key) === kind);
  assert.equal((await mara.getJson('/account').expect(200)).body.browsers.length, 2);
  if (has('people')) assert.equal((await mara.getJson('/account/people').expect(200)).body.people.length, 3);
  if (has('export-job')) await mara.get('/export/file.csv').expect(200);
  if (has('expiring-grants'))
    assert.equal(metricOf(await readMetrics(started.url), 'turntable_grants_expiring'), 1);
  await browser().get('/search?q=night').expect(200);
  for (const key of records.map((one) => one.key).filter((one) => kindOf(one) === 'undo')) {
    const [path = ''] = /\/undo\/[^}]+/.exec(key) ?? [];
    // This simulator doesn't have what was removed, so the Undo may say that nothing is left.
    const { status, headers } = await mara.post(path).type('form').send({});
    assert.ok(status < 500 && !/undo-expired/.test(headers.location ?? ''), `${path}: ${status}`);
  }
  for (const message of messages) await publish(redis, clientId, message);
  await mara.get('/now-playing').expect(200);
  assertNoDamage(started);
}

test('every kind of record has a fixture of this version', () => {
  const { records, messages, ...stored } = readStoredRecords(unreleased);
  const kinds = new Set(records.map(({ key }) => kindOf(key)));
  const missing = Object.entries(keys)
    .filter(([name]) => !(name in unread))
    .map(([, key]) => kindOf((key as (...ids: string[]) => string)('an id', 'an id', 'an id')))
    .filter((kind) => !kinds.has(kind));

  assert.deepEqual(missing, [], 'npm run fixtures writes them; see CONTRIBUTING.md');
  assert.deepEqual(messages.map((text) => JSON.parse(text).kind).sort(), [
    ...['command', 'end', 'invalidate', 'poll', 'saved', 'update'],
  ]);
  assert.ok(stored.browsers.length > 3);
});

/** A change of every JSON in a record: of the text, what is sealed in it, or the fields of a hash. Others stay. */
function changeJson(record: StoredRecord, seal: Seal, change: (json: Json) => Json): StoredRecord {
  const { key } = record;
  const changeText = (text: string): string => {
    if (text.startsWith('{')) return JSON.stringify(change(JSON.parse(text)));
    const [, before = '', sealed = ''] = /^(\d+:)?(.*)$/s.exec(text) ?? [];
    const { text: opened } = seal.open(sealed, boundTo(key));
    if (!opened?.startsWith('{')) return text;
    return before + seal.seal(JSON.stringify(change(JSON.parse(opened))), boundTo(key));
  };
  if (record.type === 'string') return { ...record, value: changeText(record.value) };
  if (record.type === 'zset') return record;
  const fields = Object.entries(record.value).map(([field, text]) => [field, changeText(text)]);
  return { ...record, value: Object.fromEntries(fields) };
}

const withNewField = (json: Json): Json => ({ ...json, fieldOfALaterVersion: { of: ['any', 'type'] } });
const withLaterShape = (json: Json): Json => ({ ...json, [typeof json.v === 'number' ? 'v' : 'shape']: 99 });

// fault: going-back-with-new-fields
test('after going back from a version that adds fields, everyone is signed in, and everything stored is in use', async (t) => {
  const stored = readStoredRecords(unreleased);
  const seal = createSeal([stored.sessionSecret]);
  const records = stored.records.map((record) => changeJson(record, seal, withNewField));
  const changed = records.filter((record, index) => !isDeepStrictEqual(record, stored.records[index]));
  const messages = stored.messages.map((text) => JSON.stringify(withNewField(JSON.parse(text))));
  const started = await startWith(t, stored, records);

  assert.ok(changed.length > 20, `${changed.length} have a new field`);
  await assertInUse(started, { ...stored, messages });
  await assertSignedIn(started);
});

// fault: going-back-with-new-shapes
test('after going back from a version with new shapes, no one is signed in, and their records wait for that version', async (t) => {
  const stored = readStoredRecords(unreleased);
  const seal = createSeal([stored.sessionSecret]);
  const records = stored.records.map((record) => changeJson(record, seal, withLaterShape));
  const started = await startWith(t, stored, records);
  const { people, redis, redisUrl, browser } = started;
  const isSignIn = ({ key }: StoredRecord) => ['session', 'grant', 'browsers'].includes(kindOf(key));
  const signIns = async () =>
    (await readAllRecords(redis, redisUrl)).filter(isSignIn).map(({ key, value }) => ({ key, value }));
  const before = await signIns();

  for (const { browser: person } of people) {
    for (const path of ['/account', '/now-playing', '/playlists']) await person.get(path).expect(303);
    await person.get('/').expect(200);
  }
  await browser().get('/search?q=night').expect(200);
  assert.ok(before.length > 8);
  assert.deepEqual(await signIns(), before);
  // Someone signs in at the version to which the site went back.
  const again = browser();
  await again.signIn('mara');
  await again.get('/playlists').expect(200);
  assertNoDamage(started);
  const left = new Map((await signIns()).map(({ key, value }) => [key, value]));
  for (const { key, value } of before.filter(({ key }) => kindOf(key) !== 'browsers'))
    assert.deepEqual(left.get(key), value);

  // And then the later version is back.
  for (const record of stored.records.filter(isSignIn)) await writeRecord(redis, record);
  started.simulator.forgetCalls();
  await assertSignedIn(started);
});

for (const version of recordedVersions) {
  // fault: sign-out-at-another-version
  test(`a stream ends when processes of another version (${version}) say that its sign-in has ended`, async (t) => {
    const stored = readStoredRecords(version);
    const { personIn, redis, url, simulator } = await startWith(t, stored, stored.records);
    simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
    const mara = personIn('laptop');
    const stream = await openStream(t, url, { ...mara, cookieHeader: () => cookieOf(stored, 'laptop') });
    await stream.waitFor(({ event }) => event === 'card');

    const message = stored.messages.map((text) => JSON.parse(text)).find(({ kind }) => kind === 'end');
    const text = JSON.stringify({ ...message, sessionIds: [sessionIdIn(cookieOf(stored, 'laptop'))] });
    await publish(redis, stored.clientId, text);
    const late = sleep(60_000, undefined, { ref: false }).then(() => assert.fail('the stream is still open'));
    await Promise.race([stream.waitForEnd(), late]);
  });

  // fault: upgrade-with-every-record
  test(`records of ${version}: everyone is signed in, without agreeing again, and everything stored is in use`, async (t) => {
    const stored = readStoredRecords(version);
    const started = await startWith(t, stored, stored.records);

    await assertInUse(started, stored);
    await assertSignedIn(started);
  });
}
