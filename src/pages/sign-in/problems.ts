import { routes } from '../../routes.ts';
import { Problem } from '../../web/errors.ts';

/** Why a sign-in failed. */
const problems = {
  cancelled: {
    status: 200,
    title: 'You cancelled on Spotify',
    text: 'Nothing was shared, and nothing has changed. You can sign in whenever you like.',
  },
  refused: {
    status: 400,
    title: 'Spotify didn’t complete the sign-in',
    text: 'Spotify sent you back without signing you in, and without a reason that we know. Try again. If it keeps happening, tell the owner of this site.',
  },
  used: {
    status: 400,
    title: 'This sign-in was already used',
    text: 'You get this page if you go back to a sign-in after signing out, or after signing in again. If you want to sign in, start again.',
  },
  unknown: {
    status: 400,
    title: 'This sign-in didn’t start here',
    text: 'It was started in another browser or more than ten minutes ago, or cookies are off. Allow cookies for this site and start again here.',
  },
  stale: {
    status: 400,
    title: 'Spotify no longer accepts this sign-in',
    text: 'It’s valid only once, and only for a few minutes. Start again.',
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
      ? { label: 'Stay signed in as you are', href: routes.nowPlaying() }
      : { label: 'Go home', href: routes.home() },
  ];
  return new Problem({ ...problems[name], reason: `sign-in-${name}`, actions });
}

/** Without this, the browser would be redirected in circles: the session's cookie is Secure, and would silently not be set. */
export const proxyWithoutProto = {
  status: 500,
  reason: 'silent-proxy',
  title: 'The proxy in front of this site doesn’t say that it uses https',
  text: 'No one can sign in until the owner of this site has it send "X-Forwarded-Proto: https", and TRUST_PROXY covers it.',
  actions: [{ label: 'Go home', href: routes.home() }],
};
