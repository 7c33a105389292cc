import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHandler } from 'express';
import type { ListenerPage } from '../../src/web/signed-in.ts';

test('a page that does not require a sign-in cannot use a listener', () => {
  // The compiler checks this: the second line would fail if the page below it compiled.
  const listenerPage: ListenerPage = async (_req, res, listener) =>
    void res.json(await listener.spotify.profile());
  // @ts-expect-error: the third argument of such a page is `next`.
  const page: RequestHandler = async (_req, res, listener) => void res.json(await listener.spotify.profile());

  assert.notEqual(page, listenerPage);
});
