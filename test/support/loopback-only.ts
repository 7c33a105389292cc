import { Socket } from 'node:net';

/*
 * Closes the network but for this machine itself: a test that would reach Spotify, or anybody else, fails at once.
 */
const local = new Set([undefined, '', 'localhost', '127.0.0.1', '::1']);
const connect = Socket.prototype.connect;

Socket.prototype.connect = function connectLocally(this: Socket, ...args: unknown[]) {
  const host = hostOf(args);
  if (!local.has(host)) throw new Error(`The network is closed in tests: ${host} was called`);
  return Reflect.apply(connect, this, args);
} as typeof connect;

// Node hands over either a port with a host, an object of options, or both wrapped in an array.
function hostOf([first, second]: unknown[]): string | undefined {
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null) return (first as { host?: string }).host;
  return typeof second === 'string' ? second : undefined;
}
