import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { busyResponse } from './overload.ts';

/** What one client, or all of them together, may take of the server. Times in milliseconds. */
export const connectionLimits = {
  /** Ten thousand streams, and the pages of the people who have them open. An idle connection takes about 20 kB. */
  maxConnections: 12_000,
  /**
   * Connections that wait to be accepted. When these are more than the system was told, it drops them, and their clients try again only after
   * 1, 3, 7, … seconds: with Node's default of 511, a few seconds of overload last much longer for them.
   */
  backlog: 4_096,
  /** From the first byte of a request, or the beginning of its connection, to the end of its headers. Node's default is a minute. */
  headersMs: 10_000,
  /** The same, to the end of its body. Forms are small. Node's default is five minutes. */
  requestMs: 30_000,
  /** How often both are checked. Node's default of 30 s would let a slow sender go on for up to four times as long as it may. */
  checkEveryMs: 1_000,
  /**
   * Longer than proxies keep an idle connection (nginx, HAProxy and AWS load balancers: 60 s by default), so that the proxy is always the
   * side that closes it. The other way round, it sends a request into a connection that is just being closed, and that request is lost.
   */
  // safeguard: keep-alive-beyond-proxies
  keepAliveMs: 75_000,
  /** As nginx: what has piled up for a connection is freed now and then. The last answer announces it, so no request is lost. */
  maxRequestsPerConnection: 1_000,
  /** Requests on one connection that wait for their turn. No browser sends any; apt, which does, sends ten. */
  maxPipelined: 10,
  /** A client that takes nothing of its answer for so long is not reading it. */
  stalledMs: 30_000,
  /** From when an answer was handed over until its client has taken the last byte of it. */
  readMs: 120_000,
};

/** More than Node's 16 kB: a request with too many cookies gets a page that deletes them instead of a bare 431. */
export const maxHeaderSize = 32 * 1024;

/** An HTTP server for `app` on which no client can hold more than its share of memory, connections or open files. */
export function createBoundedServer(app: RequestListener, limits: typeof connectionLimits): Server {
  const server = createServer(
    {
      // safeguard: header-deadline
      headersTimeout: limits.headersMs,
      // safeguard: request-body-deadline
      requestTimeout: limits.requestMs,
      // safeguard: slow-sender-check-interval
      connectionsCheckingInterval: limits.checkEveryMs,
      // safeguard: keep-alive-timeout
      keepAliveTimeout: limits.keepAliveMs,
      // safeguard: header-size-limit
      maxHeaderSize,
    },
    inTurn(withReadingBounded(app, limits.readMs), limits.maxPipelined),
  );
  // safeguard: requests-per-connection-limit
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
  // safeguard: detect-stalled-clients
  server.timeout = limits.stalledMs;
  boundConnections(server, limits.maxConnections);
  return server;
}

/**
 * Handles one request of a connection at a time. Node hands over pipelined requests all at once and holds their answers back until the
 * earlier ones are read, so a client that never reads could have thousands made that it does not take.
 */
function inTurn(app: RequestListener, maxPipelined: number): RequestListener {
  const waiting = new WeakMap<Socket, number>();
  return (req, res) => {
    const { socket } = req;
    // Refused, and about to be closed.
    // safeguard: skip-refused-connections
    if (socket.writableEnded) return;
    // Node gives an answer its socket when all the answers before it are sent.
    // safeguard: pipelined-requests-in-turn
    if (res.socket) return app(req, res);

    const count = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, count);
    // safeguard: pipelining-limit
    if (count > maxPipelined) return void socket.destroy();
    res.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      app(req, res);
    });
  };
}

/** Cuts clients that do not read their answers. Streams have a rule of their own, in live/stream.ts. */
function withReadingBounded(app: RequestListener, readMs: number): RequestListener {
  return (req, res) => {
    const { socket } = req;
    const isUnread = () => socket.writableLength > 0;
    // After `server.timeout` without a byte in either direction. With nothing to read, the client waits for us: that is no fault of its own.
    res.on('timeout', () => {
      // safeguard: spare-waiting-clients
      // safeguard: cut-off-stalled-clients
      if (isUnread()) socket.destroy();
    });
    res.once('prefinish', () => {
      // safeguard: response-read-deadline
      if (isUnread()) cutAfter(res, socket, readMs);
    });
    app(req, res);
  };
}

function cutAfter(res: ServerResponse, socket: Socket, ms: number): void {
  const timer = setTimeout(() => socket.destroy(), ms).unref();
  res.once('close', () => clearTimeout(timer));
}

/** How long a refused client has to take its answer, and how many may be doing so. */
const refusedMs = 1_000;
const maxRefused = 1_000;

/** Answers connections beyond the limit 503 without waiting for their request, and makes room by closing idle ones. */
function boundConnections(server: Server, maxConnections: number): void {
  let open = 0;
  let madeRoomAt = Number.NEGATIVE_INFINITY;
  // Beyond these, Node closes new connections without a word.
  server.maxConnections = maxConnections + maxRefused;
  server.prependListener('connection', (socket: Socket) => {
    // safeguard: connection-limit
    if (open < maxConnections) {
      open += 1;
      socket.once('close', () => {
        open -= 1;
      });
      return;
    }
    // safeguard: respond-beyond-connection-limit
    socket.end(busyResponse);
    setTimeout(() => socket.destroy(), refusedMs).unref();
    const now = performance.now();
    if (now - madeRoomAt < refusedMs) return;
    madeRoomAt = now;
    // safeguard: close-idle-connections
    server.closeIdleConnections();
  });
}
