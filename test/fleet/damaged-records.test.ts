import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainableCommander, Redis } from 'ioredis';
import { createSeal } from '../../src/access/seal.ts';
import { openStream } from '../support/event-stream.ts';
import { createFleet, type Fleet, type Server, until } from '../support/fleet.ts';
import { metricsToken, readMetrics } from '../support/metrics.ts';
import { allowAll } from '../support/pages.ts';
import { boundTo } from '../support/redis.ts';
import { isInSweep } from '../support/sweep.ts';
import { testTiming } from '../support/timing.ts';
import { type Browser, clientId, keyNames } from '../support/turntable.ts';

/*
 * Damages every kind of key that Turntable writes, in every way, and then requests every page and a stream from one server: nothing may
 * fail twice, hang, or end the process.
 */

const secret = 'of-these-tests-and-long-enough-for-it';
const seal = createSeal([secret]);

/** Longer than any of these tests takes, so a page that waits for a lock without an owner is noticed. */
const lockWaitMs = 600_000;
const hangsAfterMs = 60_000;

/** The content of a record, as far as it is JSON, and the command that writes it. */
type Json = { fields: object; write: (json: unknown) => string };

/** One way to damage a key: its name, the commands that do it, and how deep in the JSON the damage is. */
type Harm = [name: string, harm: (redis: Redis, key: string) => Promise<unknown>, depth?: number];

type Scene = { fleet: Fleet; server: Server; mara: Browser; sessionId: string };

type Kind = {
  key: string;
  type: 'string' | 'hash' | 'zset';
  /** Set if the string is JSON, or the fields of the hash are. */
  json?: Json;
  hashField?: string;
  /** Makes sure that the pages need this key. */
  before?: () => Promise<unknown>;
  /** A request other than a page that needs it; returns its status. */
  visit?: () => Promise<number>;
};

const pages = [
  '/',
  '/now-playing',
  '/wall',
  '/wall/card',
  '/now-playing/bar',
  '/playlists',
  '/playlists/PLAYLIST',
  '/playlists/PLAYLIST/export',
  '/playlists/PLAYLIST/export.csv',
  '/playlists/export/progress',
  '/library',
  '/library/recent',
  '/library/artists',
  '/library/top',
  '/devices',
  '/search?q=night',
  '/account',
  '/account/people',
  '/login',
  '/setup/check?cookie=set',
  '/nowhere',
];

const texts = ['', 'garbage', 'null', '[]', '{}', '"x"', '-1', '9'.repeat(30)];
const otherShape = JSON.stringify({ shape: 99, v: 99 });

/** The damage that is possible with any key. */
function harmsOf({ type }: Kind): Harm[] {
  const values: Record<string, (commands: ChainableCommander, key: string) => ChainableCommander> = {
    string: (commands, key) => commands.set(key, 'x'),
    hash: (commands, key) => commands.hset(key, 'x', 'y'),
    zset: (commands, key) => commands.zadd(key, 1e300, 'x'),
    list: (commands, key) => commands.rpush(key, 'x'),
  };
  return [
    ...Object.entries(values).map(
      ([other, add]): Harm => [
        `a ${other}`,
        // In one transaction: the server may write the key at any time.
        (redis, key) => add(other === type ? redis.multi() : redis.multi().del(key), key).exec(),
      ],
    ),
    ...(type === 'string' ? [...texts, otherShape] : []).map(
      (text): Harm => [`the text ${text}`, (redis, key) => redis.set(key, text)],
    ),
    ...(type === 'hash' ? texts : []).map(
      (text): Harm => [`the field ${text}`, (redis, key) => redis.hset(key, text, text)],
    ),
  ];
}

/** Valid JSON with each field missing, or of another type. */
function fieldHarms({ json, hashField }: Kind): Harm[] {
  if (!json) return [];
  const write = (text: string) => (redis: Redis, key: string) =>
    hashField === undefined ? redis.set(key, text, 'PX', 3_600_000) : redis.hset(key, hashField, text);
  return pathsIn(json.fields).flatMap((path) =>
    [undefined, { x: 1 }, -1e300].map((value): Harm => {
      const name = `${JSON.stringify(value) ?? 'nothing'} as ${path.join('.')}`;
      return [name, write(json.write(changed(json.fields, path, value))), path.length];
    }),
  );
}

/** The path to every field in a JSON value, and for lists to those of the first element. */
function pathsIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .slice(0, Array.isArray(value) ? 1 : undefined)
    .flatMap(([name, inner]) => [[name], ...pathsIn(inner).map((path) => [name, ...path])]);
}

function changed(fields: object, path: readonly string[], value: unknown): unknown {
  const whole = structuredClone(fields) as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  const holder = path.slice(0, -1).reduce((one, name) => one[name] as Record<string, unknown>, whole);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return whole;
}

// fault: damaged-record-of-any-kind
test('no damaged record of any kind fails a page twice, hangs one, or ends the process', async (t) => {
  const scene = await everythingInUse(t);
  const { fleet, server, mara } = scene;
  const kinds = await kindsOf(scene);
  const intact = await snapshot(fleet);
  const visitsThatUse = await watchCommands(t, fleet);
  const covered = kinds.map(({ key }) => key.split(':')[0]);
  const { body } = await mara.getJson('/playlists').expect(200);
  const paths = pages.map((path) => path.replace('PLAYLIST', body.playlists[0].id));
  const visits = new Map(paths.map((path) => [path, async () => (await server.visit(mara, path)).status]));
  visits.set('/now-playing/events', () => streamed(t, server, mara));

  for (const key of intact.keys)
    assert.ok(covered.includes(key.split(':')[0] ?? ''), `${key} is in none of these tests`);

  for (const kind of kinds) {
    const harms = [...harmsOf(kind), ...fieldHarms(kind)];
    await t.test(`${kind.key.split(':')[0]}: ${harms.length} kinds of damage`, async () => {
      const prepare = async () => {
        await intact.restore();
        await fleet.advance({ seconds: 2 });
        await kind.before?.();
      };
      const all = kind.visit ? new Map([...visits, [kind.key, kind.visit]]) : visits;
      const users = await visitsThatUse(kind, all, prepare);
      // A key that the process has cached is only read every so often.
      const affected = [...(users.size > 0 ? users : all)];
      for (const [index, [name, harm, depth = 0]] of harms.entries()) {
        if (!isInSweep(index)) continue;
        // Deep fields are only read to show what is playing.
        const readers = affected.filter(([what]) => depth <= 2 || [kind.key, '/now-playing'].includes(what));
        for (const [what, visit] of visitsFor(readers, index)) {
          await prepare();
          await harm(fleet.redis, kind.key);

          const statuses = [await inTime(visit(), `${what} with ${name}`)];
          if ((statuses[0] ?? 0) >= 500) statuses.push(await inTime(visit(), `${what} with ${name}`));

          assert.ok((statuses.at(-1) ?? 0) < 500, `${what} with ${name}: ${statuses}\n${server.output()}`);
        }
      }
    });
  }
  assert.equal(server.child.exitCode, null, server.output());
  await intact.restore();
  assert.equal((await server.visit(mara)).status, 200, 'and no one was signed out by it');
});

/**
 * Returns the visits for one kind of damage: all of them if they are few, otherwise some, in turn. Many pages read a key by the same middleware, so
 * the next kinds of damage to it meet the other pages.
 */
function visitsFor<T>(affected: readonly T[], index: number): T[] {
  const some = 4;
  if (affected.length <= some) return [...affected];
  return Array.from({ length: some }, (_, nth) => affected[(some * index + nth) % affected.length] as T);
}

/** Returns a function that finds the visits during which a key is named in a command to Redis. What the key holds can't affect any other. */
async function watchCommands(t: TestContext, { redis }: Fleet) {
  const monitor = await redis.monitor();
  t.after(() => monitor.disconnect());
  let seen: string[][] = [];
  monitor.on('monitor', (_time: string, command: string[]) => seen.push(command));
  const upToDate = async () => {
    const marker = randomUUID();
    await redis.echo(marker);
    while (!seen.some((command) => command.includes(marker))) await once(monitor, 'monitor');
  };

  return async function visitsThatUse(
    kind: Kind,
    visits: ReadonlyMap<string, () => Promise<number>>,
    prepare: () => Promise<unknown>,
  ) {
    const used = new Map<string, () => Promise<number>>();
    for (const [what, visit] of visits) {
      await prepare();
      await upToDate();
      seen = [];
      await visit();
      await upToDate();
      const key = `${redis.options.keyPrefix ?? ''}${kind.key}`;
      if (seen.some((command) => command.includes(key))) used.set(what, visit);
    }
    seen = [];
    return used;
  };
}

/** A signed-in person who has used every feature, so that every kind of key exists. */
async function everythingInUse(t: Parameters<typeof createFleet>[0]): Promise<Scene> {
  const fleet = await createFleet(t, {
    rotation: 'none',
    env: {
      SESSION_SECRET: secret,
      LOG_LEVEL: 'warn',
      OWNER_LISTENERS: 'mara',
      METRICS_TOKEN: metricsToken,
    },
    timing: { ...testTiming, lockWaitMs: lockWaitMs, leaseMs: lockWaitMs - 1, afterCommandMs: 0 },
  });
  const server = await fleet.start();
  const jonas = server.browser();
  await jonas.signIn('jonas');
  // His sign-in now ends soon.
  await fleet.advance({ days: 151 });
  await jonas.get('/account').expect(200);
  await until(async () => (await fleet.keys()).some((key) => key.startsWith('expiring-grants:')));
  const mara = server.browser();
  await mara.signIn('mara', allowAll);
  await server.browser().get('/search?q=night').expect(200);
  fleet.simulator.plays('mara', { kind: 'nothing' });
  await mara.get('/now-playing').expect(200);
  await fleet.advance({ seconds: 2 });
  fleet.simulator.plays('mara', { kind: 'music' });
  await mara.get('/now-playing').expect(200);
  const { body } = await mara.getJson('/playlists').expect(200);
  await mara.get(`/playlists/${body.playlists[0].id}/export.csv`).expect(200);
  while (!(await fleet.keys()).some((key) => key.startsWith('export:'))) await sleep(10);
  const { item } = (await mara.getJson('/now-playing').expect(200)).body;
  await mara.post(`/playlists/${body.playlists[0].id}/items`).send({ uri: item.uri }).expect(303);
  await mara.post('/export').type('form').send({ export: body.playlists[0].id }).expect(303);
  while ((await mara.getJson('/export')).body?.state !== 'done') await sleep(10);
  await mara.get('/setup/check?cookie=set').expect(200);
  const sessionId = /^s:([^.]+)\./.exec(decodeURIComponent(mara.sessionCookie() ?? ''))?.[1] ?? '';
  return { fleet, server, mara, sessionId };
}

/** Every kind of key, with what needs it. */
async function kindsOf({ fleet, server, mara, sessionId }: Scene): Promise<Kind[]> {
  const { redis } = fleet;
  const keyOf = async (kind: string) =>
    (await keyNames(fleet.redisUrl)).find((key) => key.startsWith(`${kind}:`)) ?? `no key of ${kind}`;
  const json = async (key: string): Promise<Json> => ({
    fields: JSON.parse((await redis.get(key)) ?? ''),
    write: JSON.stringify,
  });
  const sealed = async (key: string, before = ''): Promise<Json> => {
    const opened = seal.open(((await redis.get(key)) ?? '').slice(before.length), boundTo(key));
    return {
      fields: JSON.parse(opened.text ?? ''),
      write: (fields) => before + seal.seal(JSON.stringify(fields) ?? '', boundTo(key)),
    };
  };
  const tokenIsDue = () => fleet.advance({ hours: 2 });
  const nothingPlays = async () => void fleet.simulator.plays('mara', { kind: 'nothing' });
  const accountId: string = JSON.parse((await redis.get(`session:{${sessionId}}`)) ?? '').listener.accountId;
  const setupCheck = `setup-check:{${clientId}}`;
  const [grant, appToken] = [`grant:{${sessionId}}`, `app-token:{${clientId}}`];
  const [seen, recent, browsers, exported, playlists] = [
    'now-playing',
    'recently-played',
    'browsers',
    'export',
    'recent-playlists',
  ].map((kind) => `${kind}:{${accountId}}`) as [string, string, string, string, string];
  const { uri: trackUri } = (await mara.getJson('/now-playing').expect(200)).body.item;
  const people = `people:{${clientId}}`;
  const undo = await keyOf('undo');
  const undoPath = undo.slice(undo.indexOf(' ') + 1, -1);

  const job = `export-job:{${accountId}}`;
  const visitOf =
    (path: string, method = 'GET') =>
    async () =>
      (await server.visit(mara, path, method)).status;
  const form = { name: 'New', idempotencyKey: randomUUID() };
  const create = async () => (await mara.post('/playlists').type('form').send(form)).status;
  await create();
  let coming = { person: mara, way: '', key: await keyOf('used-state') };
  const leaves = async () => {
    const person = server.browser();
    const way = await person.agree('noor');
    const state = new URL(way, fleet.baseUrl).searchParams.get('state') ?? '';
    coming = { person, way, key: `used-state:{${createHash('sha256').update(state).digest('base64url')}}` };
  };
  const comesBack = async () => {
    const { status, headers } = await coming.person.get(coming.way);
    return headers.location === '/sign-in/problem'
      ? (await coming.person.get(headers.location)).status
      : status;
  };
  // Without the id it was made for: each of these is written under another one.
  const { boundTo: _boundTo, ...spent } = JSON.parse((await redis.get(coming.key)) ?? '');
  const limits = (await keyNames(fleet.redisUrl))
    .filter((key) => key.startsWith('limit:'))
    .map((key): Kind => ({ key, type: 'string' }));

  return [
    { key: `session:{${sessionId}}`, type: 'string', json: await json(`session:{${sessionId}}`) },
    { key: grant, type: 'string', json: await sealed(grant, '1:') },
    { key: browsers, type: 'hash', json: await entryOf(redis, browsers, sessionId), hashField: sessionId },
    {
      key: `expiring-grants:{${clientId}}`,
      type: 'zset',
      visit: () => readMetrics(server.url).then(() => 200),
    },
    { key: people, type: 'hash', json: await entryOf(redis, people, accountId), hashField: accountId },
    { key: seen, type: 'string', json: await json(seen) },
    { key: recent, type: 'string', json: await json(recent), before: nothingPlays },
    { key: exported, type: 'string', json: await json(exported) },
    {
      key: playlists,
      type: 'string',
      json: await json(playlists),
      visit: async () => (await mara.getJson(`/playlists/add?uri=${trackUri}`)).status,
    },
    {
      key: undo,
      type: 'string',
      json: await json(undo),
      visit: async () => (await mara.post(undoPath).type('form').send({})).status,
    },
    { key: job, type: 'string', json: await sealed(job), visit: visitOf('/export') },
    { key: await keyOf('export-chunk'), type: 'string', visit: visitOf('/export/file.csv') },
    { key: `export-lease:{${accountId}}`, type: 'string', visit: visitOf('/export/cancel', 'POST') },
    { key: `export-jobs:{${clientId}}`, type: 'zset', visit: visitOf('/export/delete', 'POST') },
    { key: appToken, type: 'string', json: await sealed(appToken) },
    { key: setupCheck, type: 'string', json: await json(setupCheck) },
    { key: `ledger:{${clientId}}`, type: 'hash' },
    { key: `cooldown-accounts:{${clientId}}`, type: 'string', before: tokenIsDue },
    { key: `calls:{${clientId}}`, type: 'hash' },
    { key: `api-version:{${clientId}}`, type: 'string' },
    { key: `artist-following:{${clientId}}`, type: 'string' },
    ...limits,
    { key: `lock:${grant}`, type: 'string', before: tokenIsDue },
    { key: `lock:${appToken}`, type: 'string', before: tokenIsDue },
    { key: `lock:${setupCheck}`, type: 'string', before: () => redis.del(setupCheck) },
    { key: `lease:{${accountId}}`, type: 'string' },
    { key: `watched:{${accountId}}`, type: 'string' },
    { key: `subscribed:{${clientId}}`, type: 'zset' },
    { key: `streams:{${sessionId}}`, type: 'zset' },
    { key: await keyOf('idempotency'), type: 'string', visit: create },
    {
      get key() {
        return coming.key;
      },
      type: 'string',
      json: { fields: spent, write: JSON.stringify },
      before: leaves,
      visit: comesBack,
    },
  ];
}

async function entryOf(redis: Redis, key: string, field: string): Promise<Json> {
  return { fields: JSON.parse((await redis.hget(key, field)) ?? ''), write: JSON.stringify };
}

/** Opens a stream and waits for its first event; returns its status. */
async function streamed(
  t: Parameters<typeof openStream>[0],
  { url }: Server,
  mara: Browser,
): Promise<number> {
  const stream = await openStream(t, url, mara);
  if (stream.status === 200) await stream.waitFor(() => true).catch(() => undefined);
  stream.close();
  return stream.status ?? 0;
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`${what} hangs`)), hangsAfterMs);
  return Promise.race([work, timeout.promise]).finally(() => clearTimeout(timer));
}

/** Everything that is in Redis now, so that it can be restored. */
async function snapshot({ redis, redisUrl }: Fleet) {
  const all = new Map<string, Buffer>();
  for (const key of await keyNames(redisUrl)) all.set(key, await redis.dumpBuffer(key));
  return {
    keys: [...all.keys()],
    async restore(): Promise<void> {
      const there = await redis.keys(`${redis.options.keyPrefix}*`);
      const pipeline = redis.pipeline();
      for (const key of there) pipeline.del(key.slice(redis.options.keyPrefix?.length));
      for (const [key, value] of all) pipeline.restore(key, 3_600_000, value);
      await pipeline.exec();
    },
  };
}
