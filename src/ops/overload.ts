import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/**
 * Limits on the requests in flight in one process. A fixed number alone is not enough: a thousand requests that wait for Spotify use memory
 * and hardly any CPU, while two hundred pages that are rendered at once keep everyone waiting.
 */
export const overloadLimits = {
  /**
   * Limits memory. Even if Spotify takes all of the five seconds it has, this allows 200 pages a second, so a slow Spotify doesn't get
   * everyone's requests shed.
   */
  maxRequests: 1_000,
  /**
   * Requests whose bodies are still arriving. Our forms arrive with their headers, so more than a few at a time come from clients that hold
   * their bodies back: to hold up others, or over a bad connection.
   */
  maxArriving: 200,
  /**
   * Served however late the event loop is: with so few requests, something else must be keeping the machine busy, and shedding them wouldn't
   * help.
   */
  minRequests: 100,
  /**
   * Shedding a request takes about 30 us of CPU, so clients that retry at once could use all of it. Beyond this rate, the connection of a shed
   * request isn't read again until the shortest Retry-After has passed; its next request waits in the kernel, which costs nothing.
   */
  maxShedPerSecond: 200,
  pauseMs: 2_000,
};

/** A timer this late means that the CPU is overloaded. Garbage collection delays it less. */
const maxDelayMs = 100;
/** How long the event loop counts as late after a late timer. An overloaded one is on time now and then. */
const lateForMs = 1_000;
const sampleEveryMs = 20;
const reportEveryMs = 10_000;

type Deps = {
  /** Paths that are always answered. */
  exempt: readonly string[];
  /** Returns the number of open streams. They use almost nothing and stay open for hours, so they don't count as requests in flight. */
  openStreams: () => number;
  /** Called when the first request is shed, and then every ten seconds while more are, with their number. */
  onOverload: (counts: { shed: number; inFlight: number }) => void;
  /** Called for every shed request. */
  onShed: () => void;
  limits?: typeof overloadLimits;
  load?: LoadMonitor;
};

/**
 * Responds with 503 and Retry-After while there are too many requests, before anything else is done for them. While the event loop is late, no more
 * requests are in flight than were answered in the last second. By Little's law (requests in flight = rate x time), the admitted ones then
 * take about a second.
 */
export function createOverloadGate({
  exempt,
  openStreams,
  onOverload,
  onShed,
  limits = overloadLimits,
  load = createLoadMonitor(),
}: Deps): RequestHandler {
  const { maxRequests, minRequests, maxArriving, maxShedPerSecond, pauseMs } = limits;
  const recentlyShed = { since: 0, count: 0 };
  const report = { at: Number.NEGATIVE_INFINITY, shed: 0 };
  let open = 0;
  /** Requests whose bodies are still arriving, the oldest first, and what counts each as in flight. */
  const arriving = new Map<IncomingMessage, () => void>();

  return (req, res, next) => {
    // safeguard: answer-health-checks-under-load
    if (exempt.includes(req.path)) return next();
    // safeguard: exclude-streams-from-load
    const inFlight = open - openStreams();
    const isLate = load.isLate();
    // safeguard: limit-while-loop-late
    // safeguard: admit-by-response-rate
    // safeguard: serve-some-while-loop-late
    const limit = isLate ? Math.max(minRequests, load.answersPerSecond()) : maxRequests;
    // safeguard: concurrent-request-limit
    // safeguard: cap-admitted-requests
    if (inFlight >= Math.min(limit, maxRequests)) {
      shed(req, res);
      onShed();
      reportShed(inFlight);
      if (countShed()) res.once('close', () => pause(req, pauseMs));
      return;
    }
    let isInFlight = false;
    const enter = () => {
      arriving.delete(req);
      open += 1;
      isInFlight = true;
    };
    const leave = () => {
      arriving.delete(req);
      if (isInFlight) open -= 1;
      isInFlight = false;
    };
    // A client could hold back the bodies of as many requests as may be in flight, and no one else would be served.
    // safeguard: exclude-arriving-requests
    if (isArriving(req)) {
      arriving.set(req, enter);
      req.once('end', () => arriving.get(req)?.());
      // safeguard: limit-arriving-requests
      if (arriving.size > maxArriving) cutOffOldest();
    } else enter();
    // The work is done when the response has been handed over. How long its client may take to read it is limited per connection.
    // safeguard: count-sent-responses-as-done
    res.once('prefinish', load.countAnswer).once('prefinish', leave).once('close', leave);
    // safeguard: await-client-disconnect
    if (isLate) nextUnlessGone(req, next);
    else next();
  };

  /** Cuts off the request whose body has been arriving for longest. Those that have arrived, and were not read, count as in flight. */
  function cutOffOldest(): void {
    for (const [req, enter] of arriving) {
      if (!req.complete) return void req.socket.destroy();
      enter();
    }
  }

  function reportShed(inFlight: number): void {
    const now = performance.now();
    report.shed += 1;
    // safeguard: log-overload-once
    if (now - report.at < reportEveryMs) return;
    onOverload({ shed: report.shed, inFlight });
    Object.assign(report, { at: now, shed: 0 });
  }

  /** Counts a shed request. Returns whether there have been too many within a second. */
  function countShed(): boolean {
    const now = performance.now();
    if (now - recentlyShed.since >= 1_000) Object.assign(recentlyShed, { since: now, count: 0 });
    recentlyShed.count += 1;
    return recentlyShed.count > maxShedPerSecond;
  }
}

/** Whether more of a request is to come than its headers. */
function isArriving({ complete, headers }: IncomingMessage): boolean {
  return (
    !complete && (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined)
  );
}

/**
 * Continues with a request unless its client has disconnected. Under overload many have, long before their request is read, but a closed
 * connection is only noticed the next time the event loop polls, which is between these two callbacks.
 */
function nextUnlessGone({ socket }: IncomingMessage, next: () => void): void {
  setImmediate(() =>
    setImmediate(() => {
      // Node ends its side as soon as the client has ended its own.
      // safeguard: skip-requests-of-gone-clients
      if (!socket.writableEnded && !socket.destroyed) next();
    }),
  );
}

type LoadMonitor = ReturnType<typeof createLoadMonitor>;

/** Measures whether the event loop is late, and how many requests are answered. */
export function createLoadMonitor() {
  let sampledAt = performance.now();
  let lateAt = Number.NEGATIVE_INFINITY;
  let countedAt = sampledAt;
  let answers = 0;
  let answersPerSecond = 0;
  const isOverdue = (now: number) => now - sampledAt - sampleEveryMs > maxDelayMs;

  setInterval(() => {
    const now = performance.now();
    // safeguard: remember-late-loop
    if (isOverdue(now)) lateAt = now;
    sampledAt = now;
    if (now - countedAt < 1_000) return;
    answersPerSecond = (answers * 1_000) / (now - countedAt);
    answers = 0;
    countedAt = now;
  }, sampleEveryMs).unref();

  return {
    /** Returns whether the event loop was late within the last second, or is now: the timer can't fire before this turn ends. */
    isLate(): boolean {
      const now = performance.now();
      // safeguard: detect-overdue-timer
      return now - lateAt < lateForMs || isOverdue(now);
    },
    answersPerSecond: () => answersPerSecond,
    countAnswer(): void {
      answers += 1;
    },
  };
}

function pause({ socket }: IncomingMessage, ms: number): void {
  // safeguard: delay-immediate-retries
  socket.pause();
  setTimeout(() => socket.resume(), ms).unref();
}

const title = 'Busy, try again in a moment';
const detail = 'This site is getting more requests than it can handle. Nothing was changed or lost.';

// Self-contained, because a stylesheet would be one more request to an overloaded server.
const page = Buffer.from(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Turntable</title>
<style>
body { max-width: 34rem; margin: 20vh auto 0; padding: 0 1.5rem; font: 1.125rem/1.5 system-ui, sans-serif }
h1 { font-size: 2rem; line-height: 1.2 }
a { color: inherit; font-weight: 600 }
</style>
<main>
<h1>${title}</h1>
<p>${detail}</p>
<p>Wait five seconds, then <a href="">try again</a>.</p>
</main>
`);
/** The same as a complete response, for a connection that is shed before its request arrives. */
export const busyResponse = Buffer.from(
  `HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${page.length}\r\nRetry-After: 5\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${page}`,
);
const problem = Buffer.from(JSON.stringify({ title, status: 503, detail, reason: 'overloaded' }));

/** Does as little work as possible: no session, no view, and the only negotiation is for JSON. */
function shed({ headers: { accept = '' } }: IncomingMessage, res: ServerResponse): void {
  const wantsJson = accept.includes('json') && !accept.includes('html');
  const body = wantsJson ? problem : page;
  res.writeHead(503, {
    'Content-Type': wantsJson ? 'application/problem+json' : 'text/html; charset=utf-8',
    'Content-Length': body.length,
    // safeguard: retry-after-header
    'Retry-After': retryAfterSeconds(),
    'Cache-Control': 'no-store',
    Vary: 'Accept',
    'X-Content-Type-Options': 'nosniff',
  });
  res.end(body);
}

/** Random, so that clients whose requests were shed together don't come back together. */
function retryAfterSeconds(): number {
  return 2 + Math.floor(Math.random() * 4);
}
