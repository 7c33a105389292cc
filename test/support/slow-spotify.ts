import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { Simulator } from '../../simulator/simulator.ts';
import type { Ends } from './ends.ts';
import type { Held, Side } from './slow-redis.ts';

export type SlowSpotify = Awaited<ReturnType<typeof slowSpotify>>;

/** A way to the token endpoint on which single requests can be held up: on the way there, or on the way back. */
export async function slowSpotify(t: Ends, simulator: Simulator) {
  let holds: { side: Side; reach(): void; over: Promise<void> }[] = [];
  const answeredAt: number[] = [];
  let underWay = 0;
  let most = 0;

  async function pass(side: Side): Promise<void> {
    const met = holds.find((hold) => hold.side === side);
    if (!met) return;
    holds = holds.filter((one) => one !== met);
    met.reach();
    await met.over;
  }

  const server: Server = createServer({ keepAliveTimeout: 65_000 }, async (req, res) => {
    // A caller who gave up before this one called may be read of in the same turn.
    for (let turns = 0; turns < 2; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    underWay += 1;
    most = Math.max(most, underWay);
    res.once('close', () => (underWay -= 1));
    const body = await whole(req);

    await pass('before');
    // Who asked has died meanwhile: nothing of it arrives.
    if (body === null || res.destroyed) return;
    const { host: _host, ...headers } = req.headers;
    const onward = request(simulator.accountsUrl + req.url, { method: req.method, headers });
    // Whatever goes wrong beyond goes wrong here.
    onward.once('error', () => res.destroy());
    onward.once('response', async (answer) => {
      const text = await whole(answer);
      if (text === null) return void res.destroy();
      await pass('after');
      answeredAt.push(performance.now());
      res.writeHead(answer.statusCode ?? 502, answer.headers).end(text);
    });
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };

  return {
    accountsUrl: `http://127.0.0.1:${port}`,
    /** Holds the next request, on the way to Spotify or on the way back, until it is let go. */
    hold(side: Side): Held {
      const reached = Promise.withResolvers<void>();
      const over = Promise.withResolvers<void>();
      holds.push({ side, reach: reached.resolve, over: over.promise });
      return { reached: reached.promise.then(() => ''), release: over.resolve };
    },
    /** How many requests were under way at the same moment, at the most. */
    most: () => most,
    /** The moments, by performance.now(), at which an answer was given. */
    answeredAt,
  };
}

/** All that comes; null where the line is cut before. */
async function whole(message: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  try {
    for await (const part of message) parts.push(part);
  } catch {
    return null;
  }
  return Buffer.concat(parts);
}
