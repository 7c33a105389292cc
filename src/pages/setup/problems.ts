import { routes } from '../../routes.ts';
import { type ErrorPage, linkTo } from '../../web/errors.ts';

/* Why the setup page refuses what was entered. */

/** A problem that the page shows above its form; or, if `isForm` is false, above the steps that do without the form. */
export type FormProblem = ErrorPage & { isForm: boolean };

const actions = [linkTo('Setup steps', routes.setup)];
const enterAgain = 'Enter all three again: for safety, this page doesn’t repeat what was entered.';

export const notFromThisMachine = {
  status: 403,
  reason: 'not-from-this-machine',
  title: 'This form only works on the machine itself',
  text: 'Open Turntable at its BASE_URL in a browser on the machine it runs on, without a proxy. You can also put both values into .env and restart Turntable.',
  actions,
};

export const problems = {
  closed: formProblem(403, 'too-many-codes', 'Too many wrong codes', 'Restart Turntable to get a new code.'),
  wrongCode: formProblem(
    403,
    'wrong-code',
    'That isn’t the code',
    `The code is in the terminal where Turntable runs, and changes with every start. ${enterAgain}`,
  ),
  malformed: formProblem(
    422,
    'malformed-credentials',
    'Something is missing or too long',
    `The client ID and the client secret have 32 characters each: digits, and letters from a to f. ${enterAgain}`,
  ),
  rejected: formProblem(
    422,
    'credentials-rejected',
    'Spotify rejects this client ID and secret',
    `Copy both again from the settings of the same app. ${enterAgain}`,
  ),
  'unknown-redirect-uri': formProblem(
    422,
    'unknown-redirect-uri',
    'Spotify doesn’t know the redirect URI yet',
    `The client ID and secret are right. Add the redirect URI from step 3 to your app, exactly as shown, and save. ${enterAgain}`,
  ),
  'rate-limited': formProblem(
    503,
    'setup-rate-limited',
    'Spotify is limiting requests',
    'Nothing was saved. Wait a minute, then enter all three again.',
  ),
  unavailable: formProblem(
    502,
    'setup-spotify-unavailable',
    'Spotify didn’t respond',
    'Nothing was saved. Check that this machine can connect to accounts.spotify.com, then enter all three again.',
  ),
} as const;

/** `.env` can't be changed; `why` is a sentence. */
export function unwritable(why: string): FormProblem {
  return {
    ...formProblem(
      409,
      'env-not-writable',
      'Spotify accepts both values, but they can’t be saved',
      `${why} Put them into .env yourself, as in the steps below.`,
    ),
    isForm: false,
  };
}

/** The credentials are saved, but there is no Redis; `why` says what to do about it. */
export function redisMissing(why: string): FormProblem {
  return formProblem(
    503,
    'redis-not-found',
    'Your app is connected, but the database is missing',
    `Both values are saved in .env. ${why} Then restart Turntable, or enter all three again.`,
  );
}

function formProblem(status: number, reason: string, title: string, text: string): FormProblem {
  return { status, reason, title, text, actions, isForm: true };
}
