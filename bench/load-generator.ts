import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Clients of a server, in a process of its own that is started with fork(). They speak HTTP over plain sockets: a full client would cost this
 * machine more than refusing it costs the server.
 */

/** What to do; the answer to this message is a `LoadResult`. */
export type Load = {
  port: number;
  /** What the server takes for its own address. */
  host: string;
  /** Each has a connection of its own, and asks for the next page as soon as it has one. */
  clients: number;
  seconds: number;
  /** Whether a client that is refused waits for as long as Retry-After says, or asks again at once. */
  waitsAsTold: boolean;
  /** A page that takes longer is of no use to the person who waits for it. */
  deadlineMs: number;
  /** Taken in turn: each page of the first person, then of the next. */
  cookies: readonly string[];
  paths: readonly string[];
};

export type LoadResult = {
  /** Pages that were whole, right and in time, and how long they took. */
  goodMs: number[];
  refusedMs: number[];
  late: number;
  /** What was neither a page nor an honest 503, and how often. */
  wrong: Record<string, number>;
};

/** Within so much time all have come: not at one and the same moment, which would be another kind of load. */
const arrivalMs = 1_000;

type Answer = { status: number; retryAfterMs: number | null; length: number };

if (process.send) {
  process.once('message', async (load: Load) => process.send?.(await run(load)));
  process.once('disconnect', () => process.exit());
}

async function run(load: Load): Promise<LoadResult> {
  const result: LoadResult = { goodMs: [], refusedMs: [], late: 0, wrong: {} };
  const sockets = new Set<Socket>();
  let asked = 0;
  let over = false;
  const ends = performance.now() + load.seconds * 1_000;
  for (let client = 0; client < load.clients; client += 1)
    setTimeout(start, (client * arrivalMs) / load.clients).unref();
  await sleep(ends - performance.now());
  over = true;
  for (const socket of sockets) socket.removeAllListeners().destroy();
  return result;

  function start(): void {
    if (over) return;
    const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
    sockets.add(socket);
    let askedAt = performance.now();
    let received: Buffer[] = [];
    let answer: Answer | null = null;
    socket.once('connect', ask).on('data', (chunk: Buffer) => {
      received.push(chunk);
      const whole = received.length === 1 ? chunk : Buffer.concat(received);
      received = [whole];
      answer ??= read(whole);
      if (!answer || whole.length < answer.length) return;
      const pauseMs = judge(result, load, { answer, whole, ms: performance.now() - askedAt });
      received = [];
      answer = null;
      if (pauseMs > 0) setTimeout(ask, pauseMs).unref();
      else ask();
    });
    socket.once('error', ({ message }) => note(result, message)).once('close', startAnew);

    function ask(): void {
      if (socket.destroyed) return;
      const path = load.paths[asked % load.paths.length];
      const cookie = load.cookies[Math.floor(asked / load.paths.length) % load.cookies.length];
      asked += 1;
      askedAt = performance.now();
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${load.host}\r\nAccept: text/html\r\nCookie: ${cookie}\r\n\r\n`,
      );
    }

    /** The server has closed it: as it announced after many answers, or without one. */
    function startAnew(): void {
      sockets.delete(socket);
      start();
    }
  }
}

/** Counts an answer; returns for how long its client waits before it asks again, in milliseconds. */
function judge(
  result: LoadResult,
  { deadlineMs, waitsAsTold }: Load,
  { answer: { status, retryAfterMs }, whole, ms }: { answer: Answer; whole: Buffer; ms: number },
): number {
  if (status === 503 && retryAfterMs !== null) {
    result.refusedMs.push(ms);
    return waitsAsTold ? retryAfterMs : 0;
  }
  if (status !== 200) note(result, `status ${status}`);
  else if (!whole.subarray(-20).includes('</html>')) note(result, '200 without its end');
  else if (ms > deadlineMs) result.late += 1;
  else result.goodMs.push(ms);
  return 0;
}

function note({ wrong }: LoadResult, what: string): void {
  wrong[what] = (wrong[what] ?? 0) + 1;
}

/** What the head of an answer says; null while it is not whole. `length` is in bytes, head included. */
function read(begun: Buffer): Answer | null {
  const end = begun.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = begun.toString('latin1', 0, end);
  const header = (name: string) => new RegExp(`\r\n${name}: (\\d+)`, 'i').exec(head)?.[1];
  const retryAfter = header('Retry-After');
  return {
    status: Number(head.slice(9, 12)),
    retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1_000,
    length: end + 4 + Number(header('Content-Length')),
  };
}
