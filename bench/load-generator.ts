import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Clients of a server, in a process started with fork(). They use plain sockets, because a real HTTP client would take more CPU than the
 * server needs to refuse it.
 */

/** Sent to the process, which replies with a `LoadResult`. */
export type Load = {
  port: number;
  /** The host in the server's address. */
  host: string;
  /** Each has its own connection, and requests the next page as soon as it has one. */
  clients: number;
  seconds: number;
  /** Whether a refused client waits for Retry-After, or retries at once. */
  respectsRetryAfter: boolean;
  /** A page that takes longer counts as late. */
  deadlineMs: number;
  /** Each client requests all pages with the first cookie, then with the next one. An empty one is not sent. */
  cookies: readonly string[];
  paths: readonly string[];
};

export type LoadResult = {
  /** How long each complete, correct and timely page took. */
  goodMs: number[];
  refusedMs: number[];
  late: number;
  /** Responses that were neither a page nor a 503 with Retry-After, with their numbers. */
  wrong: Record<string, number>;
};

/** The clients arrive within this time; all at the same moment would be another kind of load. */
const arrivalMs = 1_000;

type ResponseHead = { status: number; retryAfterMs: number | null; length: number };

if (process.send) {
  process.once('message', async (load: Load) => process.send?.(await run(load)));
  process.once('disconnect', () => process.exit());
}

async function run(load: Load): Promise<LoadResult> {
  const result: LoadResult = { goodMs: [], refusedMs: [], late: 0, wrong: {} };
  const sockets = new Set<Socket>();
  let requested = 0;
  let hasEnded = false;
  const endsAt = performance.now() + load.seconds * 1_000;
  for (let client = 0; client < load.clients; client += 1)
    setTimeout(start, (client * arrivalMs) / load.clients).unref();
  await sleep(endsAt - performance.now());
  hasEnded = true;
  for (const socket of sockets) socket.removeAllListeners().destroy();
  return result;

  function start(): void {
    if (hasEnded) return;
    const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
    sockets.add(socket);
    let requestedAt = performance.now();
    let received: Buffer[] = [];
    let head: ResponseHead | null = null;
    socket.once('connect', sendRequest).on('data', (chunk: Buffer) => {
      received.push(chunk);
      const whole = received.length === 1 ? chunk : Buffer.concat(received);
      received = [whole];
      head ??= parseHead(whole);
      if (!head || whole.length < head.length) return;
      const pauseMs = judge(result, load, { head, whole, ms: performance.now() - requestedAt });
      received = [];
      head = null;
      if (pauseMs > 0) setTimeout(sendRequest, pauseMs).unref();
      else sendRequest();
    });
    socket.once('error', ({ message }) => countWrong(result, message)).once('close', reconnect);

    function sendRequest(): void {
      if (socket.destroyed) return;
      const path = load.paths[requested % load.paths.length];
      const cookie = load.cookies[Math.floor(requested / load.paths.length) % load.cookies.length];
      requested += 1;
      requestedAt = performance.now();
      const signedIn = cookie ? `Cookie: ${cookie}\r\n` : '';
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${load.host}\r\nAccept: text/html\r\n${signedIn}\r\n`);
    }

    /** The server has closed the connection: after many responses, or without one. */
    function reconnect(): void {
      sockets.delete(socket);
      start();
    }
  }
}

/** Counts a response. Returns how many milliseconds the client waits before its next request. */
function judge(
  result: LoadResult,
  { deadlineMs, respectsRetryAfter }: Load,
  { head: { status, retryAfterMs }, whole, ms }: { head: ResponseHead; whole: Buffer; ms: number },
): number {
  if (status === 503 && retryAfterMs !== null) {
    result.refusedMs.push(ms);
    return respectsRetryAfter ? retryAfterMs : 0;
  }
  if (status !== 200) countWrong(result, `status ${status}`);
  else if (!whole.subarray(-20).includes('</html>')) countWrong(result, '200, cut off');
  else if (ms > deadlineMs) result.late += 1;
  else result.goodMs.push(ms);
  return 0;
}

function countWrong({ wrong }: LoadResult, what: string): void {
  wrong[what] = (wrong[what] ?? 0) + 1;
}

/** Parses the head of a response; null if it isn't complete. `length` is in bytes and includes the head. */
function parseHead(received: Buffer): ResponseHead | null {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = received.toString('latin1', 0, end);
  const header = (name: string) => new RegExp(`\r\n${name}: (\\d+)`, 'i').exec(head)?.[1];
  const retryAfter = header('Retry-After');
  return {
    status: Number(head.slice(9, 12)),
    retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1_000,
    length: end + 4 + Number(header('Content-Length')),
  };
}
