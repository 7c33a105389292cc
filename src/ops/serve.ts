import { createServer, type RequestListener, type Server } from 'node:http';

export type Serving = {
  /** The port it listens on. */
  port: number;
  /** Takes no new connections, lets requests under way finish for up to `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
};

/** Serves `app` over http. Rejects with Node's error when it cannot listen (EADDRINUSE, EACCES). */
export async function serve(app: RequestListener, at: { host: string; port: number }): Promise<Serving> {
  // Slow senders are cut off long before Node's defaults of a minute for headers and five for a request.
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
  return { port: portOf(server), close: (graceMs = 10_000) => closed(server, graceMs) };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}

async function closed(server: Server, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  // Idle keep-alive connections are closed by close() itself.
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(cut);
}
