import { routes } from '../../routes.ts';

/** Why a visitor who isn't signed in doesn't see a page; `path` is where they return to once they are. */
export function visitorProblems(path: string) {
  const signIn = { label: 'Sign in with Spotify', href: routes.signIn({ returnTo: path }) };
  return {
    tooMany: {
      status: 429,
      reason: 'visitor-too-many',
      title: 'Too many requests',
      text: 'Without signing in, each IP address gets 30 pages a minute. Wait a moment, or sign in.',
      actions: [signIn],
    },
    needsSignIn: {
      status: 401,
      reason: 'visitor-needs-sign-in',
      title: 'Sign in to see this page',
      text: 'On this site, only people who are signed in can look up music.',
      actions: [signIn],
    },
    usedUp: {
      status: 429,
      reason: 'visitor-limit-reached',
      title: 'Today’s calls for visitors are used up',
      text: 'Visitors who aren’t signed in share a daily number of calls to Spotify. Sign in to see this page, or come back later.',
      actions: [signIn],
    },
  };
}
