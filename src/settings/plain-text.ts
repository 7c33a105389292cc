/** Quotes of every kind, straight and typographic. */
const quotesAround =
  /^["'`\u2018-\u201f\u00ab\u00bb\u2039\u203a]+|["'`\u2018-\u201f\u00ab\u00bb\u2039\u203a]+$/g;

/** Control and format characters, line separators, and every space except the ordinary one. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Characters that Spotify's IDs and secrets don't contain: all examples in its documentation are hexadecimal digits. */
const notInCredentials = /[^\x20-\x7e]|[<>]/u;

/**
 * Removes surrounding quotes and invisible characters, which are often copied along with a value. Returns the cleaned value, and the problem
 * as a sentence that names the variable and not the value, or null if there is none.
 */
export function toPlainText(name: string, value: string): { value: string; problem: string | null } {
  const [hidden] = value.match(invisible) ?? [];
  const visible = value.replace(invisible, '').trim();
  const cleaned = visible.replace(quotesAround, '').trim();
  // safeguard: refuse-invisible-characters
  if (hidden !== undefined)
    return {
      value: cleaned,
      problem: `${name} contains an invisible character (${codePoint(hidden)}). Delete the value and type it, or copy it again.`,
    };
  return {
    value: cleaned,
    // safeguard: refuse-quoted-values
    problem: cleaned === visible ? null : `${name} has quotes around its value. Remove them.`,
  };
}

/** Returns the obvious problem with a client ID or secret, as a sentence that doesn't quote it, or null if there is none. */
export function credentialProblem(name: string, value: string): string | null {
  const [unexpected] = notInCredentials.exec(value) ?? [];
  return unexpected === undefined
    ? null
    : `${name} contains a character that Spotify doesn't use (${codePoint(unexpected)}). Copy it again from https://developer.spotify.com/dashboard.`;
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}
