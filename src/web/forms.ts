import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { RedisUnavailable, readText, redisCall } from '../redis/errors.ts';
import { Problem } from './error-pages.ts';
import { ownPath } from './own-path.ts';
import { isOurs } from './same-origin.ts';

export type Forms = ReturnType<typeof createForms>;

type Needs = { redis: Redis; baseUrl: string };

const limit = '16kb';
const rememberedMs = 10 * 60_000;
/** Longer than the work of a form takes where Spotify is slow: another one begins with it only where that process has died. */
const leaseMs = 40_000;
/** How long a second press waits for the first. */
const patienceMs = 10_000;

const stillUnderWay = {
  status: 503,
  reason: 'still-under-way',
  title: 'That is still being done',
  text: 'You pressed the button twice, and Spotify takes its time over the first. Look in a moment whether it is done.',
  retryAfterSeconds: 10,
};

/** What is sent to change something: by a form of ours, or as JSON by a program. */
export function createForms({ redis, baseUrl }: Needs) {
  const readForm = express.urlencoded({ extended: false, limit });
  const read: RequestHandler[] = [
    readForm,
    express.json({ limit }),
    (req, res, next) => {
      req.body ??= {};
      res.locals.returnTo = ownPath(req.body.returnTo, baseUrl);
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
      if (!unreached || !isOurs(req, baseUrl)) return next(error);
      readForm(req, res, () => {
        // What cannot be read is not what went wrong first.
        if (req.body) res.locals.returnTo = ownPath(req.body.returnTo, baseUrl);
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
     * its own; what comes without it is always done. Where the work throws it may be tried again. Throws RedisUnavailable.
     */
    async once(req: Request, work: () => Promise<string>): Promise<string> {
      if (typeof req.body.once !== 'string') return work();
      const sent = JSON.stringify([req.session.id, req.path, req.body]);
      const key = `once:${createHash('sha256').update(sent).digest('base64url')}`;

      const giveUpAt = performance.now() + patienceMs;
      while ((await redisCall(redis.set(key, '', 'PX', leaseMs, 'NX'))) !== 'OK') {
        const outcome = await readText(redis, key);
        if (outcome) return outcome;
        if (performance.now() > giveUpAt) {
          const look = { label: 'Look again', href: String(req.res?.locals.returnTo ?? '/') };
          throw new Problem({ ...stillUnderWay, actions: [look] });
        }
        await sleep(50);
      }
      let outcome: string;
      try {
        outcome = await work();
      } catch (error) {
        // If this fails too, the form can be sent again when its lease is over.
        await redis.del(key).catch(() => undefined);
        throw error;
      }
      // It is done whatever becomes of this: a failure here must not read as one there.
      await redis.set(key, outcome, 'PX', rememberedMs).catch(() => undefined);
      return outcome;
    },
  };
}

/** The sentence for what `?said=` names; undefined for anything that is no word of ours. */
export function sentence(words: Readonly<Record<string, string>>, said: unknown): string | undefined {
  return typeof said === 'string' && Object.hasOwn(words, said) ? words[said] : undefined;
}

/** The path with a word on what just happened, which the page there turns into a sentence. */
export function saying(path: string, said: string): string {
  const url = new URL(path, 'http://here');
  url.searchParams.set('said', said);
  return url.pathname + url.search;
}
