import { NotInvited, OwnerNeedsPremium } from '../spotify/errors.ts';
import { type CheckResult, failed, note } from './result.ts';

export type RecentSignInErrors = ReturnType<typeof createRecentSignInErrors>;

type SignInError = 'not invited' | 'no premium';

/** How long an error is reported. */
const reportedForMs = 60 * 60_000;

const name = 'Sign-ins';
const addPerson =
  'open your app at https://developer.spotify.com/dashboard, choose “User Management”, and add their name and the email address of their Spotify account.';

/**
 * Remembers errors that no check can trigger, because Spotify only sends them when people sign in. They stay in this process, and don't say
 * whom they concern.
 */
export function createRecentSignInErrors(now: () => number) {
  const lastAt = new Map<SignInError, number>();

  /** Minutes since the last error of this kind, or null if it is too long ago. */
  function minutesSince(kind: SignInError): number | null {
    const at = lastAt.get(kind);
    return at === undefined || now() - at > reportedForMs ? null : Math.ceil((now() - at) / 60_000);
  }

  return {
    /** Remembers an error if it is one of these. */
    record(error: unknown): void {
      if (error instanceof NotInvited) lastAt.set('not invited', now());
      if (error instanceof OwnerNeedsPremium) lastAt.set('no premium', now());
    },

    /** Returns a result for each kind of recent error; if there was none for someone who isn't invited, a note about that. */
    results(): CheckResult[] {
      const [notInvited, noPremium] = [minutesSince('not invited'), minutesSince('no premium')];
      const results: CheckResult[] = [];
      if (noPremium !== null)
        results.push(
          failed(
            name,
            `${ago(noPremium)}, Spotify refused someone because the owner of the app doesn’t have Premium`,
            'Subscribe to Premium with the account that owns the app. Spotify can take a few hours to notice.',
          ),
        );
      results.push(
        notInvited === null
          ? note(
              name,
              'no one has been refused recently. Spotify accepts only the people on your app’s list (up to five), and refuses everyone else after they sign in',
              `To invite someone, ${addPerson}`,
            )
          : failed(
              name,
              `${ago(notInvited)}, Spotify refused someone who isn’t on your app’s list`,
              `To invite them, ${addPerson} If they’re already listed, check the owner’s Premium.`,
            ),
      );
      return results;
    },
  };
}

function ago(minutes: number): string {
  return minutes > 1 ? `${minutes} minutes ago` : 'A minute ago';
}
