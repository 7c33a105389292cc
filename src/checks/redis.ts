import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { timeOf } from '../redis/clock.ts';
import { isRefusedDatabase, refusedDatabase } from '../redis/database.ts';
import { isRefusedConnection, replyCode } from '../redis/errors.ts';
import { redisAddress } from '../settings/redis-url.ts';
import { clockFinding } from './clock.ts';
import { bad, type Finding, good, open } from './finding.ts';

type Needs = {
  /** Not connected yet, and not to be connected again once it fails. */
  redis: Redis;
  /** Where it leads. */
  url: string;
  now: () => number;
};

const answering = 'Redis answers';
const persistent = 'Redis keeps sign-ins';
const evicting = 'Redis makes no room';

/** Whether Redis is there, writes to disk, and drops nothing to make room. */
export async function redisFindings({ redis, url, now }: Needs): Promise<Finding[]> {
  const at = redisAddress(url);
  let cause: Error | undefined;
  redis.on('error', (error: Error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
    const facts = factsIn(await redis.info());
    const probe = `check:${randomUUID()}`;
    await redis.set(probe, '', 'EX', 10);
    await redis.del(probe);
    const time = await timeOf(redis);
    return [
      versionFinding(facts, at),
      await persistenceFinding(redis, facts),
      evictionFinding(facts),
      clockFinding('Redis', time, now()),
    ];
  } catch (error) {
    if (cause && isRefusedDatabase(cause)) {
      const { detail, fix } = refusedDatabase(url, cause);
      return [bad(answering, detail, fix)];
    }
    return [unreachable(cause ?? error, at)];
  }
}

function unreachable(error: unknown, at: string): Finding {
  const code = replyCode(error) ?? (error as NodeJS.ErrnoException).code;
  if (isRefusedConnection(code)) {
    return bad(
      answering,
      `${at} refuses the connection (${code})`,
      'Look at the user and the password in REDIS_URL: a % in them is written %25.',
    );
  }
  if (replyCode(error)) {
    return bad(
      answering,
      `${at} takes no writes (${code})`,
      'REDIS_URL must lead to one that can be written to: not a replica, and neither its memory nor its disk full.',
    );
  }
  return bad(
    answering,
    `nothing that is Redis answers at ${at}${code ? ` (${code})` : ''}`,
    'Start one (redis-server --appendonly yes), or set REDIS_URL to one that runs.',
  );
}

function versionFinding(facts: Facts, at: string): Finding {
  const version = facts.get('redis_version') ?? '?';
  if (Number.parseInt(version, 10) < 6)
    return bad(answering, `${at} is version ${version}`, 'Turntable needs Redis 6 or later, or Valkey.');
  return good(answering, `at ${at}, version ${version}`);
}

async function persistenceFinding(redis: Redis, facts: Facts): Promise<Finding> {
  const advice = 'Start Redis with --appendonly yes, or: redis-cli config set appendonly yes';
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

function evictionFinding(facts: Facts): Finding {
  const policy = facts.get('maxmemory_policy');
  const advice = 'redis-cli config set maxmemory-policy noeviction';
  if (policy === undefined) return open(evicting, 'it does not say what it does when its memory is full');
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
