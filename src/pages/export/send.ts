import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'express';
import { contentFileName } from './file-name.ts';
import type { Piece } from './format.ts';

export type ExportFile = {
  /** Returns the name without the extension. Called when the file begins; `isFullyRead`: it has all been collected by then. */
  name: (isFullyRead: boolean) => string;
  extension: string;
  type: string;
  /** Returns what the file contains, as headers; called like `name`, and again when all of it has been sent, for the trailers of a long file. */
  facts: (isFullyRead: boolean) => Record<string, string>;
  /** An error ends the file. */
  content: AsyncIterable<Piece>;
  /** How long pieces are collected before the file begins, in milliseconds: 0 for a long file, infinity for a part, which is limited anyway. */
  collectMs: number;
};

export const maxCollectedBytes = 4_000_000;
/** Bytes held back while a file is sent, and how many of them are sent for each `silenceMs` of a pause: enough for the longest one. */
const heldBackBytes = 4_000;
const bytesPerBeat = 200;

/**
 * Sends a file. If all of it can be collected in time, it gets a length, and an error before that can still become an error page. If not, it is sent
 * while it is being read, and an error cuts the connection, so that the file does not look complete. Keeps the silence below `silenceMs` milliseconds
 * if it can. Throws the error of the content, and {@link ClientGone}.
 */
export async function sendFile(res: Response, file: ExportFile, silenceMs: number): Promise<void> {
  const pieces = bytesOf(file.content);
  const { collected, next } = await collect(pieces, file.collectMs);
  attach(res, file, next === null);
  if (next === null) {
    const whole = Buffer.concat(collected);
    res.set('Content-Length', String(whole.length)).end(whole);
    return;
  }
  // Piece by piece, as fast as the client takes them; when the client has gone, the calls to Spotify end.
  const failures: unknown[] = [];
  const content = cutOnFailure(withHeartbeat(chain(collected, next, pieces), silenceMs), res, failures);
  // The pipeline listens for the end of the response in several places, and so does middleware: that many listeners are no leak.
  // safeguard: event-listener-limit
  res.setMaxListeners(30);
  // Whether anything is missing is known only after the headers. HTTP/1.0 has no trailers.
  if (res.req.httpVersion !== '1.0') res.set('Trailer', Object.keys(file.facts(true)).join(', '));
  // safeguard: export-backpressure
  await pipeline(Readable.from(withTrailers(content, res, file), { highWaterMark: 1 }), res).catch(() => {
    // If the content did not fail, the connection did.
    throw failures[0] ?? new ClientGone('The connection was closed');
  });
}

/** Sets the headers that make the response a file. Returns the response. */
export function attach(
  res: Response,
  { name, extension, type, facts }: Omit<ExportFile, 'content'>,
  isFullyRead: boolean,
): Response {
  res.set({ 'Cache-Control': 'private, no-store', ...facts(isFullyRead) });
  return res.attachment(`${contentFileName(name(isFullyRead))}.${extension}`).type(type);
}

/** The client has closed the connection, so there is no one left to send to. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

async function* bytesOf(content: AsyncIterable<Piece>): AsyncGenerator<Buffer> {
  for await (const piece of content) {
    if (piece.length > 0) yield Buffer.from(piece as string);
  }
}

/** Reads pieces for at most `maxMs` milliseconds. `next` is the piece after them; null at the end. */
async function collect(
  pieces: AsyncIterator<Buffer>,
  maxMs: number,
): Promise<{ collected: Buffer[]; next: Promise<IteratorResult<Buffer>> | null }> {
  const giveUpAt = performance.now() + maxMs;
  const collected: Buffer[] = [];
  let length = 0;
  for (;;) {
    const next = pieces.next();
    // Its error goes to the code that awaits it later; without this, Node would report it as unhandled before.
    next.catch(() => undefined);
    const isTooMuch = length > maxCollectedBytes && maxMs !== Number.POSITIVE_INFINITY;
    if (isTooMuch || (await takesLonger(next, giveUpAt - performance.now()))) return { collected, next };
    const { done, value } = await next;
    if (done) return { collected, next: null };
    collected.push(value);
    length += value.length;
  }
}

/** Yields what was collected, then the pieces after it. */
async function* chain(
  collected: Buffer[],
  next: Promise<IteratorResult<Buffer>>,
  pieces: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer> {
  try {
    yield* collected;
    collected.length = 0;
    for (let result = await next; !result.done; result = await pieces.next()) yield result.value;
  } finally {
    await pieces.return?.();
  }
}

/**
 * Passes a file on, but holds back its last bytes, and sends some of them now and then while Spotify is being waited for: proxies and browsers give
 * up on a connection that is silent for a minute.
 */
async function* withHeartbeat(pieces: AsyncGenerator<Buffer>, silenceMs: number): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  try {
    for (;;) {
      const next = pieces.next();
      while (await takesLonger(next, silenceMs)) {
        // safeguard: export-heartbeat
        if (held.length > 0) yield held.subarray(0, bytesPerBeat);
        held = held.subarray(bytesPerBeat);
      }
      const { done, value } = await next;
      if (done) break;
      const all = held.length > 0 ? Buffer.concat([held, value]) : value;
      const sent = Math.max(0, all.length - heldBackBytes);
      held = all.subarray(sent);
      if (sent > 0) yield all.subarray(0, sent);
    }
    if (held.length > 0) yield held;
  } finally {
    await pieces.return(undefined);
  }
}

/** Passes a file on, and adds what it contains as trailers at its end. */
async function* withTrailers(
  content: AsyncGenerator<Buffer>,
  res: Response,
  file: ExportFile,
): AsyncGenerator<Buffer> {
  yield* content;
  // safeguard: facts-of-long-files
  res.addTrailers(file.facts(true));
}

/**
 * Cuts the connection if the content fails, and keeps the error, because the stream may report the cut instead. The connection is reset and not just
 * closed: in HTTP/1.0, which proxies may speak to us, a closed connection is the proper end of a response.
 */
async function* cutOnFailure(
  content: AsyncGenerator<Buffer>,
  res: Response,
  failures: unknown[],
): AsyncGenerator<Buffer> {
  try {
    yield* content;
  } catch (error) {
    // If the connection is gone, that is the cause of this error, or came before it.
    if (!res.destroyed) {
      failures.push(error);
      // safeguard: reset-incomplete-download
      res.socket?.resetAndDestroy();
    }
    throw error;
  }
}

/** Returns whether a promise takes longer than `ms` milliseconds. Ignores its error. */
async function takesLonger(promise: Promise<unknown>, ms: number): Promise<boolean> {
  if (ms === Number.POSITIVE_INFINITY) return false;
  const timeout = new AbortController();
  const { signal } = timeout;
  // Aborting the timer is its only failure.
  const late = sleep(Math.max(0, ms), true, { signal }).catch(() => false);
  const settled = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, late]).finally(() => timeout.abort());
}
