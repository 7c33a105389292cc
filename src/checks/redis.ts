import type { Redis } from 'ioredis';
import { joinChannel, liveChannel, permitChannel, withoutChannel } from '../redis/channel.ts';
import { timeOf } from '../redis/clock.ts';
import { checkDeadlineMs, connectSubscriber } from '../redis/connect.ts';
import { type RedisFault, redisFault, replyCode } from '../redis/errors.ts';
import { findFault } from '../redis/probe.ts';
import { redisAddress } from '../settings/redis-url.ts';
import { clockFinding } from './clock.ts';
import { bad, type CheckResult, good, open } from './result.ts';

type Deps = {
  /** Not connected yet, and not to be connected again once it fails. */
  redis: Redis;
  /** Where it leads. */
  url: string;
  /** Null while there are no credentials, and nothing to tell other processes of. */
  clientId: string | null;
  now: () => number;
};

const answering = 'Redis answers';
const persistent = 'Redis keeps sign-ins';
const evicting = 'Redis makes no room';
const telling = 'Redis passes on changes';

/** Whether Redis does what pages ask of it, writes to disk, drops nothing to make room, and tells processes of changes. */
export async function redisFindings({ redis, url, clientId, now }: Deps): Promise<CheckResult[]> {
  const at = redisAddress(url);
  let cause: Error | undefined;
  redis.on('error', (error: Error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
    const fault = await findFault(redis);
    if (fault) return [faultFinding(cause === undefined ? fault : redisFault(cause), at)];
    const facts = factsIn(await unlessForbidden(redis.info(), ''));
    const time = await unlessForbidden(timeOf(redis), null);
    return [
      versionFinding(facts, at),
      await persistenceFinding(redis, facts),
      evictionFinding(facts),
      ...(clientId === null ? [] : [await channelFinding(redis, liveChannel(redis, clientId))]),
      ...(time === null ? [] : [clockFinding('Redis', time, now())]),
    ];
  } catch (error) {
    return [faultFinding(redisFault(cause ?? error), at)];
  }
}

/** What Redis says, or `otherwise` if it does not permit this user to ask: pages need no such command, so that is no fault. */
async function unlessForbidden<T, O>(answer: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await answer;
  } catch (error) {
    // safeguard: tolerate-restricted-redis-user
    if (replyCode(error) === 'NOPERM') return otherwise;
    throw error;
  }
}

function faultFinding({ code, does, fix }: RedisFault, at: string): CheckResult {
  return bad(answering, `${at} ${does}${code ? ` (${code})` : ''}`, fix);
}

async function channelFinding(redis: Redis, channel: string): Promise<CheckResult> {
  const subscriber = connectSubscriber(redis, checkDeadlineMs);
  try {
    await subscriber.connect();
    await joinChannel(redis, subscriber, channel);
    return good(telling, 'processes hear of each other’s changes at once');
  } catch (error) {
    const { code } = redisFault(error);
    return open(telling, `it refuses the channel (${code}): ${withoutChannel}`, permitChannel(channel));
  } finally {
    subscriber.disconnect();
  }
}

function versionFinding(facts: Facts, at: string): CheckResult {
  const version = facts.get('redis_version') ?? null;
  if (version !== null && Number.parseInt(version, 10) < 6)
    return bad(answering, `${at} is version ${version}`, 'Turntable needs Redis 6 or later, or Valkey.');
  if (version === null) return good(answering, `at ${at}; it does not tell this user its version`);
  return good(answering, `at ${at}, version ${version}`);
}

async function persistenceFinding(redis: Redis, facts: Facts): Promise<CheckResult> {
  const advice = 'Start Redis with --appendonly yes, or: redis-cli config set appendonly yes';
  if (!facts.has('aof_enabled'))
    return open(persistent, 'it does not tell this user whether it writes to disk', advice);
  // safeguard: check-redis-persistence
  if (facts.get('aof_enabled') === '1') {
    return facts.get('aof_last_write_status') === 'ok'
      ? good(persistent, 'every change is written to disk')
      : bad(persistent, 'its last write to disk failed', 'Look at the log of Redis: the disk may be full.');
  }
  // Managed services often refuse CONFIG.
  const snapshots = await redis.call('CONFIG', 'GET', 'save').then(
    (answer) => (Array.isArray(answer) ? String(answer[1] ?? '') : ''),
    () => null,
  );
  if (snapshots === null) {
    return open(persistent, 'it does not say whether it writes to disk; it does not log its writes', advice);
  }
  return snapshots
    ? open(persistent, 'it writes snapshots: a crash loses the sign-ins since the last one', advice)
    : bad(persistent, 'it writes nothing to disk: a restart of Redis signs everybody out', advice);
}

function evictionFinding(facts: Facts): CheckResult {
  const policy = facts.get('maxmemory_policy');
  const advice = 'redis-cli config set maxmemory-policy noeviction';
  if (policy === undefined) return open(evicting, 'it does not say what it does when its memory is full');
  // safeguard: check-redis-eviction
  if (policy === 'noeviction') return good(evicting, 'nothing is dropped when its memory is full');
  return facts.get('maxmemory') === '0'
    ? open(evicting, `its policy is ${policy}, but no limit is set on its memory`, advice)
    : bad(evicting, `its policy is ${policy}: when its memory is full, it signs people out`, advice);
}

type Facts = ReadonlyMap<string, string>;

/** What INFO says, by its own names. */
function factsIn(info: string): Facts {
  const lines = info.split(/\r?\n/).filter((line) => /^\w+:/.test(line));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
}
