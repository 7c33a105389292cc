import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Ends } from './ends.ts';
import type { Browser } from './turntable.ts';

/** One event of a stream, its data read as JSON. */
export type Event = { id: string | undefined; event: string; data: Record<string, unknown> };

/** An open stream of Server-Sent Events, read as a browser reads it. */
export type Listening = Awaited<ReturnType<typeof listen>>;

/** Opens the stream of what is playing as this person; closed with the test at the latest. */
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
  let beats = 0;
  let over = false;

  answer.setEncoding('utf8');
  answer.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      read(text.slice(0, end));
      text = text.slice(end + 2);
    }
    for (const look of waiting) look();
  });
  answer.once('close', () => {
    over = true;
    for (const look of waiting) look();
  });

  function read(block: string): void {
    const fields = new Map(block.split('\n').map((line) => splitAt(line, line.indexOf(':'))));
    if (fields.has('retry')) retry = Number(fields.get('retry'));
    const event = fields.get('event');
    if (event === 'heartbeat') beats += 1;
    else if (event)
      events.push({ id: fields.get('id'), event, data: JSON.parse(fields.get('data') ?? '{}') });
  }

  return {
    status: answer.statusCode,
    headers: answer.headers,
    events,
    retry: () => retry,
    beats: () => beats,
    isOver: () => over,
    /** Waits for an event, one that came already included; rejects where the stream ends before. */
    until(what: (event: Event) => boolean): Promise<Event> {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find(what);
          if (!found && !over) return;
          waiting.delete(look);
          if (found) resolve(found);
          else reject(new Error('The stream ended before that'));
        };
        waiting.add(look);
        look();
      });
    },
    /** Waits until the server has ended it. */
    ended(): Promise<void> {
      return new Promise((resolve) => {
        const look = () => over && resolve();
        waiting.add(look);
        look();
      });
    },
    /** Reads no further, and says nothing of it. */
    stopReading: () => void answer.pause(),
    close: () => void sent.destroy(),
  };
}

function splitAt(line: string, colon: number): [string, string] {
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
