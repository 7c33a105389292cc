import type { Request, RequestHandler } from 'express';
import type { Call } from './types.ts';

const maxCalls = 10_000;
const secretParams = new Set(['access_token', 'refresh_token', 'client_secret', 'code', 'code_verifier']);

export type CallLog = {
  all: Call[];
  record: RequestHandler;
  /** Adds details that are known only after the request was recorded. */
  annotate(req: Request, details: Pick<Call, 'grantType' | 'listenerId'>): void;
  clear(): void;
};

/** Records every request to the token endpoint and the Web API, without secrets. `now` returns milliseconds. */
export function createCallLog(now: () => number): CallLog {
  const all: Call[] = [];
  const callByRequest = new WeakMap<Request, Call>();

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
            [...new URL(req.url, 'http://localhost').searchParams].filter(
              ([name]) => !secretParams.has(name),
            ),
          ),
          status: 0,
          at: now(),
        };
        const traceparent = req.get('traceparent');
        if (traceparent !== undefined) call.traceparent = traceparent;
        callByRequest.set(req, call);
        all.push(call);
        if (all.length > maxCalls) all.splice(0, all.length - maxCalls);
        const recordStatus = () => {
          if (res.headersSent) call.status = res.statusCode;
        };
        // "prefinish" fires before the client can have read the response; "close" covers responses that never finish.
        res.once('prefinish', recordStatus).once('close', recordStatus);
      }
      next();
    },
    annotate(req, details) {
      const call = callByRequest.get(req);
      if (call) Object.assign(call, details);
    },
    clear: () => void all.splice(0),
  };
}
