import type { Request } from 'express';
import { routes } from '../../routes.ts';
import { Problem } from '../../web/errors.ts';
import { signInHash } from '../../web/sign-in-hash.ts';
import type { SignedInListener } from '../../web/signed-in.ts';

/** Throws unless the tab belongs to this sign-in, and the sign-in may see what is playing. */
export function requireSameSignIn(req: Request, listener: SignedInListener): void {
  if (req.query.signIn !== undefined && req.query.signIn !== signInHash(req.session.id)) throw otherSignIn();
  listener.requireScopesFor('player');
}

function otherSignIn(): Problem {
  return new Problem({
    status: 403,
    reason: 'other-sign-in',
    title: 'Someone else is signed in now',
    text: 'This window is from an earlier sign-in. Reload the page.',
    actions: [{ label: 'Now playing', href: routes.nowPlaying() }],
  });
}
