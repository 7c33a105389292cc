import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Ends } from './ends.ts';
import type { Browser } from './turntable.ts';

/** One event of a stream, with its data parsed as JSON. */
export type Event = { id: string | undefined; event: string; data: Record<string, unknown> };

/** An open stream of server-sent events, parsed as by a browser. */
export type Listening = Awaited<ReturnType<typeof listen>>;

/** Opens this person's stream of live updates. It is closed with the test at the latest. */
export async function listen(
  t: Ends,
  url: string,
  person: Pick<Browser, 'cookieHeader' | 'host'>,
  query = '',
  headers: Record<string, string> = {},
) {
  const sent: ClientRequest = request(`${url}/now-playing/events${query}`, {
    headers: { Host: person.host, Cookie: person.cookieHeader(), Accept: 'text/event-stream', ...headers },
    agent: false,
  });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject).end();
  });
  t.after(() => sent.destroy());
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  let text = '';
  let retry: number | null = null;
  let heartbeats = 0;
  let isOver = false;

  answer.setEncoding('utf8');
  answer.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      read(text.slice(0, end));
      text = text.slice(end + 2);
    }
    for (const check of waiting) check();
  });
  answer.once('close', () => {
    isOver = true;
    for (const check of waiting) check();
  });

  function read(block: string): void {
    const fields = new Map(block.split('\n').map((line) => splitAt(line, line.indexOf(':'))));
    if (fields.has('retry')) retry = Number(fields.get('retry'));
    const event = fields.get('event');
    if (event === 'heartbeat') heartbeats += 1;
    else if (event)
      events.push({ id: fields.get('id'), event, data: JSON.parse(fields.get('data') ?? '{}') });
  }

  return {
    status: answer.statusCode,
    headers: answer.headers,
    events,
    retry: () => retry,
    heartbeats: () => heartbeats,
    isOver: () => isOver,
    /** Waits for an event, or returns one that has arrived already. Rejects if the stream ends first. */
    until(isWanted: (event: Event) => boolean): Promise<Event> {
      return new Promise((resolve, reject) => {
        const check = () => {
          const found = events.find(isWanted);
          if (!found && !isOver) return;
          waiting.delete(check);
          if (found) resolve(found);
          else reject(new Error('The stream ended before that'));
        };
        waiting.add(check);
        check();
      });
    },
    /** Waits until the server has ended the stream. */
    ended(): Promise<void> {
      return new Promise((resolve) => {
        const check = () => isOver && resolve();
        waiting.add(check);
        check();
      });
    },
    /** Stops reading without closing the connection. */
    stopReading: () => void answer.pause(),
    close: () => void sent.destroy(),
  };
}

function splitAt(line: string, colon: number): [string, string] {
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
