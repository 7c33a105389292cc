import * as v from '@badrap/valita';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Browser } from '../../access/browsers.ts';
import type { People } from '../../access/people.ts';
import { routes } from '../../routes.ts';
import { type ErrorPage, linkTo, NoSuchPage, Problem } from '../../web/errors.ts';
import { checkFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { type NoticeName, withNotice } from '../../web/notices.ts';
import type { ListenerPage, SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = { people: People; signedIn: SignedIn; forms: Pick<Forms, 'read'> };

const unknownPerson: ErrorPage = {
  status: 404,
  reason: 'unknown-person',
  title: 'This person isn’t signed in',
  text: 'Nothing was changed. They may have signed out, or be an owner of this site.',
  actions: [linkTo('People', routes.people)],
};

/** For owners of this site: who is signed in, with a button that ends a person's access. For anyone else, these pages don't exist. */
export function peoplePages({ people, signedIn, forms }: Deps): Router {
  const router = Router();

  router.get(routes.people(), htmlOrJson, forOwners(showPeople));
  router.post(routes.endAccess(), forms.read, forOwners(endAccess));
  router.post(routes.allowAccess(), forms.read, forOwners(allowAccess));
  return router;

  function forOwners(page: ListenerPage): RequestHandler {
    return signedIn.pageWithLazyRefresh((req, res, listener) => {
      // safeguard: people-for-owners-only
      if (!people.isOwner(listener)) throw new NoSuchPage('Only for owners');
      return page(req, res, listener);
    });
  }

  async function showPeople(_req: Request, res: Response): Promise<void> {
    const { people: all, former } = await people.list();
    const shown = all.map((person) => ({
      ...person,
      isOwner: people.isOwner(person),
      browsers: person.browsers.map(withoutSession),
    }));
    res.format({
      html: () => res.render('account/people', { people: shown, former }),
      json: () => res.json({ people: shown, former }),
    });
  }

  async function endAccess(req: Request, res: Response): Promise<void> {
    checkFields(req, { account: v.string() });
    const accountId = req.form.text('account');
    // First, so that they can't sign in again in the meantime.
    if (!(await people.end(accountId))) throw new Problem(unknownPerson);
    await signedIn.endAll(res, accountId);
    done(req, res, 'access-ended');
  }

  async function allowAccess(req: Request, res: Response): Promise<void> {
    checkFields(req, { account: v.string() });
    await people.allow(req.form.text('account'));
    done(req, res, 'access-allowed');
  }
}

function done(req: Request, res: Response, notice: NoticeName): void {
  if (wantsJson(req)) res.status(204).end();
  else res.redirect(303, withNotice(routes.people(), notice));
}

/** Without the id of the session, which would let anyone who sees it use the session. */
function withoutSession({ sessionId: _, ...browser }: Browser): Omit<Browser, 'sessionId'> {
  return browser;
}
