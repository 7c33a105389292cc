import type { Request, RequestHandler } from 'express';
import type { Call } from './control.ts';

const mostCalls = 10_000;
const secretNames = new Set(['access_token', 'refresh_token', 'client_secret', 'code', 'code_verifier']);

export type CallLog = {
  all: Call[];
  record: RequestHandler;
  /** Adds what became known about a request later on. */
  note(req: Request, known: Pick<Call, 'grantType' | 'listenerId'>): void;
  forget(): void;
};

/** Remembers every request to the token endpoint and the web API, without secrets. `now` gives milliseconds. */
export function createCallLog(now: () => number): CallLog {
  const all: Call[] = [];
  const ofRequest = new WeakMap<Request, Call>();

  return {
    all,
    record(req, res, next) {
      const service = req.path === '/api/token' ? 'accounts' : req.path.startsWith('/v1/') ? 'api' : null;
      if (service) {
        const call: Call = {
          service,
          method: req.method,
          path: req.path,
          query: Object.fromEntries(
            [...new URL(req.url, 'http://localhost').searchParams].filter(([name]) => !secretNames.has(name)),
          ),
          status: 0,
          at: now(),
        };
        ofRequest.set(req, call);
        all.push(call);
        if (all.length > mostCalls) all.splice(0, all.length - mostCalls);
        const sent = () => {
          if (res.headersSent) call.status = res.statusCode;
        };
        // "prefinish" comes before the caller can have read the answer; "close" covers answers that never finish.
        res.once('prefinish', sent).once('close', sent);
      }
      next();
    },
    note(req, known) {
      const call = ofRequest.get(req);
      if (call) Object.assign(call, known);
    },
    forget: () => void all.splice(0),
  };
}
