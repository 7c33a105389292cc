import type { Request } from 'express';
import { Cooldown, TooManyRequests } from '../access/errors.ts';
import { ShuttingDown } from '../ops/background.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import { SpotifyUnavailable } from '../spotify/errors.ts';
import { type ErrorClass, isOneOf } from './errors.ts';

/** A form that failed: where it goes, and its fields. */
export type Resend = { to: string; fields: [string, string][] };

/** Errors after which the same request may succeed in a moment. */
const transientErrors: readonly ErrorClass[] = [
  Cooldown,
  SpotifyUnavailable,
  RedisUnavailable,
  ShuttingDown,
  // safeguard: resubmit-after-rate-limit
  TooManyRequests,
];

/** The form to offer once more on the error page, if it failed for a transient reason; else null. */
export function resendOf(req: Request, error: unknown, baseUrl: string): Resend | null {
  const isForm = req.method === 'POST' && req.is('application/x-www-form-urlencoded') && req.form;
  // safeguard: offer-resubmit
  if (!isForm || !isOneOf(transientErrors, error)) return null;
  // If Redis was down, no route has checked this address yet, so it may not be one of ours.
  const at = URL.canParse(req.originalUrl, baseUrl) ? new URL(req.originalUrl, baseUrl) : null;
  if (at?.origin !== new URL(baseUrl).origin) return null;
  return {
    to: req.originalUrl,
    fields: Object.entries(req.form.fields).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    ),
  };
}
