import { randomBytes } from 'node:crypto';
import * as v from '@badrap/valita';
import { type Request, Router } from 'express';
import { jsonCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { Problem } from './errors.ts';
import { acceptFields } from './fields.ts';
import type { Forms } from './forms.ts';
import { isErrorNotice, isNoticeName, type NoticeName, textOfNotice, withNotice } from './notices.ts';
import type { SignedIn, SignedInListener } from './signed-in.ts';
import { wantsJson } from './wants-json.ts';

export type Undo = ReturnType<typeof createUndo>;

type Deps = { records: Records; forms: Forms; signedIn: SignedIn };

/** The result of an undo: the notice to show, and, if that can be undone as well, where. */
export type Undone = { notice: NoticeName; undo?: string | null };

/** One kind of action that can be undone. */
type Kind<T> = {
  /** The address of its undo, by a token: below `/undo/`, see `isUndoPath`. */
  path: (token: string) => string;
  /** Checks the value that is stored until then. */
  schema: v.Type<T>;
  /** Undoes the action. If it throws, it can be tried again. */
  work: (listener: SignedInListener, value: T, req: Request) => Promise<Undone>;
};

/** How long an action can be undone. */
const lifetimeMs = 10 * 60_000;
const tokenPattern = /^[\w-]{22}$/;

const undone = v.object({
  notice: v.string().assert(isNoticeName),
  undo: v.string().nullable(),
});

/**
 * Undo: after an action, its notice offers to undo it. The record for that is in Redis under the id of the session and a random token; only
 * the token is in the address, so neither another site nor the history of the browser can name anything else to undo. A POST to the address
 * undoes the action once.
 */
export function createUndo({ records, forms, signedIn }: Deps) {
  const runOnce = forms.createRunOnce(undone);

  return {
    /** Returns the functions of one kind of action. */
    createKind<T>({ path, schema, work }: Kind<T>) {
      const store = records.of<{ value: T }>({
        kind: 'undo',
        key: keys.undo,
        codec: jsonCodec({
          shape: 1,
          bound: true,
          schema: v.object({ value: schema }) as v.Type<{ value: T }>,
        }),
        ttlMs: () => lifetimeMs,
      });
      // safeguard: undo-in-own-session
      const idOf = (req: Request, token: string) => [req.session.id, path(token)].join(' ');

      const router = Router();
      router.post(
        path(':token'),
        ...forms.read,
        acceptFields({}),
        signedIn.page(async (req, res, listener) => {
          const id = idOf(req, String(req.params.token));
          const { notice, undo } = await runOnce(req, () => undoOnce(req, listener, id));
          if (!wantsJson(req)) return res.redirect(303, withNotice(req.form.returnTo, notice, { undo }));
          if (isErrorNotice(notice)) throw new Problem(notUndone(notice, undo, req.form.returnTo));
          res.json({ text: textOfNotice(notice), undo });
        }),
      );

      async function undoOnce(req: Request, listener: SignedInListener, id: string) {
        const record = tokenPattern.test(String(req.params.token)) ? await store.take(id) : null;
        // safeguard: undo-once
        if (record === null) return { notice: 'undo-expired' as const, undo: null };
        try {
          return { undo: null, ...(await work(listener, record.value, req)) };
        } catch (error) {
          // safeguard: keep-undo-after-failure
          // The failure to report is the first one.
          await store.write(id, record).catch(() => undefined);
          throw error;
        }
      }

      /**
       * Stores a value for ten minutes and returns the address to which a POST undoes the action. Returns null if there is nothing to undo, or if
       * Redis doesn't answer: the action is done, and failing to offer Undo must not look like a failure of it.
       */
      async function offer(req: Request, value: T | null): Promise<string | null> {
        if (value === null) return null;
        const token = randomBytes(16).toString('base64url');
        return store.write(idOf(req, token), { value }).then(
          () => path(token),
          () => null,
        );
      }

      return {
        router,
        offer,
        /** Returns the path with a notice that offers to undo what `value` describes; without the offer if it is null. */
        async withUndo(req: Request, path: string, notice: NoticeName, value: T | null): Promise<string> {
          return withNotice(path, notice, { undo: await offer(req, value) });
        },
      };
    },
  };
}

function notUndone(notice: NoticeName, undo: string | null, returnTo: string) {
  return {
    status: 409,
    reason: notice,
    title: 'This wasn’t undone',
    text: textOfNotice(notice),
    actions: [{ label: 'Go back', href: returnTo }],
    undo,
  };
}
