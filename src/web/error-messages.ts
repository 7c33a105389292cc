/*
 * The words of the error pages: what happened, whether anything was lost, and what to do next. Only text; error-pages.ts decides which message
 * belongs to which error. `{name}` stands for a value that is filled in when the page is rendered.
 */

import { pauseReason } from './display-names.ts';
import type { Button } from './error-buttons.ts';

export type ErrorMessage = {
  status: number;
  /** A machine-readable code. It never changes. */
  reason: string;
  title: string;
  /** The heading, if it says more than the title. */
  heading?: string;
  happened: string;
  /** Added if Spotify said why. */
  quote?: string;
  lost?: string;
  /** In place of `lost`, on a page that reloads when the wait is over. */
  lostIfReloading?: string;
  next?: string;
  steps?: readonly string[];
  /** The first is the one that most people want. */
  buttons: readonly Button[];
};

export const errorMessages = {
  notSignedIn: {
    status: 401,
    reason: 'not-signed-in',
    title: 'You’re not signed in',
    happened: 'Sign in with Spotify to continue.',
    buttons: ['signIn'],
  },
  grantLost: {
    status: 401,
    reason: 'sign-in-ended',
    title: 'Your Spotify sign-in has expired',
    happened:
      'Spotify ends every sign-in after six months, or earlier if you remove this app’s access in your Spotify account.',
    next: 'Sign in again, and you’ll be back where you were.',
    buttons: ['signInAgain'],
  },
  missingScope: {
    status: 403,
    reason: 'missing-permission',
    title: 'This needs more permission',
    happened: 'This site doesn’t have the permission it needs for this.',
    next: 'Spotify will ask you to grant it. Agree to everything on its page.',
    buttons: ['grantPermission'],
  },
  notInvited: {
    status: 403,
    reason: 'not-invited',
    title: 'Spotify doesn’t let you use this site yet',
    happened:
      'The Spotify app behind this site works only for people its owner has added, and only while its owner has Premium.',
    next: 'Ask the owner to add you, then try again. These are the owner’s steps:',
    steps: [
      'Open the app at developer.spotify.com/dashboard and go to Settings, then User Management.',
      'Add your name and the email address of your Spotify account. There’s room for five people.',
    ],
    buttons: ['tryAgain'],
  },
  ownerNeedsPremium: {
    status: 403,
    reason: 'owner-needs-premium',
    title: 'The owner of this site needs Spotify Premium',
    happened: 'Spotify serves an app only while its owner has Premium.',
    lost: 'Nothing of yours is lost, and you don’t need to do anything.',
    next: 'Once the owner has subscribed again, it can take Spotify a few hours to notice.',
    buttons: ['tryAgain'],
  },
  premiumRequired: {
    status: 403,
    reason: 'premium-required',
    title: 'This needs Spotify Premium',
    happened:
      'Spotify lets only Premium members control playback from other apps. Everything else here works without it.',
    buttons: ['goBack'],
  },
  noActiveDevice: {
    status: 404,
    reason: 'no-active-device',
    title: 'No active device',
    happened: 'Spotify doesn’t see anything playing on your devices.',
    next: 'Open Spotify on one of them, start playing, and try again.',
    buttons: ['showDevices', 'goBack'],
  },
  notPossibleNow: {
    status: 409,
    reason: 'not-possible-now',
    title: 'The player can’t do that right now',
    happened:
      'It may have stopped or moved on, an ad may be playing, or the device can’t be controlled from here.',
    buttons: ['goBack'],
  },
  notUnderstood: {
    status: 502,
    reason: 'not-understood',
    title: 'Spotify didn’t understand this request',
    happened: 'What you asked for may have changed on Spotify.',
    next: 'Go back, reload the page, and try again.',
    buttons: ['goBack'],
  },
  notAccepted: {
    status: 400,
    reason: 'not-understood',
    title: 'Spotify didn’t accept this request',
    happened: 'Something it refers to may not exist, or may have changed on Spotify.',
    buttons: ['goBack'],
  },
  refused: {
    status: 403,
    reason: 'refused',
    title: 'Spotify refused this',
    happened: 'Spotify won’t let this site see or change this, and didn’t say why.',
    buttons: ['goHome'],
  },
  cooldown: {
    status: 503,
    reason: 'cooldown',
    title: 'Taking a break',
    heading: 'Taking a break until {until}',
    happened: pauseReason,
    lost: 'Nothing is lost.',
    lostIfReloading: 'Nothing is lost, and this page comes back by itself.',
    buttons: ['tryAgain'],
  },
  quotaExceeded: {
    status: 503,
    reason: 'quota-exceeded',
    title: 'Taking a break',
    heading: 'Taking a break until {until}',
    happened: 'Today’s Spotify calls are used up: Spotify limits how many this site may make in a day.',
    lost: 'Nothing is lost.',
    lostIfReloading: 'Nothing is lost, and this page comes back by itself.',
    buttons: ['tryAgain'],
  },
  familyPaused: {
    status: 503,
    reason: 'quota-exceeded',
    title: '{paused} paused',
    heading: '{paused} paused until {until}',
    happened: 'This site has used up today’s Spotify calls for this.',
    lost: 'Nothing is lost. {stillWorks}',
    lostIfReloading: 'Nothing is lost. {stillWorks} This page comes back by itself.',
    buttons: ['tryAgain'],
  },
  endpointRefused: {
    status: 503,
    reason: 'not-offered',
    title: 'Spotify refuses this right now',
    heading: 'Not available until {until}',
    happened:
      'Spotify won’t send the data this page needs, but responds to other requests. If this keeps happening, Spotify has probably removed it.',
    lost: '{stillWorks}',
    buttons: ['tryAgain', 'goHome'],
  },
  tooManyRequests: {
    status: 429,
    reason: 'too-many-requests',
    title: 'Slow down a little',
    happened: 'That was a lot of requests in a short time.',
    lost: 'Nothing is lost.',
    next: 'Try again in {wait}.',
    buttons: ['tryAgain'],
  },
  clientRejected: {
    status: 502,
    reason: 'client-rejected',
    title: 'Spotify doesn’t accept this site',
    happened: 'The client ID or client secret doesn’t match the one in Spotify’s dashboard.',
    quote: 'Spotify says: “{description}”.',
    lost: 'No one has been signed out.',
    next: 'The owner of this site needs to correct SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET.',
    buttons: ['tryAgain'],
  },
  spotifyUnavailable: {
    status: 502,
    reason: 'spotify-unavailable',
    title: 'Spotify isn’t responding',
    happened: 'Spotify sent no response, or an invalid one. It usually recovers within a minute.',
    lost: 'Nothing is lost.',
    buttons: ['tryAgain'],
  },
  redisUnavailable: {
    status: 503,
    reason: 'redis-unavailable',
    title: 'This site’s database isn’t responding',
    happened: 'The problem is on this site’s side.',
    lost: 'Nothing is lost, and you don’t need to sign in again.',
    next: 'Try again in a moment.',
    buttons: ['tryAgain'],
  },
  shuttingDown: {
    status: 503,
    reason: 'restarting',
    title: 'Turntable is restarting',
    happened: 'This takes a few seconds.',
    lost: 'Nothing is lost.',
    next: 'Try again in a moment.',
    buttons: ['tryAgain'],
  },
  wrongHost: {
    status: 421,
    reason: 'wrong-host',
    title: 'This site is at {baseUrl}',
    happened: 'You opened {host}. You can’t sign in there, because Spotify sends everyone back to {baseUrl}.',
    steps: [
      'On the computer that runs Turntable, open {baseUrl}.',
      'To use Turntable from other devices, through a tunnel, or at a network address, you need https, because Spotify requires it. Put an https proxy or tunnel in front, set BASE_URL to its address (https://…) and TRUST_PROXY=1, add that address followed by {callback} as a redirect URI in Spotify’s dashboard, and restart Turntable.',
      'To use another port on this computer, set PORT or BASE_URL, and change the redirect URI in Spotify’s dashboard to match.',
    ],
    buttons: ['openSite'],
  },
  wrongHostBehindProxy: {
    status: 421,
    reason: 'wrong-host',
    title: 'This site is at {baseUrl}',
    happened: 'You opened {host}. You can’t sign in there, because Spotify sends everyone back to {baseUrl}.',
    steps: [
      'If your browser already shows {baseUrl}, the proxy in front isn’t passing that address on. Have it send Host or X-Forwarded-Host (nginx: proxy_set_header Host $host;).',
      'If this site should be at {host}, set BASE_URL to that address, add that address followed by {callback} as a redirect URI in Spotify’s dashboard, and restart Turntable.',
    ],
    buttons: ['openSite'],
  },
  outsideBasePath: {
    status: 404,
    reason: 'outside-base-path',
    title: 'This site is at {baseUrl}',
    happened: 'There’s nothing at this address.',
    steps: [
      'If your browser already shows {baseUrl}, the proxy in front strips {basePath} from the path. Have it pass the path on unchanged (nginx: nothing after the port in proxy_pass; Caddy: handle in place of handle_path).',
    ],
    buttons: ['openSite'],
  },
  foreignOrigin: {
    status: 403,
    reason: 'foreign-origin',
    title: 'Another site sent this request',
    happened: 'Only this site’s own pages can change anything here or show your data.',
    lost: 'Nothing was changed.',
    next: 'If you pressed a button on this site, reload the page and press it again.',
    buttons: ['goHome'],
  },
  tooManyCookies: {
    status: 431,
    reason: 'too-many-cookies',
    title: 'Your browser sent too many cookies',
    happened:
      'There were more cookies for this address than this site accepts. Those left over from unfinished sign-ins were deleted.',
    lost: 'Nothing else was lost.',
    next: 'If you see this page again, delete the cookies for this address in your browser’s settings. At 127.0.0.1, other programs on your computer can set cookies too.',
    buttons: ['tryAgain'],
  },
  noSuchPage: {
    status: 404,
    reason: 'no-such-page',
    title: 'Page not found',
    happened: 'The address may be mistyped, or the page may be gone.',
    buttons: ['goHome'],
  },
  methodNotAllowed: {
    status: 405,
    reason: 'method-not-allowed',
    title: 'This address doesn’t work that way',
    happened: 'It exists, but doesn’t accept this kind of request.',
    buttons: ['goHome'],
  },
  notAcceptable: {
    status: 406,
    reason: 'not-acceptable',
    title: 'Available as HTML or JSON',
    happened: 'The request asked for a different format.',
    next: 'Send "Accept: text/html" or "Accept: application/json".',
    buttons: ['goHome'],
  },
  /** For requests that Express cannot read. The status is that of its error. */
  badRequest: {
    status: 400,
    reason: 'bad-request',
    title: 'This request isn’t valid',
    happened: 'There’s a mistake in the address or in the data sent with it.',
    buttons: ['goHome'],
  },
  internal: {
    status: 500,
    reason: 'internal-error',
    title: 'Unexpected error on this site',
    happened: 'It was logged under the request ID below.',
    next: 'If it happens again, give that ID to the owner of this site.',
    buttons: ['tryAgain'],
  },
} as const satisfies Record<string, ErrorMessage>;

export type ErrorMessageName = keyof typeof errorMessages;
