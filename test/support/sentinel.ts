import { createServer, type Socket } from 'node:net';
import type { CleanupScope } from './cleanup.ts';
import { primaryName } from './redis-forms.ts';
import { createRespSplitter } from './resp.ts';

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const list = (...values: string[]) => `*${values.length}\r\n${values.map(bulk).join('')}`;
/** Since RESP3, messages and subscriptions arrive as pushes. */
const push = (...values: string[]) => list(...values).replace('*', '>');

/** Starts a Sentinel that names one primary, and that can hold its replies back. Real ones can't be stopped between two replies. */
export async function startPausableSentinel(t: CleanupScope, primaryPort: number) {
  const sockets = new Set<Socket>();
  const subscribed = new Set<Socket>();
  let waiting: (() => void)[] = [];
  let isPaused = false;

  function answer(socket: Socket, command: string): void {
    if (/get-master-addr-by-name/i.test(command)) {
      const reply = () => void socket.write(list('127.0.0.1', String(primaryPort)));
      if (isPaused) waiting.push(reply);
      else reply();
    } else if (/\nsubscribe\r/i.test(command)) {
      subscribed.add(socket);
      socket.write(`>3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`);
    } else if (/\nhello\r/i.test(command)) socket.write('%1\r\n+proto\r\n:3\r\n');
    else if (/\nsentinels\r/i.test(command)) socket.write('*0\r\n');
    else socket.write('+OK\r\n');
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    const split = createRespSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const command of split(chunk)) answer(socket, command.toString());
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      subscribed.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };

  return {
    url: `redis+sentinel://127.0.0.1:${port}/${primaryName}`,
    /** Returns how many connections wait for the announcement of a failover. */
    subscribers: () => subscribed.size,
    /** Returns how many questions for the primary have no reply yet. */
    waiting: () => waiting.length,
    pause(): void {
      isPaused = true;
    },
    /** Replies to what waits, and to everything after it. */
    resume(): void {
      isPaused = false;
      for (const reply of waiting) reply();
      waiting = [];
    },
    announceFailover(): void {
      const news = `${primaryName} 127.0.0.1 1 127.0.0.1 ${primaryPort}`;
      for (const socket of subscribed) socket.write(push('message', '+switch-master', news));
    },
  };
}
