import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * A Spotify that costs next to nothing, in a process of its own that is started with fork(): it gives again what the simulator has answered
 * once, as long after the question as Spotify takes. Everyone has the playlists of one listener, and a profile of their own.
 */
export type Recording = {
  /** Of the simulator; sent to it once it listens, and it sends the address where it does. */
  apiUrl: string;
  latencyMs: number;
  /** Access token of the listener whose playlists everyone has. */
  token: string;
};

type Answer = { status: number; headers: Record<string, string>; body: Buffer };

const recording = once(process, 'message') as Promise<[Recording]>;
const answers = new Map<string, Promise<Answer>>();
const server = createServer(async ({ url = '', headers }, res) => {
  const [{ apiUrl, latencyMs, token }] = await recording;
  const authorization = url === '/v1/me' ? (headers.authorization ?? '') : `Bearer ${token}`;
  const key = `${url} ${authorization}`;
  const known = answers.get(key) ?? ask(new URL(apiUrl).origin + url, authorization);
  answers.set(key, known);
  const [{ status, headers: given, body }] = await Promise.all([known, sleep(latencyMs)]);
  res.writeHead(status, given).end(body);
});
// The server under load is the one to close a connection; the other way round, a call would now and then be lost.
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
process.once('disconnect', () => process.exit());

async function ask(url: string, authorization: string): Promise<Answer> {
  const answer = await fetch(url, { headers: { authorization } });
  const body = Buffer.from(await answer.arrayBuffer());
  const type = answer.headers.get('content-type') ?? 'application/json';
  return {
    status: answer.status,
    headers: { 'Content-Type': type, 'Content-Length': String(body.length) },
    body,
  };
}
