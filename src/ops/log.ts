import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { pino } from 'pino';
import { measureWaits } from '../waiting.ts';
import { routeOf } from './route.ts';
import { inTrace, readTrace } from './trace.ts';

/** The fields of a log entry. They are listed at each call; an error or a request is never logged whole. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

type Level = 'debug' | 'info' | 'warn' | 'error';

export type Log = Record<Level, (message: string, fields?: LogFields) => void> & {
  /** Returns whether entries of this level are written. */
  includes: (level: Level) => boolean;
};

type Options = {
  level: string;
  /** Called with a line of JSON for each entry. */
  write: (line: string) => void;
};

/** Creates a log that writes JSON lines through `write`. */
export function createLog({ level, write }: Options): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'message' },
    { write },
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    includes: (entryLevel) => logger.isLevelEnabled(entryLevel),
  };
}

/** Returns a log line formatted for a terminal: time, message, fields. Line breaks and control characters stay escaped. */
export function formatForTerminal(line: string): string {
  const { time, level, message, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const label = typeof level === 'number' && level >= 40 ? (level >= 50 ? 'ERROR ' : 'WARN ') : '';
  const plain = JSON.stringify(message).slice(1, -1).replaceAll('\\"', '"');
  return `${String(time).slice(11, 19)} ${label}${[plain, ...fields].join(' ')}\n`;
}

declare module 'express-serve-static-core' {
  interface Request {
    /** The same as in the header X-Request-Id. */
    requestId: string;
  }
}

/**
 * Assigns an id to each request (header X-Request-Id, `req.requestId`) and logs it when it ends, without the query, which contains
 * a code at /callback. A request that belongs to a trace (header `traceparent`) is logged with its ids, and runs as part of it. `listenerOf`
 * returns a hash of the listener; it is called when the request has been answered.
 */
export function accessLog(log: Log, listenerOf: (req: Request) => string | undefined): RequestHandler {
  const isLogged = log.includes('info');
  return (req, res, next) => {
    // Short enough to read out, and long enough to be unique in a log.
    const requestId = randomBytes(5).toString('hex');
    // safeguard: log-without-queries
    const { method, path } = req;
    const trace = readTrace(req.get('traceparent'));
    const { traceId, spanId } = trace ?? {};
    req.requestId = requestId;
    res.set('X-Request-Id', requestId);
    if (!isLogged) return inTrace(trace, next);

    const startedAt = performance.now();
    const waits = measureWaits();
    res.once('close', () => {
      const ms = Math.round(performance.now() - startedAt);
      const status = res.writableFinished ? res.statusCode : 'cut off';
      log.info('Request', {
        method,
        path,
        route: routeOf(req),
        status,
        ms,
        redisMs: waits.ms('redis'),
        spotifyMs: waits.ms('spotify'),
        listener: listenerOf(req),
        requestId,
        traceId,
        spanId,
      });
    });
    waits.run(() => inTrace(trace, next));
  };
}

/**
 * Returns what may be logged about an error: its name, the place in our code where it was thrown, and its message if the error is ours
 * classes, whose messages are written for the log. Other messages may contain data.
 */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const isOurs = Object.hasOwn(error, 'name') || error instanceof TypeError || error instanceof RangeError;
  const place = /\/(src\/[^\s)]+)/.exec(error.stack ?? '')?.[1];
  return { error: error.name, reason: isOurs ? error.message : undefined, place };
}

/** Logs each damaged record, with the number of its kind since the start. */
export function damageReporter(log: Log): (kind: string, why: string) => void {
  const counts = new Map<string, number>();
  return (kind, why) => {
    const sinceStart = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, sinceStart);
    log.warn('Ignored a damaged record in Redis', { kind, why, sinceStart });
  };
}
