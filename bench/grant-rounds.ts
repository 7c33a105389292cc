import { Agent, request } from 'node:http';
import type { Fleet, Server } from '../test/support/fleet.ts';
import type { Browser } from '../test/support/turntable.ts';

/* Sign-ins, requests and token refreshes in the rounds of the grants benchmark. */

export const requestsPerServer = 50;

export async function signIn(servers: readonly Server[], listener = 'mara'): Promise<Browser> {
  const [server] = servers;
  if (!server) throw new Error('There is no server');
  const person = server.browser();
  await person.signIn(listener);
  return person;
}

/** Expires every access token: by the clock in even rounds, early at Spotify in odd ones. */
export async function expireTokens({ simulator, advance }: Fleet, round: number): Promise<void> {
  // Either way, cached responses have expired as well, so pages have to call Spotify.
  await advance(round % 2 === 0 ? { hours: 2 } : { minutes: 2 });
  if (round % 2 === 1) simulator.expireAccessTokens();
  simulator.forgetCalls();
}

/** Counts the refreshes since the tokens expired, and the refused ones among them. */
export function refreshCounts({ simulator }: Fleet): { sent: number; refused: number } {
  const refreshes = simulator.calls.filter(({ grantType }) => grantType === 'refresh_token');
  return { sent: refreshes.length, refused: refreshes.filter(({ status }) => status === 400).length };
}

export type Result = number | 'cut off';

const agent = new Agent({ keepAlive: true });

export function visitManyTimes(server: Server, person: Browser): Promise<Result>[] {
  const Cookie = person.cookieHeader();
  return Array.from({ length: requestsPerServer }, () => send(server, Cookie, '/now-playing', 'GET'));
}

export function visitOnce(
  server: Server,
  person: Browser,
  path = '/now-playing',
  method = 'GET',
): Promise<Result> {
  return send(server, person.cookieHeader(), path, method);
}

function send({ url, host: Host }: Server, Cookie: string, path: string, method: string): Promise<Result> {
  return new Promise((resolve) => {
    const headers = { Host, Cookie, Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin' };
    const req = request(url + path, { method, headers, agent }, (res) => {
      res.resume();
      res.once('end', () => resolve(res.statusCode ?? 0));
      res.once('error', () => resolve('cut off'));
    });
    req.once('error', () => resolve('cut off'));
    req.end();
  });
}

export function elapsed(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
}
