import { createServer, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';

/** A request of the app, as it was sent. */
export type RecordedRequest = {
  method: string;
  path: string;
  query: Record<string, string>;
  authorization: string;
  /** The body. */
  text: string;
  status: number;
};

/** Starts a proxy to Spotify that records every request. */
export async function startRecorder(t: TestContext) {
  const sent: RecordedRequest[] = [];
  let target = '';
  const server = createServer(async (req, res) => {
    const text = await readText(req);
    const { method = 'GET' } = req;
    const { authorization = '', 'content-type': type = '' } = req.headers;
    const url = new URL(target + req.url);
    const response = await fetch(url, {
      method,
      headers: { Authorization: authorization, 'Content-Type': type },
      ...(text !== '' && { body: text }),
    });
    const { pathname, searchParams } = url;
    const query = Object.fromEntries(searchParams);
    sent.push({ method, path: pathname, query, authorization, text, status: response.status });
    res.writeHead(response.status, { 'Content-Type': response.headers.get('Content-Type') ?? 'text/plain' });
    res.end(Buffer.from(await response.arrayBuffer()));
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
    /** Sets where requests go. To be called before the first one. */
    forwardTo(url: string): void {
      target = url;
    },
  };
}

async function readText(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of req) text += chunk;
  return text;
}
