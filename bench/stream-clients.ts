import { connect, type Socket } from 'node:net';

/*
 * Clients that keep streams of live updates open and read them, in a process started with fork(). They use plain sockets, because ten
 * thousand real clients would need their own machine.
 */

/** Sent to the process, which replies with a `StreamsOpen` once it has this many streams. They stay open until it ends. */
export type StreamsRequest = {
  port: number;
  /** The host in the server's address. */
  host: string;
  /** The sessions, each with at most ten streams. */
  cookies: readonly string[];
  streams: number;
};

export type StreamsOpen = { open: number; error: string | null };

const atOnce = 50;
const sockets = new Set<Socket>();
let opened = 0;

process.on('message', async (request: StreamsRequest) => {
  const error = await openUntil(request).then(
    () => null,
    ({ message }: Error) => message,
  );
  process.send?.({ open: sockets.size, error } satisfies StreamsOpen);
});
process.once('disconnect', () => process.exit());

async function openUntil(request: StreamsRequest): Promise<void> {
  const workers = Array.from({ length: atOnce }, async () => {
    while (opened < request.streams) {
      opened += 1;
      await openStream(request, opened - 1);
    }
  });
  await Promise.all(workers);
}

/** Opens one stream. Resolves with its first bytes. */
function openStream({ port, host, cookies }: StreamsRequest, index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    sockets.add(socket);
    const cookie = cookies[index % cookies.length];
    const head = `GET /now-playing/events HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream`;
    socket.once('connect', () => socket.write(`${head}\r\nCookie: ${cookie}\r\n\r\n`));
    socket.once('data', (bytes: Buffer) => {
      const [status = ''] = bytes.toString('latin1').split('\r\n', 1);
      if (status.includes(' 200 ')) resolve();
      else reject(new Error(`A stream was answered ${status}`));
    });
    // They are read and ignored.
    socket.resume();
    socket.on('error', reject).once('close', () => sockets.delete(socket));
  });
}
