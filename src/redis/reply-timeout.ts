import type { Redis } from 'ioredis';

const checkEveryMs = 50;

/**
 * Closes the connection, and rejects all pending commands, when a command has had no reply for `timeoutMs` milliseconds. Either packets
 * are being dropped or Redis hangs, and only a new connection can recover.
 *
 * This replaces ioredis's `commandTimeout` and `socketTimeout`, whose timers also run while our own event loop is busy, so they can expire
 * with the reply unread in the socket. Here time is counted in turns of the event loop, each of which reads the socket before the next
 * begins. One timer serves all commands, pipelined ones included: Redis replies in order, so the first command without a reply is the
 * oldest.
 */
export function enforceReplyTimeout(redis: Redis, timeoutMs: number): void {
  const sentAt = new WeakMap<object, number>();
  let turn = 0;
  const { sendCommand } = redis;
  redis.sendCommand = (command, stream) => {
    sentAt.set(command, turn);
    return sendCommand.call(redis, command, stream);
  };

  const timer = setInterval(() => {
    // safeguard: deadline-in-loop-turns
    turn += 1;
    const oldest = redis.commandQueue.peekFront()?.command;
    const sent = oldest && sentAt.get(oldest);
    if (sent === undefined || (turn - sent) * checkEveryMs <= timeoutMs) return;
    // safeguard: close-silent-connection
    redis.stream.destroy(new Error('Redis has sent no reply'));
  }, checkEveryMs).unref();
  redis.once('end', () => clearInterval(timer));
}
