import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import type { BackgroundTasks } from '../ops/background.ts';
import { textCodec } from '../redis/codec.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { routes } from '../routes.ts';
import { Problem } from './errors.ts';
import { isLocalPath, safeReturnPath } from './return-path.ts';
import { isOurs } from './same-origin.ts';

export type Forms = ReturnType<typeof createForms>;

type Deps = { records: Records; background: Pick<BackgroundTasks, 'finish'>; baseUrl: string };

const limit = '16kb';
/** What is kept of a form until it is done; then it is the path to lead to. */
const underWay = '';
const rememberedMs = 10 * 60_000;
/** Longer than the work of a form takes where Spotify is slow: another one begins with it only where that process has died. */
const leaseMs = 40_000;
/** How long a second press waits for the first. */
const lockWaitMs = 10_000;

const stillUnderWay = {
  status: 503,
  reason: 'still-under-way',
  title: 'That is still being done',
  text: 'You pressed the button twice, and Spotify takes its time over the first. Look in a moment whether it is done.',
  retryAfterSeconds: 10,
};

/** What is sent to change something: by a form of ours, or as JSON by a program. */
export function createForms({ records, background, baseUrl }: Deps) {
  const submissions = records.of({
    kind: 'idempotency',
    key: keys.idempotency,
    codec: textCodec(v.string().assert((text) => text === underWay || isLocalPath(text))),
    ttlMs: (text) => (text === underWay ? leaseMs : rememberedMs),
  });
  const readForm = express.urlencoded({ extended: false, limit });
  const read: RequestHandler[] = [
    readForm,
    express.json({ limit }),
    (req, res, next) => {
      req.body ??= {};
      res.locals.returnTo = safeReturnPath(req.body.returnTo, baseUrl);
      next();
    },
  ];

  return {
    /** Reads what was sent into `req.body`, and where to lead back to into `res.locals.returnTo`. */
    read,

    /**
     * Reads what one of our pages sent where nobody could be known, and so the page that it was meant for was never reached: the
     * error page then gives it back. To be put before the error pages.
     */
    readUnreached: ((error, req, res, next) => {
      const unreached = error instanceof RedisUnavailable && req.method === 'POST' && req.body === undefined;
      // safeguard: resubmit-own-forms-only
      if (!unreached || !isOurs(req, baseUrl)) return next(error);
      readForm(req, res, () => {
        // What cannot be read is not what went wrong first.
        if (req.body) res.locals.returnTo = safeReturnPath(req.body.returnTo, baseUrl);
        next(error);
      });
    }) satisfies ErrorRequestHandler,

    /** A field of what was sent: its text, without spaces at the ends; '' where there is none. */
    field(req: Request, name: string): string {
      const value: unknown = req.body[name];
      return typeof value === 'string' ? value.trim() : '';
    },

    /**
     * Does what a form asks for once, however often its button is pressed, and gives where to lead the browser. A second press
     * waits for the first, and throws {@link Problem} where that takes too long. Each form that is shown carries a field `once` of
     * its own; what comes without it is always done. Where the work throws it may be tried again. A stop waits until it is done. Throws
     * RedisUnavailable, and ShuttingDown once a stop has begun.
     */
    once: (req: Request, work: () => Promise<string>): Promise<string> =>
      // safeguard: finish-form-before-stop
      background.finish('work of a form', () => once(req, work)),
  };

  async function once(req: Request, work: () => Promise<string>): Promise<string> {
    if (typeof req.body.once !== 'string') return work();
    const sent = JSON.stringify([req.session.id, req.path, req.body]);
    const id = createHash('sha256').update(sent).digest('base64url');

    const giveUpAt = performance.now() + lockWaitMs;
    for (;;) {
      const claim = await submissions.claim(id, underWay);
      // safeguard: idempotent-forms
      if (claim.claimed) break;
      if (claim.holder) return claim.holder;
      if (performance.now() > giveUpAt) {
        const look = { label: 'Look again', href: String(req.res?.locals.returnTo ?? routes.home()) };
        throw new Problem({ ...stillUnderWay, actions: [look] });
      }
      await sleep(50);
    }
    let outcome: string;
    try {
      outcome = await work();
    } catch (error) {
      // If this fails too, the form can be sent again when its claim is over.
      await submissions.remove(id).catch(() => undefined);
      throw error;
    }
    // It is done whatever becomes of this: a failure here must not read as one there.
    await submissions.write(id, outcome).catch(() => undefined);
    return outcome;
  }
}

/** The sentence for what `?said=` names; undefined for anything that is no word of ours. */
export function sentence(words: Readonly<Record<string, string>>, said: unknown): string | undefined {
  // safeguard: notices-by-own-key
  return typeof said === 'string' && Object.hasOwn(words, said) ? words[said] : undefined;
}

/** The path with a word on what just happened, which the page there turns into a sentence. */
export function saying(path: string, said: string): string {
  const url = new URL(path, 'http://here');
  url.searchParams.set('said', said);
  return url.pathname + url.search;
}
