import { randomUUID } from 'node:crypto';
import type { Response } from 'express';
import type { BackgroundTasks } from '../ops/background.ts';
import type { RedisClient } from '../redis/client.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, Records } from '../redis/records.ts';

export type Streams = ReturnType<typeof createStreams>;

/** One open stream of server-sent events. */
export type Stream = {
  send(event: string, data: unknown): void;
  end(event: string): void;
};

/** One of the streams that a session may have open. */
type Slot = { sessionId: string; id: string };

const maxPerSession = 10;
/** A client with this many unread bytes has stopped reading. Buffering more for it would only use up our memory. */
const maxBacklogBytes = 64 * 1024;
/** How long a browser waits before it reconnects: not the same time for all, since a process with many streams may have died. */
const retryMs = { min: 1_500, max: 6_000 };
/** The same when this process stops. */
const retryAfterStopMs = { min: 1_000, max: 11_000 };

/** How long a slot lasts unless its process renews it, and how often it does. */
const slotTtlMs = 150_000;
const renewSlotsEveryMs = 60_000;
/** How many slots a process renews at once. */
const batchSize = 500;

/**
 * Takes one of a session's slots, unless all are taken. Slots whose process has died expire; one that would last longer than any slot can
 * is removed. By the clock of Redis.
 */
const takeSlot = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  -- safeguard: free-endless-slots
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. (now + ARGV[3]), '+inf')
  if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return 1`;

const slotSet: KeyType = { kind: 'streams', type: 'zset' };

type Deps = {
  redis: RedisClient;
  records: Records;
  background: Pick<BackgroundTasks, 'run'>;
  heartbeatMs: number;
};

/**
 * Streams of server-sent events (HTML Standard, "Server-sent events") that stay open, with a heartbeat, until either side ends them. A
 * session may have ten, over all processes.
 */
export function createStreams({ redis, records, background, heartbeatMs }: Deps) {
  const take = records.script([slotSet], takeSlot);
  // An event and not a comment, which scripts cannot see: it tells the page that the stream is alive and when to expect the next.
  const heartbeat = `event: heartbeat\ndata: ${heartbeatMs}\n\n`;
  const open = new Map<Response, Slot>();
  let events = 0;
  let isClosed = false;
  const heartbeatTimer = setInterval(() => {
    for (const res of open.keys()) write(res, heartbeat);
  }, heartbeatMs).unref();
  const renewTimer = setInterval(
    () => background.run('renew the slots of streams', renewSlots()),
    renewSlotsEveryMs,
  ).unref();

  return {
    /**
     * Begins a stream for a session on this response. Returns `too many` if all slots of the session are taken, and `gone` if the client
     * has left in the meantime or this process is stopping. Throws RedisUnavailable.
     */
    async begin(res: Response, sessionId: string): Promise<Stream | 'too many' | 'gone'> {
      const slot = { sessionId, id: randomUUID() };
      if (!(await acquireSlot(slot))) return 'too many';
      // safeguard: release-slot-of-gone-client
      if (res.destroyed || res.closed || isClosed) {
        releaseSlot(slot);
        res.destroy();
        return 'gone';
      }
      open.set(res, slot);
      const release = () => {
        if (open.delete(res)) releaseSlot(slot);
      };
      res.once('close', release);

      // Proxies must neither buffer nor compress it.
      res.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store, no-transform',
        'X-Accel-Buffering': 'no',
      });
      write(res, `${retryField(retryMs)}${heartbeat}`);
      return {
        send(event, data) {
          events += 1;
          write(res, `id: ${events}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        },
        end(event) {
          write(res, `event: ${event}\ndata: {}\n\n`);
          release();
          finish(res);
        },
      };
    },

    heartbeatMs,

    count: () => open.size,

    isClosed: () => isClosed,

    /** Ends all streams. Their clients reconnect a little later, to whichever process is there by then. */
    close(): void {
      isClosed = true;
      clearInterval(heartbeatTimer);
      clearInterval(renewTimer);
      for (const [res, slot] of open) {
        releaseSlot(slot);
        write(res, retryField(retryAfterStopMs));
        finish(res);
      }
    },
  };

  /** Takes a slot or renews it. Returns false if all slots of the session are taken. */
  async function acquireSlot({ sessionId, id }: Slot): Promise<boolean> {
    // safeguard: count-streams-across-processes
    return (await take([keys.streams(sessionId)], id, maxPerSession, slotTtlMs)) === 1;
  }

  function releaseSlot({ sessionId, id }: Slot): void {
    // If Redis is down, the slot expires.
    redis.zrem(keys.streams(sessionId), id).catch(() => undefined);
  }

  async function renewSlot(res: Response, slot: Slot): Promise<void> {
    await acquireSlot(slot);
    // The stream may have ended in the meantime.
    if (!open.has(res)) releaseSlot(slot);
  }

  async function renewSlots(): Promise<void> {
    const all = [...open];
    for (let from = 0; from < all.length; from += batchSize) {
      // safeguard: renew-stream-slots
      await Promise.all(all.slice(from, from + batchSize).map(([res, slot]) => renewSlot(res, slot)));
    }
  }
}

function retryField({ min, max }: { min: number; max: number }): string {
  return `retry: ${Math.round(min + Math.random() * (max - min))}\n\n`;
}

/** Ends a stream, and cuts it off if its client does not read to the end. */
function finish(res: Response): void {
  res.end();
  setTimeout(() => res.destroy(), 2_000).unref();
}

function write(res: Response, text: string): void {
  if (res.writableEnded || res.destroyed) return;
  res.write(text);
  // safeguard: drop-stalled-streams
  if (res.writableLength > maxBacklogBytes) res.destroy();
}
