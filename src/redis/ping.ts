import { connect } from 'node:net';
import type { RedisAddress } from '../settings/redis-url.ts';

const timeoutMs = 2_000;

/**
 * Sends PING. Returns the first line of the reply, such as `+PONG` or `-NOAUTH …`, an empty string if something accepts the connection
 * but doesn't reply, and null if nothing accepts it.
 */
export function ping(address: RedisAddress): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(address);
    let connected = false;
    let reply = '';
    const done = () => {
      socket.destroy();
      resolve(connected ? (reply.split('\r\n')[0] ?? '') : null);
    };
    socket.setTimeout(timeoutMs, done);
    socket.once('connect', () => {
      connected = true;
      socket.write('PING\r\n');
    });
    socket.on('data', (chunk) => {
      reply += chunk;
      if (reply.includes('\r\n') || reply.length > 1_000) done();
    });
    socket.once('error', done).once('close', done);
  });
}
