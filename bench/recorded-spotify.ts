import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * A Spotify that costs almost no CPU, in a process started with fork(): it repeats recorded responses of the simulator, after the latency of
 * Spotify. All listeners have the playlists of one listener, and their own profile.
 */
export type Recording = {
  /** The simulator's. The process sends its own address when it listens, and is then sent this recording. */
  apiUrl: string;
  latencyMs: number;
  /** The access token of the listener whose playlists everyone has. */
  token: string;
};

/** Asks the process how many calls it has answered; its reply is the number. */
export type CountRequest = { count: true };

type Recorded = { status: number; headers: Record<string, string>; body: Buffer };

const recording = once(process, 'message') as Promise<[Recording]>;
let answered = 0;
process.on('message', (message: Recording | CountRequest) => {
  if ('count' in message) process.send?.(answered);
});
const responses = new Map<string, Promise<Recorded>>();
const server = createServer(async ({ url = '', headers }, res) => {
  const [{ apiUrl, latencyMs, token }] = await recording;
  const authorization = url === '/v1/me' ? (headers.authorization ?? '') : `Bearer ${token}`;
  const key = `${url} ${authorization}`;
  const recorded = responses.get(key) ?? fetchResponse(new URL(apiUrl).origin + url, authorization);
  responses.set(key, recorded);
  const [{ status, headers: recordedHeaders, body }] = await Promise.all([recorded, sleep(latencyMs)]);
  answered += 1;
  res.writeHead(status, recordedHeaders).end(body);
});
// The server under load should be the one to close connections; otherwise a call would occasionally be lost.
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
process.once('disconnect', () => process.exit());

async function fetchResponse(url: string, authorization: string): Promise<Recorded> {
  const response = await fetch(url, { headers: { authorization } });
  const body = Buffer.from(await response.arrayBuffer());
  const type = response.headers.get('content-type') ?? 'application/json';
  return {
    status: response.status,
    headers: { 'Content-Type': type, 'Content-Length': String(body.length) },
    body,
  };
}
