import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

const mostKept = 1_000_000;

/** A GET of this path, as it is sent. */
export const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

/** A client that speaks HTTP by hand, and so may do what no browser does. */
export type RawClient = ReturnType<typeof rawClient>;

/** Connects to a port of this machine; closed with the test at the latest. */
export function rawClient(t: TestContext, port: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  // A server that cuts it off is what these tests are about.
  socket.on('error', () => undefined);
  let received = '';
  let closed = false;
  const waiting = new Set<() => void>();
  const look = () => {
    for (const one of waiting) one();
  };
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    // A large answer is not what anybody looks into.
    if (received.length < mostKept) received += chunk;
    look();
  });
  socket.once('close', () => {
    closed = true;
    look();
  });
  const until = (what: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!what()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });

  return {
    socket,
    send: (text: string) => void socket.write(text),
    /** Sends a GET of this path. */
    get: (path: string) => void socket.write(request(path)),
    /** Everything it was sent so far. */
    received: () => received,
    /** Waits until so many answers have begun, or the connection is closed. */
    answers: (count: number) => until(() => closed || statuses().length >= count),
    /** The statuses of the answers so far. */
    statuses,
    closed: () => until(() => closed),
    isClosed: () => closed,
  };

  function statuses(): number[] {
    return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }
}
