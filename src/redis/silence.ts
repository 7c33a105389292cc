import type { Redis } from 'ioredis';

/** How often a connection is looked at, in milliseconds. */
const turnMs = 50;

/**
 * Closes the connection, and rejects what waits on it, when a command has had no reply for `silentMs` milliseconds: it is full of
 * dropped packets, or Redis hangs, and then a new connection is the only one that can heal.
 *
 * In place of ioredis's `commandTimeout` and `socketTimeout`, whose timers also run while our own event loop is busy: they expire
 * with the reply waiting in the socket, unread. Here time is counted in turns of the event loop, and each of them reads the
 * socket before the next. One timer serves all commands, pipelined ones included, because Redis replies in order: the first
 * command without a reply is the oldest.
 */
export function closeWhenSilent(redis: Redis, silentMs: number): void {
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
    if (sent === undefined || (turn - sent) * turnMs <= silentMs) return;
    // safeguard: close-silent-connection
    redis.stream.destroy(new Error('Redis has sent no reply'));
  }, turnMs).unref();
  redis.once('end', () => clearInterval(timer));
}
