import type { RequestListener, Server, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connectionLimits, createBoundedServer } from './connections.ts';

export type RunningServer = {
  port: number;
  /**
   * Stops accepting connections once none is waiting to be accepted, waits for requests in flight for up to `graceMs`, then disconnects
   * them.
   */
  close(graceMs?: number): Promise<void>;
};

/** The server can't listen on its address; the message says what to do. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

/** `portSetting`: the setting that has the port, if it isn't PORT. */
type Address = { host: string; port: number; portSetting?: string };

/** Serves `app` over http. Returns once it accepts connections. Throws {@link CannotListen}. */
export async function serve(
  app: RequestListener,
  address: Address,
  limits = connectionLimits,
): Promise<RunningServer> {
  const server = createBoundedServer(app, limits);
  const answering = new Set<ServerResponse>();
  server.prependListener('request', (_req, res) => {
    answering.add(res);
    res.once('close', () => answering.delete(res));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, address)));
    // safeguard: accept-backlog
    server.listen({ host: address.host, port: address.port, backlog: limits.backlog }, resolve);
  });
  return { port: portOf(server), close: (graceMs = 10_000) => closeGracefully(server, answering, graceMs) };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}

/** Converts Node's error for listening at `host` and `port` into one that says what to do, and returns that. */
export function cannotListen(
  error: NodeJS.ErrnoException,
  { host, port, portSetting }: Address,
): CannotListen {
  const { code = 'unknown cause' } = error;
  if (code === 'EADDRINUSE') {
    const other = portSetting ?? 'PORT (and change the redirect URI in Spotify’s dashboard to match)';
    return new CannotListen(
      `Port ${port} on ${host} is in use. Stop the program that uses it, or set a different ${other}.`,
    );
  }
  if (['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL'].includes(code)) {
    return new CannotListen(`HOST=${host} isn’t an address of this machine.`);
  }
  return new CannotListen(`Turntable can’t listen on ${host}:${port} (${code}).`);
}

async function closeGracefully(
  server: Server,
  answering: ReadonlySet<ServerResponse>,
  graceMs: number,
): Promise<void> {
  // Persistent connections, such as a proxy's, would stay open, so each response says that it is the last.
  const markAsLast = (res: ServerResponse) => {
    if (!res.headersSent) res.setHeader('Connection', 'close');
  };
  answering.forEach(markAsLast);
  server.prependListener('request', (_req, res) => markAsLast(res));

  const cut = setTimeout(() => {
    // Reset, not closed: to an HTTP/1.0 client, the end of the connection is the end of the file, even if half of it is missing.
    // safeguard: reset-downloads-at-stop
    for (const res of answering) if (res.headersSent) res.socket?.resetAndDestroy();
    server.closeAllConnections();
  }, graceMs);
  // safeguard: accept-waiting-connections
  await waitForQuietTurn(server);
  // close() itself closes idle connections.
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(cut);
}

/** A turn of the event loop that takes longer may have made connections wait. */
const quickTurnMs = 1;
/** Connections may arrive without a pause. */
const maxQuietWaitMs = 1_000;

/**
 * Waits for a turn of the event loop in which nothing arrived. Node accepts one connection in each turn; when it stops listening, the system
 * resets those that it has already established but Node hasn't accepted yet, even if their requests have been sent. A proxy can't know
 * whether such a request was handled, so it fails unless it is a GET. The same is true for a request on a connection that was idle.
 */
async function waitForQuietTurn(server: Server): Promise<void> {
  let arrivals = 0;
  const count = () => {
    arrivals += 1;
  };
  server.on('connection', count).on('request', count);
  const giveUpAt = performance.now() + maxQuietWaitMs;
  let isQuiet = false;
  await nextTurn();
  while (!isQuiet && performance.now() < giveUpAt) {
    const [before, startedAt] = [arrivals, performance.now()];
    await nextTurn();
    isQuiet = arrivals === before && performance.now() - startedAt <= quickTurnMs;
  }
  server.off('connection', count).off('request', count);
}
