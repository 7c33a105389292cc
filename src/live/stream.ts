import type { Response } from 'express';

export type Streams = ReturnType<typeof createStreams>;

/** One open stream of Server-Sent Events. */
export type Stream = {
  /** Sends an event with JSON as its data. */
  send(event: string, data: unknown): void;
  /** Says goodbye with an event of this name, and ends the stream. */
  end(event: string): void;
};

const mostPerSession = 10;
/** A client that lets this much pile up does not read; keeping it for them would only fill our memory. */
const mostBacklog = 64 * 1024;
const retryMs = 3_000;
/** When this process goes, its clients come back within so much time and not all at once. */
const spreadMs = 10_000;

/** Streams of Server-Sent Events (HTML Standard, "Server-sent events") that stay open, with a heartbeat, until either side ends them. */
export function createStreams({ heartbeatMs }: { heartbeatMs: number }) {
  const open = new Map<Response, string>();
  let events = 0;
  const beating = setInterval(() => {
    for (const res of open.keys()) write(res, ':\n\n');
  }, heartbeatMs).unref();

  return {
    /** Begins a stream for a session on this response. `onClose` is called once when it is over. Null where the session has too many. */
    begin(res: Response, sessionId: string, onClose: () => void): Stream | null {
      const others = [...open.values()].filter((one) => one === sessionId).length;
      if (others >= mostPerSession) return null;

      open.set(res, sessionId);
      res.once('close', () => {
        open.delete(res);
        onClose();
      });
      // No proxy is to hold it back or to compress it.
      res.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store, no-transform',
        'X-Accel-Buffering': 'no',
      });
      write(res, `retry: ${retryMs}\n\n`);
      return {
        send(event, data) {
          events += 1;
          write(res, `id: ${events}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        },
        end(event) {
          write(res, `event: ${event}\ndata: {}\n\n`);
          res.end();
        },
      };
    },

    count: () => open.size,

    /** Ends all streams; their clients come back in a while, to whoever is there then. */
    close(): void {
      clearInterval(beating);
      for (const res of open.keys()) {
        write(res, `retry: ${Math.round(1_000 + Math.random() * spreadMs)}\n\n`);
        res.end();
      }
    },
  };
}

function write(res: Response, text: string): void {
  if (res.writableEnded || res.destroyed) return;
  res.write(text);
  if (res.writableLength > mostBacklog) res.destroy();
}
