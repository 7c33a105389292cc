/** The labels of the buttons of error pages. */
export const buttons = {
  signIn: 'Sign in with Spotify',
  signInAgain: 'Sign in again',
  grantPermission: 'Grant permission on Spotify',
  tryAgain: 'Try again',
  /** Leads to the page with the form or button that failed. */
  goBack: 'Go back',
  goHome: 'Go home',
  showDevices: 'Show devices',
  openSite: 'Open {baseUrl}',
  checkSetup: 'Check the setup',
} as const;

export type Button = keyof typeof buttons;
