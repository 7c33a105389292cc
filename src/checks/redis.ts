import type { Redis } from 'ioredis';
import {
  liveChannel,
  missingChannelEffect,
  missingChannelFix,
  subscribeAndPublish,
} from '../redis/channel.ts';
import { primaries, type RedisClient } from '../redis/client.ts';
import { readTime } from '../redis/clock.ts';
import { checkDeadlineMs, connectSubscriber } from '../redis/connect.ts';
import { diagnose } from '../redis/diagnose.ts';
import { type RedisFault, redisFault, replyCode, withoutTls } from '../redis/errors.ts';
import { ping } from '../redis/ping.ts';
import { missingRights } from '../redis/rights.ts';
import { formatHost, formatRedisAddress, parseRedisAddress, redisTarget } from '../settings/redis-url.ts';
import { checkClock } from './clock.ts';
import { type CheckResult, failed, note, ok } from './result.ts';

type Deps = {
  /** A connection that isn't open yet and doesn't reconnect. */
  redis: RedisClient;
  url: string;
  /** Null while there are no credentials; then the channel isn't checked. */
  clientId: string | null;
  now: () => number;
};

const connection = 'Redis connection';
const version = 'Redis version';
const permissions = 'Redis permissions';
const persistence = 'Redis persistence';
const eviction = 'Redis eviction';
const messages = 'Redis messages';

/** Checks that Redis serves pages, writes to disk, evicts nothing, and delivers messages between processes. */
export async function checkRedis({ redis, url, clientId, now }: Deps): Promise<CheckResult[]> {
  const address = formatRedisAddress(url);
  let cause: Error | undefined;
  redis.on('error', (error: Error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
    const fault = await diagnose(redis);
    if (fault) return [failedConnection(cause === undefined ? fault : redisFault(cause), address)];
    const servers = await Promise.all(primaries(redis).map(checkServer));
    const time = await unlessForbidden(readTime(redis), null);
    return [
      ...checkVersion(servers[0]?.facts ?? new Map(), address),
      checkRights(await missingRights(redis)),
      worst(servers.map((server) => server.persistence)),
      worst(servers.map((server) => server.eviction)),
      ...(clientId === null ? [] : [await checkChannel(redis, liveChannel(redis, clientId))]),
      ...(time === null ? [] : [checkClock('Redis', time, now())]),
    ];
  } catch (error) {
    return [
      failedConnection((await answersInPlainText(url)) ? withoutTls : redisFault(cause ?? error), address),
    ];
  }
}

/** Whether a result of {@link checkRedis} says if Redis can be reached, rather than how it is set up. */
export const isOfConnection = ({ name }: CheckResult): boolean => name === connection;

/** Checks one server, or one primary of a cluster. */
async function checkServer(redis: Redis, _index: number, all: readonly Redis[]) {
  const facts = parseInfo(await unlessForbidden(redis.info(), ''));
  const { host = '', port = 0 } = redis.options;
  const named = (result: CheckResult) =>
    all.length > 1 ? { ...result, detail: `${formatHost({ host, port })}: ${result.detail}` } : result;
  return {
    facts,
    persistence: named(await checkPersistence(redis, facts)),
    eviction: named(checkEviction(facts)),
  };
}

/** Returns the first of the most serious results: a cluster is as safe as its least safe node. */
function worst(results: readonly CheckResult[]): CheckResult {
  const bySeverity = (['failed', 'note', 'ok'] as const).flatMap((status) =>
    // safeguard: check-settings-of-every-node
    results.filter((result) => result.status === status),
  );
  return bySeverity[0] ?? note(connection, 'the cluster has no primary');
}

function checkRights(missing: readonly string[]): CheckResult {
  // safeguard: check-redis-rights
  if (missing.length === 0) return ok(permissions, 'this user may run every command that pages need');
  return failed(
    permissions,
    `this user may not run ${missing.join(', ')}`,
    `Run ACL SETUSER with your user and ${missing.map((name) => `+${name}`).join(' ')}`,
  );
}

/** Returns the reply, or `otherwise` if this user may not run the command. Pages don't need it, so that is not a problem. */
async function unlessForbidden<T, O>(reply: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await reply;
  } catch (error) {
    // safeguard: tolerate-restricted-redis-user
    if (replyCode(error) === 'NOPERM') return otherwise;
    throw error;
  }
}

/** Returns whether the URL asks for TLS of a server that answers without. */
async function answersInPlainText(url: string): Promise<boolean> {
  return redisTarget(url).isTls && /^[+-]/.test((await ping(parseRedisAddress(url))) ?? '');
}

function failedConnection({ code, problem, fix }: RedisFault, address: string): CheckResult {
  return failed(connection, `${address} ${problem}${code ? ` (${code})` : ''}`, fix);
}

async function checkChannel(redis: RedisClient, channel: string): Promise<CheckResult> {
  const subscriber = connectSubscriber(redis, checkDeadlineMs);
  try {
    await subscriber.connect();
    await subscribeAndPublish(redis, subscriber, channel);
    return ok(messages, 'processes are notified of changes immediately');
  } catch (error) {
    const { code } = redisFault(error);
    return note(
      messages,
      `the channel is refused (${code}): ${missingChannelEffect}`,
      missingChannelFix(channel),
    );
  } finally {
    subscriber.disconnect();
  }
}

function checkVersion(facts: Facts, address: string): CheckResult[] {
  const number = facts.get('redis_version') ?? null;
  if (number === null) return [ok(connection, `connected to ${address}; this user can’t see its version`)];
  const connected = ok(connection, `connected to ${address}, version ${number}`);
  // safeguard: check-redis-version
  if (Number.parseInt(number, 10) >= 6) return [connected];
  return [connected, failed(version, `it is ${number}`, 'Turntable needs Redis 6 or later, or Valkey.')];
}

async function checkPersistence(redis: RedisClient, facts: Facts): Promise<CheckResult> {
  const advice = 'Start Redis with --appendonly yes, or run: redis-cli config set appendonly yes';
  if (!facts.has('aof_enabled'))
    return note(persistence, 'this user can’t see whether Redis writes to disk', advice);
  // safeguard: check-redis-persistence
  if (facts.get('aof_enabled') === '1') {
    return facts.get('aof_last_write_status') === 'ok'
      ? ok(persistence, 'every change is written to disk')
      : failed(persistence, 'the last write to disk failed', 'Check the Redis log; the disk may be full.');
  }
  // Managed services often forbid CONFIG.
  const snapshots = await redis.call('CONFIG', 'GET', 'save').then(
    (reply) => (Array.isArray(reply) ? String(reply[1] ?? '') : ''),
    () => null,
  );
  if (snapshots === null) {
    return note(
      persistence,
      'Redis doesn’t log its writes, and doesn’t say whether it writes snapshots',
      advice,
    );
  }
  return snapshots
    ? note(persistence, 'Redis only writes snapshots: a crash loses the sign-ins since the last one', advice)
    : failed(persistence, 'Redis doesn’t save to disk, so restarting it signs everyone out', advice);
}

function checkEviction(facts: Facts): CheckResult {
  const policy = facts.get('maxmemory_policy');
  const advice = 'Run: redis-cli config set maxmemory-policy noeviction';
  if (policy === undefined) return note(eviction, 'this user can’t see what Redis does when memory is full');
  // safeguard: check-redis-eviction
  if (policy === 'noeviction') return ok(eviction, 'Redis never deletes sign-ins to free memory');
  return facts.get('maxmemory') === '0'
    ? note(eviction, `the policy is ${policy}, but there is no memory limit`, advice)
    : failed(eviction, `the policy is ${policy}: when memory is full, people are signed out`, advice);
}

type Facts = ReadonlyMap<string, string>;

function parseInfo(info: string): Facts {
  const lines = info.split(/\r?\n/).filter((line) => /^\w+:/.test(line));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
}
