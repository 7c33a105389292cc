/**
 * A sign that begins a formula at the start of the text, or after any ASCII punctuation that a spreadsheet could be told to take for a separator,
 * with anything in between that spreadsheets skip. A sign that repeats the one before it can't be separated by it: `a==b` is safe. The apostrophe
 * is no such separator, because it is what makes a cell safe.
 */
// safeguard: formulas-after-separators
// safeguard: formulas-after-invisible-characters
// safeguard: full-width-formula-signs
const afterSeparator = /[=+\-@＝＋－＠](?<=(?:^|[!-&(-/:-@[-`{-~])[\s\p{Cf}"]*.)(?<!\1(.))/gu;
/** The same after a space. A sign between two spaces, as in `Artist - Title`, is safe: split at spaces, it is a cell by itself. */
// safeguard: formulas-after-space
const afterSpace = /[=+\-@＝＋－＠](?<=\s[\p{Cf}"]*.)(?!(?<= .) )/gu;
/** Line breaks of every kind, tabs and other control characters. */
const breaks = /[\p{Cc}\u2028\u2029]+/gu;

/**
 * Makes text safe in a cell of a table, so that no spreadsheet takes it for a formula (OWASP, "CSV Injection"), whichever separator it reads the
 * file with: quotes only help if it agrees on the separator. An apostrophe goes right before each sign that could begin a formula. Line breaks,
 * tabs and control characters become a space, so that a name can't begin a row. Everything else stays: to get the exact names, remove each
 * apostrophe before such a sign, or use the JSON.
 */
export function safeCell(value: string): string {
  // safeguard: neutralize-line-breaks
  const oneLine = value.toWellFormed().replace(breaks, ' ');
  return oneLine.replace(afterSeparator, "'$&").replace(afterSpace, "'$&");
}
