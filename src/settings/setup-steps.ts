/** One step of the setup: a text to copy for it, and the name of the drawing that shows what to click in Spotify's dashboard. */
export type SetupStep = {
  text: string;
  link?: string;
  copy?: { label: string; text: string };
  drawing?: 'create-app' | 'app-name' | 'redirect-uri' | 'web-api' | 'client-id' | 'client-secret';
};

/**
 * Returns the steps to get credentials, for the setup page and for the message when a start in production is refused. `hasForm`: they are
 * entered in a form rather than in `.env`. Source: Spotify's "Apps", "Redirect URIs" and "Quota modes" documentation pages.
 */
export function setupSteps(redirectUri: string, { hasForm = false } = {}): SetupStep[] {
  const invite: SetupStep = {
    text: 'To invite others, add the names and email addresses of their Spotify accounts under “User Management”. There’s room for five people.',
  };
  return [
    {
      text: 'Open Spotify’s dashboard, sign in, and choose “Create app”. The account that owns the app needs Premium.',
      link: 'https://developer.spotify.com/dashboard',
      drawing: 'create-app',
    },
    {
      text: 'Give the app a name that doesn’t start with “Spot”. For example:',
      copy: { label: 'App name', text: 'Turntable' },
      drawing: 'app-name',
    },
    {
      text: 'Under “Redirect URIs”, add exactly this URI, and press “Add”:',
      copy: { label: 'Redirect URI', text: redirectUri },
      drawing: 'redirect-uri',
    },
    {
      text: 'Under “Which API/SDKs are you planning to use?”, tick “Web API”, then save.',
      drawing: 'web-api',
    },
    ...(hasForm ? [...formSteps, invite] : [...fileSteps, invite, restart]),
  ];
}

const formSteps: SetupStep[] = [
  {
    text: 'In the app’s settings on the dashboard, copy “Client ID” into the form below.',
    drawing: 'client-id',
  },
  { text: 'Press “View client secret”, and copy it into the form as well.', drawing: 'client-secret' },
];

const fileSteps: SetupStep[] = [
  {
    text: 'Copy .env.example to .env. In the app’s settings on the dashboard, copy “Client ID” to the end of this line in .env:',
    copy: { label: 'Line for the client ID', text: 'SPOTIFY_CLIENT_ID=' },
    drawing: 'client-id',
  },
  {
    text: 'Press “View client secret”, and copy it to the end of this line:',
    copy: { label: 'Line for the client secret', text: 'SPOTIFY_CLIENT_SECRET=' },
    drawing: 'client-secret',
  },
];

const restart: SetupStep = {
  text: 'Stop Turntable (Ctrl-C) and start it again:',
  copy: { label: 'Command', text: 'npm start' },
};

/** Starts the demo, which needs no app at Spotify. */
export const demoCommand = 'npm run demo';

/** Returns the steps as a text for a terminal, with the names of the missing variables. */
export function setupInstructions(missing: readonly string[], redirectUri: string): string {
  const steps = setupSteps(redirectUri).map(
    ({ text, link, copy }, index) => `${index + 1}. ${[text, link, copy?.text].filter(Boolean).join(' ')}`,
  );
  return (
    `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set. To get ${missing.length > 1 ? 'them' : 'it'}:\n      ${steps.join('\n      ')}` +
    `\n      To try Turntable without a Spotify app: ${demoCommand}`
  );
}
