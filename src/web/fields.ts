import * as v from '@badrap/valita';
import type { Request, RequestHandler } from 'express';
import { routes } from '../routes.ts';
import { type ErrorPage, linkTo, Problem } from './errors.ts';

/*
 * Checks the fields of a POST before Spotify is asked: a field that is misspelled, sent twice, or of another type would otherwise be ignored, so that
 * something else would happen than what was meant.
 */

/** The hidden fields of every form of ours. */
const hiddenFields = { idempotencyKey: v.string().optional(), returnTo: v.string().optional() };

/** A field that may be sent once or several times. */
export const texts = v.union(v.string(), v.array(v.string()));
/** Yes or no, in a form and in JSON. Read it with {@link isYes}. */
export const flag = v.union(v.boolean(), v.literal('yes'), v.literal('true'), v.literal('false'));
/** Whether a {@link flag} is set; false if it wasn't sent. */
export function isYes(value: unknown): boolean {
  // safeguard: flags-as-accepted
  return value === true || value === 'yes' || value === 'true';
}

/** A position in a list, from 0, also as text, just as `readEntry` in spotify-params.ts reads it. */
// safeguard: positions-as-read
export const position = v.union(v.number(), v.string()).assert((value) => /^\d{1,6}$/.test(String(value)));

type Shape = Record<string, v.Type | v.Optional>;

/** Creates a handler that passes on {@link Problem} unless a request has only these fields; for routes behind `forms.read`. */
export function acceptFields(shape: Shape): RequestHandler {
  return (req, _res, next) => {
    checkFields(req, shape);
    next();
  };
}

/** Throws {@link Problem} unless a request has only these fields, all of them in its body. */
export function checkFields(req: Request, shape: Shape): void {
  requireReadableFields(req, { unreadable: nothingRead, invalid: invalidFields });
  const result = v.object({ ...hiddenFields, ...shape }).try(req.form.fields);
  // safeguard: known-fields-only
  if (!result.ok) throw new Problem(invalidFields(textFor(result.issues)));
}

/** The pages for fields that can't be read, and for invalid ones. */
type FieldProblems = { unreadable: ErrorPage; invalid: (text: string) => ErrorPage };

/** Throws {@link Problem} if a request has fields where none are read: they would be ignored. */
export function requireReadableFields(req: Request, { unreadable, invalid }: FieldProblems): void {
  const hasBody = req.get('Content-Length') !== '0' && req.is('*/*') !== null;
  // `forms.read` leaves `file` undefined, and reads no multipart.
  // safeguard: multipart-only-with-file
  const multipart = req.file === undefined ? [] : ['multipart/form-data'];
  // safeguard: readable-fields-of-forms
  if (hasBody && !req.file && !req.is(['urlencoded', 'json', ...multipart])) throw new Problem(unreadable);
  if (Object.keys(req.query).length > 0) throw new Problem(invalid('Send its fields in the body.'));
}

/** Returns the names of the fields that are wrong. Their values may be anything, so they aren't repeated. */
export function namesIn(issues: v.ValitaError['issues']): string[] {
  const names = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(0, 1),
  );
  return [...new Set(names.map(String))].filter((name) => /^\w{1,30}$/.test(name));
}

/** Says which fields are wrong; `otherwise` if that is none of them alone. */
export function textFor(issues: v.ValitaError['issues'], otherwise = 'Its fields can’t be read.'): string {
  const names = namesIn(issues);
  return names.length > 0 ? `Unknown, missing, or invalid: ${names.join(', ')}.` : otherwise;
}

export function invalidFields(text: string): ErrorPage {
  return {
    status: 400,
    reason: 'invalid-fields',
    title: 'This request isn’t valid',
    text: `${text} Nothing was changed.`,
    actions: [linkTo('Go home', routes.home)],
  };
}

/** The problem of fields in a format that isn't read, with a link. */
export function unreadableFields(text: string, action: ReturnType<typeof linkTo>): ErrorPage {
  return {
    status: 415,
    reason: 'unreadable-fields',
    title: 'This format can’t be read',
    text,
    actions: [action],
  };
}

const nothingRead = unreadableFields(
  'Send the fields as a form or as JSON. Nothing was changed.',
  linkTo('Go home', routes.home),
);
