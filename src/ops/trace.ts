import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** The trace that a request belongs to (W3C Trace Context), with the id of this request in it. */
export type Trace = { traceId: string; spanId: string; isSampled: boolean };

const current = new AsyncLocalStorage<Trace>();

/**
 * Reads the header `traceparent`, and gives the request its own id in that trace. Returns null if there is none, or if it's invalid: then it's
 * ignored (W3C Trace Context, section 4.3).
 */
export function readTrace(header: string | undefined): Trace | null {
  const parts = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header ?? '');
  const [, version = '', traceId = '', parentId = '', flags = '', more] = parts ?? [];
  const isNothing = (id: string) => /^0*$/.test(id);
  // Only later versions may have more parts.
  const isInvalid = version === 'ff' || (version === '00' && more !== undefined);
  // safeguard: ignore-invalid-traceparent
  if (isInvalid || isNothing(traceId) || isNothing(parentId)) return null;
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
  return { traceId, spanId: randomBytes(8).toString('hex'), isSampled };
}

/** Runs `work`, and everything it starts, as part of a trace; null for none. */
export function inTrace(trace: Trace | null, work: () => void): void {
  if (trace) current.run(trace, work);
  else work();
}

/** Returns the header `traceparent` for a request that is made now; null if it belongs to no trace. */
export function traceparent(): string | null {
  const trace = current.getStore();
  return trace ? `00-${trace.traceId}-${trace.spanId}-${trace.isSampled ? '01' : '00'}` : null;
}
