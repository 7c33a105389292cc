import { gzipSync } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import type { Fault } from './types.ts';

const hugeBodyMegabytes = 60;

export type PendingFault = { fault: Fault; remaining: number };

export type Faults = {
  add(fault: Fault): void;
  clear(): void;
  pending(): readonly PendingFault[];
  /** Applies the oldest matching fault to a request. */
  apply: RequestHandler;
};

/** The faults that are still to be applied to requests, oldest first. */
export function createFaults(): Faults {
  let pending: PendingFault[] = [];

  return {
    add: (fault) => void pending.push({ fault, remaining: fault.times ?? 1 }),
    clear: () => {
      pending = [];
    },
    pending: () => pending,
    apply(req, res, next) {
      const match = pending.find(({ fault }) => matches(fault, req));
      if (!match) return next();
      match.remaining -= 1;
      if (match.remaining <= 0) pending = pending.filter((other) => other !== match);

      const { answer, how } = match.fault;
      if (how === 'reset-after') {
        resetInsteadOfAnswering(res);
        next();
      } else if (how) {
        afterDelay(res, match.fault, () => misbehave(res, how));
      } else if (answer) {
        afterDelay(res, match.fault, () => sendAnswer(res, answer));
      } else {
        delayAnswer(res, match.fault);
        next();
      }
    },
  };
}

function matches({ on, method, minOffset }: Fault, { path, query, method: asked }: Request): boolean {
  if (method !== undefined && method !== asked) return false;
  if (minOffset !== undefined && Number(query.offset ?? 0) < minOffset) return false;
  if (on === 'token') return path === '/api/token';
  if (on === 'api') return path.startsWith('/v1/');
  // Unlike test(), search() ignores lastIndex, so a pattern with the "g" flag works as well.
  return path.search(on) !== -1;
}

/** Its timer is cleared with the connection and never keeps the process alive. */
function afterDelay(res: Response, { delayMs = 0, until }: Fault, act: () => void) {
  if (until) return void until().then(() => res.destroyed || act());
  if (delayMs <= 0) return act();
  const timer = setTimeout(act, delayMs).unref();
  res.once('close', () => clearTimeout(timer));
}

function sendAnswer(res: Response, { status, headers = {}, body = '' }: NonNullable<Fault['answer']>) {
  res.status(status);
  res.setHeader('content-type', /^\s*[{["]/.test(body) ? 'application/json; charset=utf-8' : 'text/plain');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
}

// The request is carried out at once and only the response is delayed: clients that give up have to allow for that.
function delayAnswer(res: Response, fault: Fault) {
  const end = res.end.bind(res) as (...args: unknown[]) => Response;
  res.end = (...args: unknown[]) => {
    afterDelay(res, fault, () => end(...args));
    return res;
  };
}

function resetInsteadOfAnswering(res: Response) {
  res.end = () => {
    res.socket?.resetAndDestroy();
    return res;
  };
}

function misbehave(res: Response, how: Exclude<NonNullable<Fault['how']>, 'reset-after'>) {
  switch (how) {
    case 'silence':
      return;
    case 'reset':
      res.socket?.resetAndDestroy();
      return;
    case 'truncate':
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      res.write('{"items":[', () => res.socket?.destroy());
      return;
    case 'drip': {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.flushHeaders();
      const timer = setInterval(() => res.write(' '), 100).unref();
      res.once('close', () => clearInterval(timer));
      return;
    }
    case 'huge':
      res.writeHead(200, { 'content-type': 'application/json' });
      writeRepeatedly(res, Buffer.alloc(1024 * 1024, ' '), hugeBodyMegabytes);
      return;
    case 'bomb':
      res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      res.end(gzipSync(Buffer.alloc(hugeBodyMegabytes * 1024 * 1024, ' ')));
      return;
  }
}

/** Writes the next block when the client has taken the previous one. */
function writeRepeatedly(res: Response, block: Buffer, times: number) {
  if (times === 0) res.end('{}');
  else if (!res.destroyed) res.write(block, () => writeRepeatedly(res, block, times - 1));
}
