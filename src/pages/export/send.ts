import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'express';

/** A file to send. */
export type ExportFile = {
  /** Returns the name without the extension, which is `format`. Called when the file begins; `isFullyRead`: it has all been collected by then. */
  name: (isFullyRead: boolean) => string;
  format: string;
  type: string;
  /** Pieces of its text. An error ends the file. */
  text: AsyncIterable<string>;
  /** How long pieces are collected before the file begins, in milliseconds: 0 for a long file, infinity for a part, which is limited anyway. */
  collectMs: number;
};

/** The limit of what is collected, in characters. */
export const maxCollectedCharacters = 4_000_000;
/** Lines held back while a file is sent: one for each `silenceMs` of the longest pause. */
const maxHeldBackLines = 20;

/**
 * Sends a file. If all of it can be collected in time, it gets a length, and an error before that can still become an error page. If not, it is sent
 * while it is being read, and an error cuts the connection, so that the file does not look complete. Keeps the silence between two lines below
 * `silenceMs` milliseconds if it can. Throws the error of the text, and {@link ClientGone}.
 */
export async function sendFile(res: Response, file: ExportFile, silenceMs: number): Promise<void> {
  const pieces = file.text[Symbol.asyncIterator]();
  const { collected, next } = await collect(pieces, file.collectMs);
  attach(res, file, next === null);
  if (next === null) {
    const whole = Buffer.from(collected);
    res.set('Content-Length', String(whole.length)).end(whole);
    return;
  }
  // Piece by piece, as fast as the client takes them; when the client has gone, the calls to Spotify end.
  const failures: unknown[] = [];
  const text = cutOnFailure(withHeartbeat(chain(collected, next, pieces), silenceMs), res, failures);
  // The pipeline listens for the end of the response in several places, and so does middleware: that many listeners are no leak.
  // safeguard: event-listener-limit
  res.setMaxListeners(30);
  // safeguard: export-backpressure
  await pipeline(Readable.from(text, { highWaterMark: 1 }), res).catch(() => {
    // If the text did not fail, the connection did.
    throw failures[0] ?? new ClientGone('The connection was closed');
  });
}

/** Sets the headers that make the response a file. Returns the response. */
export function attach(
  res: Response,
  { name, format, type }: Omit<ExportFile, 'text'>,
  isFullyRead: boolean,
): Response {
  res.set('Cache-Control', 'private, no-store');
  return res.attachment(`${fileName(name(isFullyRead))}.${format}`).type(type);
}

/** The client has closed the connection, so there is no one left to send to. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Returns the part of a name that every system accepts in a file name. */
function fileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this removes them
  const plain = name.toWellFormed().replace(/[\s\u0000-\u001f\u007f/\\:*?"<>|]+/g, ' ');
  return plain.trim() || 'playlist';
}

/** Reads pieces for at most `maxMs` milliseconds. `next` is the piece after them; null at the end. */
async function collect(
  pieces: AsyncIterator<string>,
  maxMs: number,
): Promise<{ collected: string; next: Promise<IteratorResult<string>> | null }> {
  const giveUpAt = performance.now() + maxMs;
  let collected = '';
  for (;;) {
    const next = pieces.next();
    // Whoever awaits it later gets its error; without this, Node would report it as unhandled before.
    next.catch(() => undefined);
    const isTooMuch = collected.length > maxCollectedCharacters && maxMs !== Number.POSITIVE_INFINITY;
    if (isTooMuch || (await takesLonger(next, giveUpAt - performance.now()))) return { collected, next };
    const { done, value } = await next;
    if (done) return { collected, next: null };
    collected += value;
  }
}

/** Yields what was collected, then the pieces after it. */
async function* chain(
  collected: string,
  next: Promise<IteratorResult<string>>,
  pieces: AsyncIterator<string>,
): AsyncGenerator<string> {
  try {
    yield collected;
    for (let result = await next; !result.done; result = await pieces.next()) yield result.value;
  } finally {
    await pieces.return?.();
  }
}

/**
 * Passes text on, but holds back the last few lines, and sends one of them now and then while Spotify is being waited for: proxies and browsers
 * give up on a connection that is silent for a minute.
 */
async function* withHeartbeat(text: AsyncGenerator<string>, silenceMs: number): AsyncGenerator<string> {
  let lines: string[] = [];
  try {
    for (;;) {
      const next = text.next();
      while (await takesLonger(next, silenceMs)) {
        const line = lines.shift();
        // safeguard: export-heartbeat
        if (line !== undefined) yield line;
      }
      const { done, value } = await next;
      if (done) break;
      const all = [...lines, ...value.split(/(?<=\n)/)];
      lines = all.slice(-maxHeldBackLines);
      if (all.length > maxHeldBackLines) yield all.slice(0, -maxHeldBackLines).join('');
    }
    if (lines.length > 0) yield lines.join('');
  } finally {
    await text.return(undefined);
  }
}

/**
 * Cuts the connection if the text fails, and keeps the error, because the stream may report the cut instead. The connection is reset and not just
 * closed: in HTTP/1.0, which proxies may speak to us, a closed connection is the proper end of a response.
 */
async function* cutOnFailure(
  text: AsyncGenerator<string>,
  res: Response,
  failures: unknown[],
): AsyncGenerator<string> {
  try {
    yield* text;
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
