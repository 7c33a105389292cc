/** One thing to do on the way to credentials, and what is to be pasted for it. */
export type SetupStep = { text: string; link?: string; paste?: { what: string; text: string } };

/**
 * What to do when there are no credentials: said by the setup page, and at a refused start in production.
 * Source of the steps: Spotify's "Apps", "Redirect URIs" and "Quota modes" documentation pages.
 */
export function setupSteps(redirectUri: string): SetupStep[] {
  return [
    {
      text: 'Open Spotify\'s dashboard, sign in and choose "Create app". Spotify asks for Premium on the account that owns the app.',
      link: 'https://developer.spotify.com/dashboard',
    },
    {
      text: 'Give the app a name; it must not begin with "Spot". For example:',
      paste: { what: 'Name of the app', text: 'Turntable' },
    },
    {
      text: 'Under "Redirect URIs" add exactly this, letter by letter, and press "Add":',
      paste: { what: 'Redirect URI', text: redirectUri },
    },
    { text: 'Under "Which API/SDKs are you planning to use?" tick "Web API", then save.' },
    {
      text: 'Open the app\'s settings. Copy "Client ID" to the end of this line of .env (.env.example is there to start from):',
      paste: { what: 'Line of .env for the client id', text: 'SPOTIFY_CLIENT_ID=' },
    },
    {
      text: 'Press "View client secret", and copy that to the end of this one:',
      paste: { what: 'Line of .env for the client secret', text: 'SPOTIFY_CLIENT_SECRET=' },
    },
    {
      text: 'For other people: under "User Management" add the name and the e-mail address of their Spotify accounts. There is room for five.',
    },
    { text: 'Stop Turntable (Ctrl-C) and start it again:', paste: { what: 'Command', text: 'npm start' } },
  ];
}

/** The command that shows everything without an app at Spotify. */
export const demoCommand = 'npm run demo';

/** The steps in one text, for a terminal: what to do about the variables that are not set. */
export function howToSet(missing: readonly string[], redirectUri: string): string {
  const steps = setupSteps(redirectUri).map(
    ({ text, link, paste }, index) => `${index + 1}. ${[text, link, paste?.text].filter(Boolean).join(' ')}`,
  );
  return (
    `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set. To get there:\n      ${steps.join('\n      ')}` +
    `\n      To look around without an app at Spotify: ${demoCommand}`
  );
}
