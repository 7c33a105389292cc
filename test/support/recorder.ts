import { createServer, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';

/** A request of ours, as it was sent. */
export type Sent = {
  method: string;
  path: string;
  query: Record<string, string>;
  authorization: string;
  /** Its body, as text. */
  text: string;
  status: number;
};

/** A way to Spotify on which everything is written down. */
export async function recorder(t: TestContext) {
  const sent: Sent[] = [];
  let target = '';
  const server = createServer(async (req, res) => {
    const text = await textOf(req);
    const { method = 'GET' } = req;
    const { authorization = '', 'content-type': type = '' } = req.headers;
    const url = new URL(target + req.url);
    const answer = await fetch(url, {
      method,
      headers: { Authorization: authorization, 'Content-Type': type },
      ...(text !== '' && { body: text }),
    });
    const { pathname, searchParams } = url;
    const query = Object.fromEntries(searchParams);
    sent.push({ method, path: pathname, query, authorization, text, status: answer.status });
    res.writeHead(answer.status, { 'Content-Type': answer.headers.get('Content-Type') ?? 'text/plain' });
    res.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  return {
    sent,
    url: `http://127.0.0.1:${port}`,
    /** Where everything goes on to; to be said before the first request. */
    passOnTo(url: string): void {
      target = url;
    },
  };
}

async function textOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of req) text += piece;
  return text;
}
