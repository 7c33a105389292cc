import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

const maxReceivedLength = 1_000_000;

export const getRequest = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

/** A client that sends HTTP as text, so it can do what no browser does. */
export type RawClient = ReturnType<typeof createRawClient>;

/** Connects to a port of this machine, until the test ends at the latest. */
export function createRawClient(t: TestContext, port: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  // These tests are about servers that cut clients off.
  socket.on('error', () => undefined);
  let received = '';
  let isClosed = false;
  const checks = new Set<() => void>();
  const runChecks = () => {
    for (const check of checks) check();
  };
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    // No test reads a large response to its end.
    if (received.length < maxReceivedLength) received += chunk;
    runChecks();
  });
  socket.once('close', () => {
    isClosed = true;
    runChecks();
  });
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!condition()) return;
        checks.delete(check);
        resolve();
      };
      checks.add(check);
      check();
    });

  return {
    socket,
    send: (text: string) => void socket.write(text),
    get: (path: string) => void socket.write(getRequest(path)),
    received: () => received,
    /** Waits until this many responses have begun, or the connection is closed. */
    waitForResponses: (count: number) => until(() => isClosed || statuses().length >= count),
    statuses,
    waitForClose: () => until(() => isClosed),
    isClosed: () => isClosed,
  };

  function statuses(): number[] {
    return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }
}
