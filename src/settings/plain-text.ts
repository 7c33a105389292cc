/** Quotes of every kind, straight and typographic. */
const quotesAround =
  /^["'`\u2018-\u201f\u00ab\u00bb\u2039\u203a]+|["'`\u2018-\u201f\u00ab\u00bb\u2039\u203a]+$/g;

/** Control and format characters, line separators, and every space but the usual one. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** What Spotify's ids and secrets do not have: all examples in its documentation are hexadecimal digits. */
const notInCredentials = /[^\x20-\x7e]|[<>]/u;

/**
 * Takes quotes around a value and invisible characters out of it, which come along when values are copied. Returns what was meant, and
 * the problem as a sentence that names the variable and not the value; null if there is none.
 */
export function plainText(name: string, value: string): { value: string; problem: string | null } {
  const [hidden] = value.match(invisible) ?? [];
  const visible = value.replace(invisible, '').trim();
  const meant = visible.replace(quotesAround, '').trim();
  // safeguard: refuse-invisible-characters
  if (hidden !== undefined)
    return {
      value: meant,
      problem: `${name} has a character in it that cannot be seen (${codePoint(hidden)}). Delete its value and type it, or copy it again.`,
    };
  return {
    value: meant,
    // safeguard: refuse-quoted-values
    problem: meant === visible ? null : `${name} has quotes around its value. Write the value without them.`,
  };
}

/** What is wrong with a client id or secret at sight, as a sentence that does not quote it; null if nothing is. */
export function credentialProblem(name: string, value: string): string | null {
  const [odd] = notInCredentials.exec(value) ?? [];
  return odd === undefined
    ? null
    : `${name} has a character that is in none of Spotify's (${codePoint(odd)}). Copy it again from https://developer.spotify.com/dashboard.`;
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}
