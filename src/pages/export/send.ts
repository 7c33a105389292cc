import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'express';

export type File = {
  /** Asked for when the file begins, and whether it is over by then. Without its ending, which `format` is. */
  name: (isOver: boolean) => string;
  format: string;
  type: string;
  /** Pieces of its text. What they throw ends the file. */
  text: AsyncIterable<string>;
  /** For how long pieces are collected before the file begins, in milliseconds: 0 for a long file, infinity for a part, which ends by itself. */
  collectMs: number;
};

/** How much is collected at most, in characters. */
export const mostCollected = 4_000_000;
/** Lines held back while a file is being sent: one each `silenceMs` outlasts every pause. */
const heldBackLines = 20;

/**
 * Sends a file. If all of it could be collected in time, it has a length, and what went wrong before was thrown and can still be an error page. If
 * not, it is sent as it is being read; what goes wrong then cuts the connection, so that nobody takes it for whole. Never lets more than
 * `silenceMs` milliseconds pass between two lines if it can help it. Throws what the text throws, and {@link ReaderGone}.
 */
export async function sendFile(res: Response, file: File, silenceMs: number): Promise<void> {
  const pieces = file.text[Symbol.asyncIterator]();
  const { held, next } = await collect(pieces, file.collectMs);
  attach(res, file, next === null);
  if (next === null) {
    const whole = Buffer.from(held);
    res.set('Content-Length', String(whole.length)).end(whole);
    return;
  }
  // Piece by piece, as fast as the reader takes them; when nobody reads any more, Spotify is asked no more.
  const failures: unknown[] = [];
  const text = orCut(neverSilent(following(held, next, pieces), silenceMs), res, failures);
  // The pipeline listens for the end of the response in several places, beside the middleware: that many listeners are no leak.
  // safeguard: event-listener-limit
  res.setMaxListeners(30);
  // safeguard: export-backpressure
  await pipeline(Readable.from(text, { highWaterMark: 1 }), res).catch(() => {
    // Where the text did not fail, the connection did.
    throw failures[0] ?? new ReaderGone('The connection was closed');
  });
}

/** Says what file the answer is. */
export function attach(res: Response, { name, format, type }: Omit<File, 'text'>, isOver: boolean): Response {
  res.set('Cache-Control', 'private, no-store');
  return res.attachment(`${fileName(name(isOver))}.${format}`).type(type);
}

/** Nobody reads the file any more: there is nothing left to do, and nobody to tell. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** What of a name every system takes for a file. */
function fileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into it
  const plain = name.toWellFormed().replace(/[\s\u0000-\u001f\u007f/\\:*?"<>|]+/g, ' ');
  return plain.trim() || 'playlist';
}

/** Reads pieces for so long at most. `next` is what comes after them; null if nothing does. */
async function collect(
  pieces: AsyncIterator<string>,
  forMs: number,
): Promise<{ held: string; next: Promise<IteratorResult<string>> | null }> {
  const giveUpAt = performance.now() + forMs;
  let held = '';
  for (;;) {
    const next = pieces.next();
    // Its failure is thrown to whoever reads on.
    next.catch(() => undefined);
    const isTooMuch = held.length > mostCollected && forMs !== Number.POSITIVE_INFINITY;
    if (isTooMuch || (await isLater(next, giveUpAt - performance.now()))) return { held, next };
    const { done, value } = await next;
    if (done) return { held, next: null };
    held += value;
  }
}

async function* following(
  held: string,
  next: Promise<IteratorResult<string>>,
  pieces: AsyncIterator<string>,
): AsyncGenerator<string> {
  try {
    yield held;
    for (let result = await next; !result.done; result = await pieces.next()) yield result.value;
  } finally {
    await pieces.return?.();
  }
}

/**
 * Passes text on, but for the last few lines. While nothing comes after them, because Spotify is being waited for, it passes one of them on now and
 * then: proxies and browsers give a connection up that is silent for a minute.
 */
async function* neverSilent(text: AsyncGenerator<string>, silenceMs: number): AsyncGenerator<string> {
  let lines: string[] = [];
  try {
    for (;;) {
      const next = text.next();
      while (await isLater(next, silenceMs)) {
        const line = lines.shift();
        // safeguard: export-heartbeat
        if (line !== undefined) yield line;
      }
      const { done, value } = await next;
      if (done) break;
      const all = [...lines, ...value.split(/(?<=\n)/)];
      lines = all.slice(-heldBackLines);
      if (all.length > heldBackLines) yield all.slice(0, -heldBackLines).join('');
    }
    if (lines.length > 0) yield lines.join('');
  } finally {
    await text.return(undefined);
  }
}

/**
 * Cuts the connection if the text fails, and keeps the failure: what the stream makes of it may come from the cut. The connection is reset and not
 * only closed: where an answer ends with its connection (HTTP/1.0, which proxies may speak to us), closing it would be its proper end.
 */
async function* orCut(
  text: AsyncGenerator<string>,
  res: Response,
  failures: unknown[],
): AsyncGenerator<string> {
  try {
    yield* text;
  } catch (error) {
    // If the connection is gone, that is what is thrown in here, or came before.
    if (!res.destroyed) {
      failures.push(error);
      // safeguard: reset-incomplete-download
      res.socket?.resetAndDestroy();
    }
    throw error;
  }
}

/** Whether this takes longer than so many milliseconds. Does not throw what it throws. */
async function isLater(promise: Promise<unknown>, ms: number): Promise<boolean> {
  if (ms === Number.POSITIVE_INFINITY) return false;
  const enough = new AbortController();
  const { signal } = enough;
  // Aborting the timer is its only failure.
  const late = sleep(Math.max(0, ms), true, { signal }).catch(() => false);
  const settled = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, late]).finally(() => enough.abort());
}
