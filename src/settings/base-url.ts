const loopbackAddresses = ['127.0.0.1', '[::1]'];

/** Returns BASE_URL without a slash at its end. Adds a sentence to `problems` for each reason that it can't work. */
export function readBaseUrl(value: string, problems: string[]): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    problems.push(
      `BASE_URL must begin with http:// or https://. Write BASE_URL=${withScheme(value) ?? 'https://music.example.org'}`,
    );
    return 'http://127.0.0.1:3000';
  }
  const path = readBasePath(value);
  if (path === null || url.username || url.password)
    problems.push(
      'BASE_URL must contain only a scheme, a host, a port, and a path, if the site has one: names of letters, digits, and - . _ ~ between single ' +
        `slashes. Write BASE_URL=${url.origin + (path ?? readBasePath(value.replace(/[?#].*/s, '')) ?? '/music')}`,
    );
  // Spotify accepts loopback addresses over http and other addresses over https, and refuses the name localhost (its documentation page
  // "Redirect URIs").
  if (url.hostname === 'localhost') {
    problems.push(
      'BASE_URL contains localhost, which Spotify refuses in redirect URIs. Use http://127.0.0.1 with the same port.',
    );
  } else if (url.protocol === 'http:' && !loopbackAddresses.includes(url.hostname)) {
    problems.push('BASE_URL must be https: Spotify accepts http redirect URIs only for 127.0.0.1 and [::1].');
  }
  return url.origin + (path ?? '');
}

/**
 * Returns the path of a URL without a slash at its end; null if it isn't one of plain names, or if something follows it. It is read as it is written: the
 * parser of URLs would resolve dots and encodings, and a proxy might do that differently. The names need no escaping in the router's patterns.
 */
function readBasePath(url: string): string | null {
  const [, path = null] = /^[^:]+:\/\/[^/?#\\]+(.*?)\/?$/s.exec(url) ?? [];
  if (path === null) return null;
  // safeguard: plain-base-path
  const isPlain = /^(\/[\w.~-]+)*$/.test(path) && !/\/\.+(\/|$)/.test(path);
  return isPlain ? path : null;
}

/** Returns the URL that was probably meant by a host and perhaps a path without a scheme, or null. */
function withScheme(value: string): string | null {
  const isLoopback = loopbackAddresses.some((address) => value.startsWith(address));
  const guess = `${isLoopback ? 'http' : 'https'}://${value}`;
  if (!/^[\w.[\]:-]+(\/[\w.~-]+)*\/?$/.test(value) || !URL.canParse(guess)) return null;
  return new URL(guess).origin + (readBasePath(guess) ?? '');
}
