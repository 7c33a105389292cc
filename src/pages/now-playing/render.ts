import type { Response } from 'express';

/** Returns the HTML of a view, with the locals of this response. */
export function render(res: Response, view: string, locals: object): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  res.render(view, locals, (failure, html) => (failure ? reject(failure) : resolve(html)));
  return promise;
}
