import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { busyResponse } from './overload.ts';

/** Limits for one client and for all of them together. Times are in milliseconds. */
export const connectionLimits = {
  /** Enough for ten thousand streams, and for requests for pages as well. An idle connection takes about 20 kB. */
  maxConnections: 12_000,
  /**
   * Connections waiting to be accepted. The operating system drops any beyond this, and their clients retry only after 1, 3, 7, … seconds,
   * so with Node's default of 511 a few seconds of overload last much longer.
   */
  backlog: 4_096,
  /** From the first byte of a request, or the start of its connection, to the end of its headers. Node's default is a minute. */
  headersMs: 10_000,
  /** The same to the end of its body. Forms are small. Node's default is five minutes. */
  requestMs: 30_000,
  /** How often both are checked. Node's default of 30 s would allow a slow client up to four times as long. */
  checkEveryMs: 1_000,
  /**
   * Longer than proxies keep an idle connection (nginx, HAProxy and AWS load balancers: 60 s by default), so that the proxy always closes it
   * first. Otherwise a proxy may send a request on a connection that is just being closed, and that request is lost.
   */
  // safeguard: keep-alive-beyond-proxies
  keepAliveMs: 75_000,
  /** As in nginx, so that memory allocated for a connection is freed from time to time. The last response says so, so no request is lost. */
  maxRequestsPerConnection: 1_000,
  /** Pipelined requests on one connection. Browsers don't pipeline; apt does, and sends ten. */
  maxPipelined: 10,
  /** A client that has received nothing for this long is not reading its response. */
  stalledMs: 30_000,
  /** From the end of a response until its client has received the last byte. */
  readMs: 120_000,
};

/** More than Node's default of 16 kB, so that a request with too many cookies gets a page that deletes them and not just a 431. */
const maxHeaderSize = 32 * 1024;

/**
 * Creates an HTTP server for `app` that limits the memory, connections and open files that a client can use. `onShed` is called for each
 * connection beyond the limit.
 */
export function createBoundedServer(
  app: RequestListener,
  limits: typeof connectionLimits,
  onShed: () => void,
): Server {
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
    handleInTurn(withReadDeadline(app, limits.readMs), limits.maxPipelined),
  );
  // safeguard: requests-per-connection-limit
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
  // safeguard: detect-stalled-clients
  server.timeout = limits.stalledMs;
  boundConnections(server, limits.maxConnections, onShed);
  return server;
}

/**
 * Handles the requests of a connection one at a time. Node emits pipelined requests all at once and holds back their responses until the
 * earlier ones have been read, so a client that never reads could make us produce thousands of responses.
 */
function handleInTurn(app: RequestListener, maxPipelined: number): RequestListener {
  const waiting = new WeakMap<Socket, number>();
  return (req, res) => {
    const { socket } = req;
    // The connection was shed and is about to be closed.
    // safeguard: skip-refused-connections
    if (socket.writableEnded) return;
    // Node assigns the socket to a response when all earlier ones have been sent.
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

/** Disconnects clients that don't read their responses. Streams have their own limit, in live/sse.ts. */
function withReadDeadline(app: RequestListener, readMs: number): RequestListener {
  return (req, res) => {
    const { socket } = req;
    const isUnread = () => socket.writableLength > 0;
    // Emitted after `server.timeout` without a byte in either direction. If there is nothing to read, the client is waiting for us.
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

/** How long the client of a shed connection has to read its response, and how many may be doing so at once. */
const shedResponseMs = 1_000;
const maxBeingShed = 1_000;

/** Answers connections beyond the limit with 503 without waiting for a request, and closes idle ones to make room. */
function boundConnections(server: Server, maxConnections: number, onShed: () => void): void {
  let open = 0;
  let madeRoomAt = Number.NEGATIVE_INFINITY;
  // Beyond this, Node closes new connections without a response.
  server.maxConnections = maxConnections + maxBeingShed;
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
    // safeguard: count-shed-connections
    onShed();
    setTimeout(() => socket.destroy(), shedResponseMs).unref();
    const now = performance.now();
    if (now - madeRoomAt < shedResponseMs) return;
    madeRoomAt = now;
    // safeguard: close-idle-connections
    server.closeIdleConnections();
  });
}
