import type { RequestHandler, Response } from 'express';
import type { Fault } from './control.ts';

const hugeMegabytes = 60;

export type Faults = {
  add(fault: Fault): void;
  clear(): void;
  /** What is still to come, and how often. */
  waiting(): readonly { fault: Fault; left: number }[];
  strike: RequestHandler;
};

/** Faults in the order they were ordered; each request meets the first that matches it. */
export function createFaults(): Faults {
  let waiting: { fault: Fault; left: number }[] = [];

  return {
    add: (fault) => void waiting.push({ fault, left: fault.times ?? 1 }),
    clear: () => {
      waiting = [];
    },
    waiting: () => waiting,
    strike(req, res, next) {
      const met = waiting.find(({ fault }) => matches(fault.on, req.path));
      if (!met) return next();
      met.left -= 1;
      if (met.left <= 0) waiting = waiting.filter((other) => other !== met);

      const { answer, how } = met.fault;
      if (how === 'reset-after') {
        breakInsteadOfAnswering(res);
        next();
      } else if (how) {
        later(res, met.fault, () => misbehave(res, how));
      } else if (answer) {
        later(res, met.fault, () => give(res, answer));
      } else {
        holdBack(res, met.fault);
        next();
      }
    },
  };
}

function matches(on: Fault['on'], path: string): boolean {
  if (on === 'token') return path === '/api/token';
  if (on === 'api') return path.startsWith('/v1/');
  // search() starts at the front each time, test() would not with a "g" pattern.
  return path.search(on) !== -1;
}

/** With a timer that ends with the connection and never keeps the process alive. */
function later(res: Response, { delayMs = 0, until }: Fault, act: () => void) {
  if (until) return void until().then(() => res.destroyed || act());
  if (delayMs <= 0) return act();
  const timer = setTimeout(act, delayMs).unref();
  res.once('close', () => clearTimeout(timer));
}

function give(res: Response, answer: NonNullable<Fault['answer']>) {
  const body = answer.body ?? '';
  res.status(answer.status);
  res.setHeader('content-type', /^\s*[{["]/.test(body) ? 'application/json; charset=utf-8' : 'text/plain');
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
  res.end(body);
}

// The request is carried out at once and only its answer waits: a caller who gives up must reckon with that.
function holdBack(res: Response, fault: Fault) {
  const end = res.end.bind(res) as (...given: unknown[]) => Response;
  res.end = (...given: unknown[]) => {
    later(res, fault, () => end(...given));
    return res;
  };
}

function breakInsteadOfAnswering(res: Response) {
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
      const drops = setInterval(() => res.write(' '), 100).unref();
      res.once('close', () => clearInterval(drops));
      return;
    }
    case 'huge':
      res.writeHead(200, { 'content-type': 'application/json' });
      pour(res, Buffer.alloc(1024 * 1024, ' '), hugeMegabytes);
      return;
  }
}

/** Writes a block so many times, as fast as the reader takes it. */
function pour(res: Response, block: Buffer, times: number) {
  if (times === 0) res.end('{}');
  else if (!res.destroyed) res.write(block, () => pour(res, block, times - 1));
}
