import { routes } from '../../routes.ts';
import { maxSearchOffset, resultsPerPage, searchTypes } from '../../spotify/limits.ts';
import { linkTo } from '../../web/errors.ts';

/* Why a search is refused. */

/** In characters. */
export const maxQueryLength = 200;
export const lastPage = maxSearchOffset / resultsPerPage;

const backToSearch = linkTo('Back to search', routes.search);
const signIn = linkTo('Sign in with Spotify', () => routes.signIn({ returnTo: routes.search() }));

export const problems = {
  empty: {
    status: 400,
    reason: 'search-empty',
    title: 'Enter a search',
    get text() {
      return `Send the search terms as "q", for example ${routes.search({ q: 'miles davis' })}.`;
    },
    actions: [backToSearch],
  },
  invalid: {
    status: 400,
    reason: 'search-invalid',
    title: 'This search isn’t valid',
    text: 'Send one "q", and the page number as "page", starting at 1.',
    actions: [backToSearch],
  },
  unknownType: {
    status: 400,
    reason: 'search-type',
    title: 'Unknown type',
    text: `The types are ${searchTypes.join(', ')}. Separate several with commas.`,
    actions: [backToSearch],
  },
  tooLong: {
    status: 400,
    reason: 'search-too-long',
    title: 'That search is too long',
    text: `A search can have up to ${maxQueryLength} characters: a name, or a few words of a title.`,
    actions: [backToSearch],
  },
  tooFar: {
    status: 400,
    reason: 'search-too-far',
    title: 'No more results',
    text: `Spotify shows only the first ${maxSearchOffset} results of each type, up to page ${lastPage}. Try a more specific search.`,
    actions: [backToSearch],
  },
  tooMany: {
    status: 429,
    reason: 'search-too-many',
    title: 'Too many searches',
    text: 'Without signing in, each IP address gets 30 searches a minute. Wait a moment, or sign in.',
    actions: [backToSearch, signIn],
  },
  needsSignIn: {
    status: 401,
    reason: 'search-needs-sign-in',
    title: 'Sign in to search',
    text: 'On this site, only people who are signed in can search.',
    actions: [signIn],
  },
  typing: {
    status: 429,
    reason: 'search-typing',
    title: 'Press Enter to search',
    text: 'Searching while you type is paused, so that today’s Spotify calls last. Searching with Enter works as before.',
    actions: [backToSearch],
  },
  usedUp: {
    status: 429,
    reason: 'search-limit-reached',
    title: 'Today’s searches for visitors are used up',
    text: 'Visitors who aren’t signed in share a daily number of searches. Sign in to keep searching, or come back later.',
    actions: [signIn, backToSearch],
  },
};
