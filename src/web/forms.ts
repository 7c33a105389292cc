import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import type { BackgroundTasks } from '../ops/background.ts';
import { jsonCodec } from '../redis/codec.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { RecordStore, Records } from '../redis/records.ts';
import { type ErrorPage, Problem } from './errors.ts';
import { invalidFields } from './fields.ts';
import { safeReturnPath } from './return-path.ts';

/** Input that changes something, sent by a form of ours or as JSON by a program. */
type Form = {
  /** Any names with any values: nothing here is checked yet. */
  fields: Readonly<Record<string, unknown>>;
  /** The text of a field, trimmed; empty if there is none. */
  text(name: string): string;
  /** The page of this site to return to. */
  returnTo: string;
};

declare module 'express-serve-static-core' {
  interface Request {
    /** Set by `forms.read`: only for routes behind it. */
    form: Form;
    /** The file that was sent, or null. Set by `forms.readFile`. */
    file: Buffer | null;
  }
}

export type Forms = ReturnType<typeof createForms>;

type Deps = {
  records: Records;
  background: Pick<BackgroundTasks, 'finish'>;
  baseUrl: string;
  /** Milliseconds until a form whose process has died can be sent again. */
  leaseMs: number;
};

const limit = '16kb';
/** Room for the fields beside a file, and for the boundaries between them. */
const otherFieldsBytes = 64 * 1024;
/** How long the result is stored for further presses of the same button. */
const resultTtlMs = 10 * 60_000;
/** How long a further press waits for the first. */
const lockWaitMs = 10_000;
const pollEveryMs = 50;

const stillRunning = {
  status: 503,
  reason: 'still-under-way',
  title: 'Still working on it',
  text: 'Spotify hasn’t finished your first request yet. Check back in a moment to see if it’s done.',
  retryAfterSeconds: 10,
};

/** Forms: reads them, and makes sure that pressing a button twice does its work once. */
export function createForms({ records, background, baseUrl, leaseMs }: Deps) {
  const readUrlEncoded = express.urlencoded({ extended: false, limit });
  const read: RequestHandler[] = [
    readUrlEncoded,
    express.json({ limit }),
    (req, _res, next) => {
      // safeguard: fields-in-an-object
      if (Array.isArray(req.body)) throw new Problem(invalidFields('Send an object with its fields.'));
      setForm(req, req.body ?? {});
      next();
    },
  ];

  return {
    /** Reads what was sent into `req.form`. */
    read,

    /**
     * Reads a file, with the other fields of its form, into `req.file` and `req.form`: a form sends it as `multipart/form-data` under this name, a
     * program as the body. Passes on {@link Problem} with `tooLarge` if it is much larger than `maxBytes`.
     */
    readFile: (name: string, maxBytes: number, tooLarge: ErrorPage): RequestHandler[] => {
      const limit = maxBytes + otherFieldsBytes;
      const readBody = express.raw({ type: () => true, limit });
      return [
        (req, res, next) =>
          readBody(req, res, (error?: unknown) => {
            const isTooLarge = error instanceof Error && 'status' in error && error.status === 413;
            next(isTooLarge ? new Problem(tooLarge) : error);
          }),
        async (req, _res, next) => {
          const sent = await partsOf(req, name);
          req.file = sent.file;
          setForm(req, sent.fields);
          next();
        },
      ];
    },

    /**
     * Reads a form of ours that never reached its page, because Redis is down and the listener isn't known: the error page then offers
     * to send it again. Goes before the error pages, and after `refuseCrossOrigin`, which has refused the forms of other sites.
     */
    readForResend: ((error, req, res, next) => {
      const isUnread = error instanceof RedisUnavailable && req.method === 'POST' && req.body === undefined;
      if (!isUnread) return next(error);
      readUrlEncoded(req, res, () => {
        // If the form cannot be read, the first error is still the one to show.
        if (req.body) setForm(req, req.body);
        next(error);
      });
    }) satisfies ErrorRequestHandler,

    /**
     * Returns a function that runs the work of a form once, however often its button is pressed, and returns what the work returned. Each
     * form that is shown has its own `idempotencyKey`; work without one always runs. A further press waits for the first and gets
     * its result; it throws {@link Problem} if that takes too long. Work that throws may be tried again. A stop of the process waits for the
     * work. Throws RedisUnavailable, and ShuttingDown once a stop has begun.
     */
    createRunOnce<T extends object>(result: v.Type<T>) {
      const submissions = records.of<Submission<T>>({
        kind: 'idempotency',
        key: keys.idempotency,
        codec: jsonCodec({ shape: 3, schema: submissionSchema(result) }),
        ttlMs: ({ state }) => (state === 'running' ? leaseMs : resultTtlMs),
      });
      return (req: Request, work: () => Promise<T>): Promise<T> =>
        // safeguard: finish-form-before-stop
        background.finish('run a form’s action', () => runOnce(submissions, leaseMs, req, work));
    },
  };

  function setForm(req: Request, { once, ...sent }: Record<string, unknown>): void {
    // Pages of version 0.2.0 that are still open send the key under its earlier name.
    // safeguard: forms-of-open-pages
    const fields = once === undefined ? sent : { idempotencyKey: once, ...sent };
    const returnTo = safeReturnPath(fields.returnTo, baseUrl);
    req.returnTo = returnTo;
    req.form = {
      fields,
      returnTo,
      text(name) {
        const value = fields[name];
        return typeof value === 'string' ? value.trim() : '';
      },
    };
  }
}

/** Returns the file and the other fields of a request; the whole body is the file unless it is a form. Never throws. */
async function partsOf(
  req: Request,
  name: string,
): Promise<{ file: Buffer | null; fields: Record<string, string | string[]> }> {
  const body: unknown = req.body;
  if (!Buffer.isBuffer(body)) return { file: null, fields: {} };
  const type = req.get('Content-Type') ?? '';
  if (!req.is('multipart/form-data')) return { file: body, fields: {} };
  // Node's own parser; the body is in memory, and its size is limited.
  // safeguard: unreadable-upload
  const form = await new Response(new Uint8Array(body), { headers: { 'Content-Type': type } })
    .formData()
    .catch(() => new FormData()); // not a form: then nothing was chosen
  const file = form.get(name);
  const isFile = file instanceof File && form.getAll(name).length === 1;
  const names = [...new Set(form.keys())].filter((one) => !isFile || one !== name);
  const valuesOf = (one: string) => form.getAll(one).map((value) => (value instanceof File ? '' : value));
  return {
    file: isFile ? Buffer.from(await file.arrayBuffer()) : null,
    // As the fields of other forms: one that is sent twice is a list.
    fields: Object.fromEntries(
      names.map((one) => {
        const [first = '', ...others] = valuesOf(one);
        return [one, others.length > 0 ? [first, ...others] : first];
      }),
    ),
  };
}

type Submission<T> = { state: 'running' } | { state: 'done'; result: T };

function submissionSchema<T extends object>(result: v.Type<T>): v.Type<Submission<T>> {
  return v.union(
    v.object({ state: v.literal('running') }),
    v.object({ state: v.literal('done'), result }),
  ) as v.Type<Submission<T>>;
}

async function runOnce<T>(
  submissions: RecordStore<Submission<T>>,
  leaseMs: number,
  req: Request,
  work: () => Promise<T>,
): Promise<T> {
  const { fields, returnTo } = req.form;
  if (typeof fields.idempotencyKey !== 'string') return work();
  const sent = JSON.stringify([req.session.id, req.path, fields]);
  const id = createHash('sha256').update(sent).digest('base64url');

  const giveUpAt = performance.now() + lockWaitMs;
  for (;;) {
    const claim = await submissions.claim(id, { state: 'running' });
    // safeguard: idempotent-forms
    if (claim.claimed) break;
    if (claim.holder?.state === 'done') return claim.holder.result;
    if (performance.now() > giveUpAt)
      throw new Problem({ ...stillRunning, actions: [{ label: 'Refresh', href: returnTo }] });
    await sleep(pollEveryMs);
  }
  // Work of many calls takes longer than the lease when Spotify is slow.
  // safeguard: extend-form-lease
  const extension = setInterval(() => {
    // The next one comes before the lease expires.
    submissions.extendIf(id, { state: 'running' }).catch(() => undefined);
  }, leaseMs / 4);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // If this fails as well, the form can be sent again once its claim has expired.
    await submissions.remove(id).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(extension);
  }
  // The work succeeded; failing to record that must not look like a failure of the work.
  await submissions.write(id, { state: 'done', result }).catch(() => undefined);
  return result;
}
