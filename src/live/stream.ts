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
  let closed = false;
  const beating = setInterval(() => {
    for (const res of open.keys()) write(res, ':\n\n');
  }, heartbeatMs).unref();

  return {
    /** Begins a stream for a session on this response. `onClose` is called once when it is over. Null where the session has too many, or none begin any more. */
    begin(res: Response, sessionId: string, onClose: () => void): Stream | null {
      const others = [...open.values()].filter((one) => one === sessionId).length;
      if (closed || others >= mostPerSession) return null;

      open.set(res, sessionId);
      const over = () => {
        if (open.delete(res)) onClose();
      };
      res.once('close', over);
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
          over();
          finish(res);
        },
      };
    },

    count: () => open.size,

    /** Ends all streams; their clients come back in a while, to whoever is there then. */
    close(): void {
      closed = true;
      clearInterval(beating);
      for (const res of open.keys()) {
        write(res, `retry: ${Math.round(1_000 + Math.random() * spreadMs)}\n\n`);
        finish(res);
      }
    },
  };
}

/** Ends a stream, and cuts it off where its client does not read to the end. */
function finish(res: Response): void {
  res.end();
  setTimeout(() => res.destroy(), 2_000).unref();
}

function write(res: Response, text: string): void {
  if (res.writableEnded || res.destroyed) return;
  res.write(text);
  if (res.writableLength > mostBacklog) res.destroy();
}
