import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/**
 * Bounds on the requests under way in one process. A count alone is not enough: a thousand requests that wait for Spotify cost memory and
 * next to no CPU, while two hundred pages that are rendered at once keep everyone waiting.
 */
export const overloadLimits = {
  /**
   * Bounds memory. When Spotify takes all of the five seconds it has, these are still 200 pages a second, so a slow Spotify does not make
   * the site refuse everyone.
   */
  maxRequests: 1_000,
  /**
   * So many are served however late the event loop is: if there are so few, something else keeps this machine busy, and refusing them would
   * not help.
   */
  minRequests: 100,
  /**
   * Even refusing takes some 30 us of CPU, and clients that ask again at once could take all of it that way. Beyond so many refusals a second, a
   * refused connection is not read again before the least time that Retry-After names: its next request waits in the kernel, where
   * waiting costs nothing.
   */
  maxRefusalsPerSecond: 200,
  pauseMs: 2_000,
};

/** A timer this late means that there is more to do than the CPU can. Collecting garbage takes less. */
const maxDelayMs = 100;
/** For how long the event loop counts as late after a late timer: an overloaded one is on time again now and then. */
const lateForMs = 1_000;
const sampleEveryMs = 20;
const reportEveryMs = 10_000;

type Deps = {
  /** Paths that are always answered. */
  exempt: readonly string[];
  /** Streams stay open for hours and take next to nothing, so they do not count as requests under way. */
  openStreams: () => number;
  /** Called at the first refusal and then, while there are more, every ten seconds with how many there were. */
  onOverload: (facts: { refused: number; underWay: number }) => void;
  limits?: typeof overloadLimits;
  load?: LoadMonitor;
};

/**
 * Answers 503 with Retry-After while there are too many requests, before anything else is done for them. While the event loop is late, no more
 * are under way than were answered in the last second: by Little's law (requests under way = rate x time), those that are admitted
 * then take about a second.
 */
export function createOverloadGate({
  exempt,
  openStreams,
  onOverload,
  limits = overloadLimits,
  load = createLoadMonitor(),
}: Deps): RequestHandler {
  const { maxRequests, minRequests, maxRefusalsPerSecond, pauseMs } = limits;
  const refusals = { since: 0, count: 0 };
  const report = { at: Number.NEGATIVE_INFINITY, refused: 0 };
  let open = 0;

  return (req, res, next) => {
    // safeguard: answer-health-checks-under-load
    if (exempt.includes(req.path)) return next();
    // safeguard: exclude-streams-from-load
    const underWay = open - openStreams();
    const isLate = load.isLate();
    // safeguard: limit-while-loop-late
    // safeguard: admit-by-response-rate
    // safeguard: serve-some-while-loop-late
    const limit = isLate ? Math.max(minRequests, load.answersPerSecond()) : maxRequests;
    // safeguard: concurrent-request-limit
    // safeguard: cap-admitted-requests
    if (underWay >= Math.min(limit, maxRequests)) {
      refuse(req, res);
      reportRefusal(underWay);
      if (tooManyRefusals()) res.once('close', () => pause(req, pauseMs));
      return;
    }
    open += 1;
    let isUnderWay = true;
    const leave = () => {
      if (isUnderWay) open -= 1;
      isUnderWay = false;
    };
    // When the answer is handed over, the work is done. How long its client takes to read it is bounded for each connection.
    // safeguard: count-sent-responses-as-done
    res.once('prefinish', load.countAnswer).once('prefinish', leave).once('close', leave);
    // safeguard: await-client-disconnect
    if (isLate) nextUnlessGone(req, next);
    else next();
  };

  function reportRefusal(underWay: number): void {
    const now = performance.now();
    report.refused += 1;
    // safeguard: log-overload-once
    if (now - report.at < reportEveryMs) return;
    onOverload({ refused: report.refused, underWay });
    Object.assign(report, { at: now, refused: 0 });
  }

  function tooManyRefusals(): boolean {
    const now = performance.now();
    if (now - refusals.since >= 1_000) Object.assign(refusals, { since: now, count: 0 });
    refusals.count += 1;
    return refusals.count > maxRefusalsPerSecond;
  }
}

/**
 * Goes on with a request unless its client has gone. Under overload many have, long before their request is read; but the end of a
 * connection is only seen the next time that the event loop polls, which is between these two.
 */
function nextUnlessGone({ socket }: IncomingMessage, next: () => void): void {
  setImmediate(() =>
    setImmediate(() => {
      // Node has ended its side as soon as the client has ended its own.
      // safeguard: skip-requests-of-gone-clients
      if (!socket.writableEnded && !socket.destroyed) next();
    }),
  );
}

export type LoadMonitor = ReturnType<typeof createLoadMonitor>;

/** Measures how late the event loop is, and how many requests are answered. */
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
    /** Whether the event loop was late within the last second, or is at this moment: the timer cannot fire before this turn of it ends. */
    isLate(): boolean {
      const now = performance.now();
      // safeguard: detect-overdue-timer
      return now - lateAt < lateForMs || isOverdue(now);
    },
    /** Requests answered per second, in the last second that is over. */
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
const detail = 'This site is getting more requests than it can answer. Nothing was changed or lost.';

// Complete in itself: a stylesheet would be one more request to a server that has too many.
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
/** The same as a whole response, for a connection whose request is not waited for. */
export const busyResponse = Buffer.from(
  `HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${page.length}\r\nRetry-After: 5\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${page}`,
);
const problem = Buffer.from(JSON.stringify({ title, status: 503, detail, reason: 'overloaded' }));

/** As little work as possible: no session, no view, no negotiation beyond whether a program asks. */
function refuse({ headers: { accept = '' } }: IncomingMessage, res: ServerResponse): void {
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

/** Clients that were refused together do not come back together. */
function retryAfterSeconds(): number {
  return 2 + Math.floor(Math.random() * 4);
}
