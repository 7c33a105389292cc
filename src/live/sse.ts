import { randomUUID } from 'node:crypto';
import type { Response } from 'express';
import type { Redis } from 'ioredis';
import type { BackgroundTasks } from '../ops/background.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, Records } from '../redis/records.ts';

export type Streams = ReturnType<typeof createStreams>;

/** One open stream of Server-Sent Events. */
export type Stream = {
  /** Sends an event with JSON as its data. */
  send(event: string, data: unknown): void;
  /** Says goodbye with an event of this name, and ends the stream. */
  end(event: string): void;
};

type Place = { sessionId: string; id: string };

const mostPerSession = 10;
/** A client that lets this much pile up does not read; keeping it for them would only fill our memory. */
const mostBacklog = 64 * 1024;
/** A stream that breaks is made again after so long; not all at once where a process has died. */
const retryMs = { least: 1_500, most: 6_000 };
/** When this process goes, its clients come back within so much time and not all at once. */
const spreadMs = 10_000;

/** For how long a place is taken without a word from its process, and how often such a word is given. */
const placeMs = 150_000;
const placeEveryMs = 60_000;
/** As many as Redis is sent at a time. */
const atATime = 500;

/** Takes one of a session's places, unless all are taken; places whose process has died become free, and so do those that are taken for longer than one can be. By Redis' own clock. */
const takePlace = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  -- safeguard: freeing-places-taken-for-ever
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. (now + ARGV[3]), '+inf')
  if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return 1`;

const places: KeyType = { kind: 'streams', type: 'zset' };

type Deps = { redis: Redis; records: Records; background: Pick<BackgroundTasks, 'run'>; heartbeatMs: number };

/**
 * Streams of Server-Sent Events (HTML Standard, "Server-sent events") that stay open, with a heartbeat, until either side ends
 * them. A session has ten at the most, in all processes together.
 */
export function createStreams({ redis, records, background, heartbeatMs }: Deps) {
  const tryPlace = records.script([places], takePlace);
  // An event, because a script cannot see a comment: by it the page knows that the stream is still there, and when to expect the next.
  const beat = `event: beat\ndata: ${heartbeatMs}\n\n`;
  const open = new Map<Response, Place>();
  let events = 0;
  let closed = false;
  const beating = setInterval(() => {
    for (const res of open.keys()) write(res, beat);
  }, heartbeatMs).unref();
  const holding = setInterval(
    () => background.run('hold the places of streams', holdAll()),
    placeEveryMs,
  ).unref();

  return {
    /**
     * Begins a stream for a session on this response. Gives `too many` where all places of the session are taken, and `gone` where the
     * client has left again or this process is on its way out. Throws RedisUnavailable.
     */
    async begin(res: Response, sessionId: string): Promise<Stream | 'too many' | 'gone'> {
      const place = { sessionId, id: randomUUID() };
      if (!(await take(place))) return 'too many';
      // safeguard: odd-letting-go-stream-whose-client-has
      if (res.destroyed || res.closed || closed) {
        leave(place);
        res.destroy();
        return 'gone';
      }
      open.set(res, place);
      const over = () => {
        if (open.delete(res)) leave(place);
      };
      res.once('close', over);

      // No proxy is to hold it back or to compress it.
      res.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store, no-transform',
        'X-Accel-Buffering': 'no',
      });
      write(res, `retry: ${between(retryMs.least, retryMs.most)}\n\n${beat}`);
      return {
        send(event, data) {
          events += 1;
          write(res, `id: ${events}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        },
        end(event) {
          write(res, `event: ${event}\ndata: {}\n\n`);
          over();
          finish(res);
        },
      };
    },

    /** How far apart heartbeats are, in milliseconds. */
    heartbeatMs,

    count: () => open.size,

    /** Ends all streams; their clients come back in a while, to whoever is there then. */
    close(): void {
      closed = true;
      clearInterval(beating);
      clearInterval(holding);
      for (const [res, place] of open) {
        leave(place);
        write(res, `retry: ${between(1_000, 1_000 + spreadMs)}\n\n`);
        finish(res);
      }
    },
  };

  async function take({ sessionId, id }: Place): Promise<boolean> {
    // safeguard: counting-streams-session-in-all-processes
    return (await tryPlace([keys.streams(sessionId)], id, mostPerSession, placeMs)) === 1;
  }

  function leave({ sessionId, id }: Place): void {
    // Without Redis the place becomes free by itself, when its time is over.
    redis.zrem(keys.streams(sessionId), id).catch(() => undefined);
  }

  async function hold(res: Response, place: Place): Promise<void> {
    await take(place);
    // It was left meanwhile.
    if (!open.has(res)) leave(place);
  }

  /** Says that the places of this process are still taken. */
  async function holdAll(): Promise<void> {
    const all = [...open];
    for (let from = 0; from < all.length; from += atATime) {
      // safeguard: holding-places-open-streams
      await Promise.all(all.slice(from, from + atATime).map(([res, place]) => hold(res, place)));
    }
  }
}

function between(least: number, most: number): number {
  return Math.round(least + Math.random() * (most - least));
}

/** Ends a stream, and cuts it off where its client does not read to the end. */
function finish(res: Response): void {
  res.end();
  setTimeout(() => res.destroy(), 2_000).unref();
}

function write(res: Response, text: string): void {
  if (res.writableEnded || res.destroyed) return;
  res.write(text);
  // safeguard: letting-go-who-does-not-read
  if (res.writableLength > mostBacklog) res.destroy();
}
