import { pathWithin, routes } from '../routes.ts';

declare module 'express-serve-static-core' {
  interface Request {
    /** The page to return to after this request, if it isn't the request's own: set for forms, and for the callback from Spotify. */
    returnTo?: string;
  }
}

const maxLength = 1_000;
// safeguard: no-return-to-callback
const signInSteps = [routes.signIn, routes.callback, routes.signOut];

/**
 * Whether a text from a record is a path on this site. Two slashes would begin a host. Browsers take a backslash for a slash, and drop tabs and
 * line breaks before they look (URL Standard, "basic URL parser"), so neither may be in a path.
 */
export function isLocalPath(text: string): boolean {
  // safeguard: check-stored-return-path
  return /^\/(?!\/)[^\\\p{Cc}]*$/u.test(text);
}

/**
 * A path on this site, below the path of BASE_URL, to send a browser to. Returns the home page for anything else, and for the steps of a sign-in. The path is parsed as
 * browsers parse it (they take a backslash for a slash, and ignore tabs and line breaks) and its origin is compared: how it looks proves
 * nothing.
 */
export function safeReturnPath(path: unknown, baseUrl: string): string {
  if (typeof path !== 'string' || !path.startsWith('/') || !URL.canParse(path, baseUrl)) return routes.home();
  const url = new URL(path, baseUrl);
  const parsed = url.pathname + url.search + url.hash;
  // "/.//evil.example" has our origin, but its path alone would be read as another host. A long path doesn't fit into a cookie.
  // safeguard: return-within-site
  // safeguard: refuse-double-slash-paths
  if (
    url.origin !== new URL(baseUrl).origin ||
    // safeguard: return-within-base-path
    pathWithin(url.pathname) === null ||
    parsed.startsWith('//') ||
    parsed.length > maxLength ||
    isSignInStep(url.pathname)
  )
    return routes.home();
  return parsed;
}

/** In any case of letters, as Express matches paths. */
function isSignInStep(pathname: string): boolean {
  const path = `${pathname.toLowerCase()}/`;
  return signInSteps.some((step) => path.startsWith(`${step().toLowerCase()}/`));
}
