import { NotInvited, OwnerNeedsPremium } from '../spotify/errors.ts';
import { bad, type CheckResult, open } from './result.ts';

export type Refusals = ReturnType<typeof createRefusals>;

/** For how long a refusal is news. */
const newsMs = 60 * 60_000;

/**
 * The refusals that no check can bring about by itself: they come to people who are signed in. Remembered in this process, with
 * nothing of whom they came to.
 */
export function createRefusals(now: () => number) {
  const last = new Map<'invited' | 'premium', number>();

  return {
    /** Notes what Spotify refused somebody, if it is one of these. */
    note(error: unknown): void {
      if (error instanceof NotInvited) last.set('invited', now());
      if (error instanceof OwnerNeedsPremium) last.set('premium', now());
    },

    /** What was refused of late. */
    findings(): CheckResult[] {
      const agoOf = (what: 'invited' | 'premium') => {
        const at = last.get(what);
        return at === undefined || now() - at > newsMs ? null : Math.ceil((now() - at) / 60_000);
      };
      const [invited, premium] = [agoOf('invited'), agoOf('premium')];
      const people = 'People who sign in';
      const minutes = (ago: number) => (ago > 1 ? `${ago} minutes ago` : 'a minute ago');
      return [
        ...(premium === null
          ? []
          : [
              bad(
                people,
                `${minutes(premium)} Spotify refused somebody because the owner of the app has no Premium`,
                'Have the account that owns the app subscribe to Premium. It can take a few hours until Spotify notices.',
              ),
            ]),
        invited === null
          ? open(
              people,
              'nobody was refused of late. Spotify lets in those five whom you list, and refuses others only after their sign-in',
              'To let somebody in: the app at https://developer.spotify.com/dashboard, "User Management", their name and the e-mail address of their Spotify account.',
            )
          : bad(
              people,
              `${minutes(invited)} Spotify refused somebody who is not on the app’s list`,
              'If they may come in: the app at https://developer.spotify.com/dashboard, "User Management", their name and the e-mail address of their Spotify account. If they are on it, look at the owner’s Premium.',
            ),
      ];
    },
  };
}
