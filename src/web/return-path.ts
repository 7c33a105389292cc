const longest = 1_000;
// safeguard: no-return-to-callback
const never = /^\/(login|callback|logout)(\/|$)/i;

/** Whether a text is a path on this site, as a record or a link has it; two slashes, or a slash and a backslash, begin a host. */
export function isLocalPath(text: string): boolean {
  // safeguard: check-stored-return-path
  return /^\/(?![/\\])/.test(text);
}

/**
 * A path of our own that a person may be led to, or `/` for anything else and for the steps of the sign-in itself. Read as
 * browsers read it (a backslash is a slash to them, tabs and line breaks are nothing) and compared by origin, not by its looks.
 */
export function ownPath(asked: unknown, baseUrl: string): string {
  if (typeof asked !== 'string' || !asked.startsWith('/') || !URL.canParse(asked, baseUrl)) return '/';
  const url = new URL(asked, baseUrl);
  const path = url.pathname + url.search + url.hash;
  // "/.//evil.example" has our origin, but its path alone would be read as another host. A long one has no place in a cookie.
  // safeguard: return-within-site
  // safeguard: refuse-double-slash-paths
  if (url.origin !== baseUrl || path.startsWith('//') || path.length > longest || never.test(url.pathname))
    return '/';
  return path;
}
