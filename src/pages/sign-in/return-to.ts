const longest = 1_000;
const never = /^\/(login|callback|logout)(\/|$)/;

/**
 * The path to lead back to after the sign-in: a path of our own, or `/` for anything else. Read as browsers read it
 * (a backslash is a slash to them, tabs and line breaks are nothing) and compared by origin, not by its looks.
 */
export function ownPath(asked: unknown, baseUrl: string): string {
  if (typeof asked !== 'string' || asked.length > longest || !asked.startsWith('/')) return '/';
  if (!URL.canParse(asked, baseUrl)) return '/';
  const url = new URL(asked, baseUrl);
  // "/.//evil.example" has our origin, but its path alone would be read as another host.
  if (url.origin !== baseUrl || url.pathname.startsWith('//') || never.test(url.pathname)) return '/';
  return url.pathname + url.search + url.hash;
}
