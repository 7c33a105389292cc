import assert from 'node:assert/strict';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as requestWithTls } from 'node:https';
import type { CleanupScope } from './cleanup.ts';
import type { Fleet } from './fleet.ts';
import type { Browser } from './turntable.ts';

/** One event, its data parsed as JSON. */
export type Event = { id: string | undefined; event: string; data: Record<string, unknown> };

export type EventStream = Awaited<ReturnType<typeof openStream>>;

/** Opens a person's stream of live updates, which is closed with the scope at the latest. */
export async function openStream(
  t: CleanupScope,
  url: string,
  person: Pick<Browser, 'cookieHeader' | 'host'> & Partial<Pick<Browser, 'ca'>>,
  query = '',
  headers: Record<string, string> = {},
) {
  const send = person.ca ? requestWithTls : request;
  const req: ClientRequest = send(`${url}/now-playing/events${query}`, {
    ca: person.ca,
    headers: { Host: person.host, Cookie: person.cookieHeader(), Accept: 'text/event-stream', ...headers },
    agent: false,
  });
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    req.once('response', resolve).once('error', reject).end();
  });
  t.after(() => req.destroy());
  const events: Event[] = [];
  const waiters = new Set<() => void>();
  let text = '';
  let retry: number | null = null;
  let heartbeats = 0;
  let hasEnded = false;

  res.setEncoding('utf8');
  res.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      parseBlock(text.slice(0, end));
      text = text.slice(end + 2);
    }
    for (const check of waiters) check();
  });
  res.once('close', () => {
    hasEnded = true;
    for (const check of waiters) check();
  });

  function parseBlock(block: string): void {
    const fields = new Map(block.split('\n').map((line) => splitAt(line, line.indexOf(':'))));
    if (fields.has('retry')) retry = Number(fields.get('retry'));
    const event = fields.get('event');
    if (event === 'heartbeat') heartbeats += 1;
    else if (event)
      events.push({ id: fields.get('id'), event, data: JSON.parse(fields.get('data') ?? '{}') });
  }

  return {
    status: res.statusCode,
    headers: res.headers,
    events,
    /** The cards that were sent with their HTML. A card that only brings the color of the cover has none. */
    cards: () => events.filter(({ data }) => typeof data.html === 'string'),
    retry: () => retry,
    heartbeats: () => heartbeats,
    hasEnded: () => hasEnded,
    /** Returns whether the server has ended the stream, rather than its connection having been lost. */
    wasComplete: () => res.complete,
    /** Resolves with the first matching event, including earlier ones. Rejects if the stream ends without one. */
    waitFor(matches: (event: Event) => boolean): Promise<Event> {
      return new Promise((resolve, reject) => {
        const check = () => {
          const found = events.find(matches);
          if (!found && !hasEnded) return;
          waiters.delete(check);
          if (found) resolve(found);
          else reject(new Error('The stream ended without such an event'));
        };
        waiters.add(check);
        check();
      });
    },
    waitForEnd(): Promise<void> {
      return new Promise((resolve) => {
        const check = () => hasEnded && resolve();
        waiters.add(check);
        check();
      });
    },
    /** Stops reading without closing the connection. */
    stopReading: () => void res.pause(),
    close: () => void req.destroy(),
  };
}

function splitAt(line: string, colon: number): [string, string] {
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

/** Expects a stream at this site to show mara a track that begins to play, and to stay open. */
export async function expectNextTrack(
  t: CleanupScope,
  fleet: Fleet,
  mara: Browser,
  url: string,
): Promise<void> {
  const stream = await openStream(t, url, mara);
  const first = await stream.waitFor(({ event }) => event === 'card');
  fleet.simulator.plays('mara', { kind: 'track', index: 1, progressMs: 0 });
  await fleet.advance({ minutes: 2 });
  await stream.waitFor(
    ({ event, data }) => event === 'card' && data.html !== undefined && data.html !== first.data.html,
  );
  assert.equal(stream.hasEnded(), false);
}
