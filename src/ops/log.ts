import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { pino } from 'pino';

/** Facts beside a message. Only what is named at the call goes to the log: never an error or a request as it is. */
export type Facts = Record<string, string | number | boolean | null | undefined>;

export type Log = Record<'debug' | 'info' | 'warn' | 'error', (message: string, facts?: Facts) => void>;

type Options = {
  level: string;
  /** Receives a line of JSON for each entry. */
  write: (line: string) => void;
};

/** A log of JSON lines. */
export function createLog({ level, write }: Options): Log {
  const to = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'message' },
    { write },
  );
  return {
    debug: (message, facts) => to.debug(facts ?? {}, message),
    info: (message, facts) => to.info(facts ?? {}, message),
    warn: (message, facts) => to.warn(facts ?? {}, message),
    error: (message, facts) => to.error(facts ?? {}, message),
  };
}

/** The same line for a person at a terminal: time, message, facts. Line breaks and control characters stay escaped. */
export function forTerminal(line: string): string {
  const { time, level, message, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const told = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const label = typeof level === 'number' && level >= 40 ? (level >= 50 ? 'ERROR ' : 'WARN ') : '';
  const plain = JSON.stringify(message).slice(1, -1).replaceAll('\\"', '"');
  return `${String(time).slice(11, 19)} ${label}${[plain, ...told].join(' ')}\n`;
}

/**
 * Gives each request an id (header X-Request-Id, `res.locals.requestId`) and writes a line when it ends: the path
 * without its query, which at /callback holds a code.
 */
export function accessLog(log: Log): RequestHandler {
  return (req, res, next) => {
    const requestId = randomUUID();
    // safeguard: log-without-queries
    const { method, path } = req;
    const startedAt = performance.now();
    res.locals.requestId = requestId;
    res.set('X-Request-Id', requestId);
    res.once('close', () => {
      const ms = Math.round(performance.now() - startedAt);
      const status = res.writableFinished ? res.statusCode : 'cut off';
      log.info('request', { method, path, status, ms, requestId });
    });
    next();
  };
}

/**
 * What may be said of an error: its name, its message where it is one of our own classes (they are made for the log),
 * and the place in our code it came from. Messages of others may quote what they were given.
 */
export function aboutError(error: unknown): Facts {
  if (!(error instanceof Error)) return { error: typeof error };
  const ownWords = Object.hasOwn(error, 'name') || error instanceof TypeError || error instanceof RangeError;
  const place = /\/(src\/[^\s)]+)/.exec(error.stack ?? '')?.[1];
  return { error: error.name, reason: ownWords ? error.message : undefined, place };
}
