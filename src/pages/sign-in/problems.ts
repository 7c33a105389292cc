import { routes } from '../../routes.ts';
import { linkTo, Problem } from '../../web/errors.ts';

/** Why a sign-in failed. */
const problems = {
  canceled: {
    status: 200,
    title: 'You canceled the sign-in on Spotify',
    text: 'Nothing was shared, and nothing has changed. You can sign in whenever you like.',
  },
  refused: {
    status: 400,
    title: 'Spotify didn’t complete the sign-in',
    text: 'Spotify sent you back without signing you in, and gave no reason that this site recognizes. Try again. If it keeps happening, tell the owner of this site.',
  },
  used: {
    status: 400,
    title: 'This sign-in was already used',
    text: 'You’re seeing this because you went back to a sign-in after signing out or signing in again. To sign in, start over.',
  },
  unknown: {
    status: 400,
    title: 'This sign-in didn’t start here',
    text: 'It was started in another browser or more than ten minutes ago, or cookies are off. Allow cookies for this site, then start over here.',
  },
  stale: {
    status: 400,
    title: 'Spotify no longer accepts this sign-in',
    text: 'A sign-in works only once, and only for a few minutes. Please start over.',
  },
} as const;

export type ProblemName = keyof typeof problems;

/** The page that says why a sign-in failed, with a button to start another one. */
export function signInProblem(
  name: ProblemName,
  { returnTo, isSignedIn }: { returnTo: string; isSignedIn: boolean },
): Problem {
  const actions = [
    { label: 'Sign in with Spotify', href: routes.signIn({ returnTo }) },
    isSignedIn
      ? { label: 'Stay signed in', href: routes.nowPlaying() }
      : { label: 'Go home', href: routes.home() },
  ];
  return new Problem({ ...problems[name], reason: `sign-in-${name}`, actions });
}

/** The page for a listener whom the owner of this site hasn't allowed. Spotify would sign in the same account again without asking. */
export function notAllowed(id: string, returnTo: string): Problem {
  return new Problem({
    status: 403,
    reason: 'sign-in-not-allowed',
    title: 'This site isn’t open to your account',
    text: `Its owner has chosen who may use it. You aren’t signed in, and nothing about you was stored. To use this site, ask its owner to allow your Spotify user ID, ${id}, or sign in with another account.`,
    actions: [
      { label: 'Use another account', href: routes.signIn({ returnTo, showDialog: true }) },
      { label: 'Go home', href: routes.home() },
    ],
  });
}

/** Without this, the browser would be redirected in circles: the session's cookie is Secure, and would silently not be set. */
export const proxyWithoutProto = {
  status: 500,
  reason: 'silent-proxy',
  title: 'The proxy in front of this site doesn’t say that it uses https',
  text: 'No one can sign in until the owner of this site has the proxy send "X-Forwarded-Proto: https" and sets TRUST_PROXY to trust it.',
  actions: [linkTo('Go home', routes.home)],
};
