import type { RequestListener, Server, ServerResponse } from 'node:http';
import { connectionLimits, createBoundedServer } from './connections.ts';

export type Serving = {
  /** The port it listens on. */
  port: number;
  /** Takes no new connections, lets requests under way finish for up to `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
};

/** The address cannot be listened on; the message says what to do. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

/** Serves `app` over http. Throws {@link CannotListen}. */
export async function serve(
  app: RequestListener,
  at: { host: string; port: number },
  limits = connectionLimits,
): Promise<Serving> {
  const server = createBoundedServer(app, limits);
  const answering = new Set<ServerResponse>();
  server.prependListener('request', (_req, res) => {
    answering.add(res);
    res.once('close', () => answering.delete(res));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, at)));
    // safeguard: accept-backlog
    server.listen({ host: at.host, port: at.port, backlog: limits.backlog }, resolve);
  });
  return { port: portOf(server), close: (graceMs = 10_000) => closed(server, answering, graceMs) };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}

/** Node's error when it cannot listen at `host` and `port`, in words that say what to do. */
export function cannotListen(
  error: NodeJS.ErrnoException,
  { host, port }: { host: string; port: number },
): CannotListen {
  const { code = 'unknown cause' } = error;
  if (code === 'EADDRINUSE') {
    return new CannotListen(
      `Port ${port} on ${host} is taken. Stop what runs there, or set PORT (and the redirect URI at Spotify) to another.`,
    );
  }
  if (['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL'].includes(code)) {
    return new CannotListen(`HOST=${host} is no address of this machine.`);
  }
  return new CannotListen(`Turntable cannot listen on ${host}:${port} (${code}).`);
}

async function closed(
  server: Server,
  answering: ReadonlySet<ServerResponse>,
  graceMs: number,
): Promise<void> {
  // Kept connections, a proxy's above all, would stay busy or wait to be used again: each is told that its answer is the last.
  const isLast = (res: ServerResponse) => {
    if (!res.headersSent) res.setHeader('Connection', 'close');
  };
  answering.forEach(isLast);
  server.prependListener('request', (_req, res) => isLast(res));

  const cut = setTimeout(() => {
    // Reset and not only closed: to a client of HTTP/1.0 the end of the connection is the end of a file, also of half a one.
    // safeguard: reset-downloads-at-stop
    for (const res of answering) if (res.headersSent) res.socket?.resetAndDestroy();
    server.closeAllConnections();
  }, graceMs);
  // Idle connections are closed by close() itself.
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(cut);
}
