import type { Request } from 'express';

/** Whether a program asks rather than a person's browser. */
export function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json';
}
