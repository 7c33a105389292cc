import { Socket } from 'node:net';

/*
 * Allows connections to this machine only: a test that would call Spotify, or any other host, fails at once.
 */
const local = new Set([undefined, '', 'localhost', '::1']);
const connect = Socket.prototype.connect;

Socket.prototype.connect = function connectLocally(this: Socket, ...args: unknown[]) {
  const host = hostOf(args);
  if (!local.has(host) && !/^127(\.\d{1,3}){3}$/.test(host ?? ''))
    throw new Error(`Tests may not use the network: ${host} was called`);
  return Reflect.apply(connect, this, args);
} as typeof connect;

// Node passes a port and a host, an object with options, or either of them in an array.
function hostOf([first, second]: unknown[]): string | undefined {
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null) return (first as { host?: string }).host;
  return typeof second === 'string' ? second : undefined;
}
