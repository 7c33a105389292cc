import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { Simulator } from '../../simulator/simulator.ts';
import type { CleanupScope } from './cleanup.ts';
import type { HeldCommand, Side } from './redis-proxy.ts';

export type AccountsProxy = Awaited<ReturnType<typeof startAccountsProxy>>;

type Hold = { side: Side; reach(): void; released: Promise<void> };

/** Starts a proxy to the token endpoint that can hold single requests, before Spotify receives them or before the response arrives. */
export async function startAccountsProxy(t: CleanupScope, simulator: Simulator) {
  let holds: Hold[] = [];
  const answeredAt: number[] = [];
  let inFlight = 0;
  let maxInFlight = 0;

  async function waitForRelease(side: Side): Promise<void> {
    const match = holds.find((hold) => hold.side === side);
    if (!match) return;
    holds = holds.filter((one) => one !== match);
    match.reach();
    await match.released;
  }

  const server: Server = createServer({ keepAliveTimeout: 65_000 }, async (req, res) => {
    // The disconnect of an earlier caller may be read in this turn of the event loop; two turns later it no longer counts.
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    inFlight += 1;
    maxInFlight = Math.max(maxInFlight, inFlight);
    res.once('close', () => (inFlight -= 1));
    const body = await readBody(req);

    await waitForRelease('before');
    // If the caller has died, Spotify doesn't receive the request.
    if (body === null || res.destroyed) return;
    const { host: _host, ...headers } = req.headers;
    const forwarded = request(simulator.accountsUrl + req.url, { method: req.method, headers });
    forwarded.once('error', () => res.destroy());
    forwarded.once('response', async (response) => {
      const responseBody = await readBody(response);
      if (responseBody === null) return void res.destroy();
      await waitForRelease('after');
      answeredAt.push(performance.now());
      res.writeHead(response.statusCode ?? 502, response.headers).end(responseBody);
    });
    forwarded.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };

  return {
    accountsUrl: `http://127.0.0.1:${port}`,
    /** Holds the next request, before Spotify receives it or before its response arrives, until it is released. */
    hold(side: Side): HeldCommand {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      holds.push({ side, reach: reached.resolve, released: released.promise });
      return { reached: reached.promise.then(() => ''), release: released.resolve };
    },
    /** Returns the highest number of requests in flight at the same time. */
    maxConcurrent: () => maxInFlight,
    /** The times of all responses, by performance.now(). */
    answeredAt,
  };
}

/** Returns null if the connection breaks before the end. */
async function readBody(message: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of message) chunks.push(chunk);
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}
