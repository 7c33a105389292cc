/**
 * Whether a cell is a formula to some spreadsheet (OWASP, "CSV Injection"): one that begins with such a sign, after characters that aren't seen. A sign
 * alone is none, nor is a number: "-", "+" and "=" are names of albums, and "+44" is one of a track.
 */
// safeguard: formulas-after-invisible-characters
// safeguard: full-width-formula-signs
// safeguard: signs-and-numbers-are-no-formulas
const formula = /^(?![+-]?[\d.,]+$)[\s\p{Cf}]*[=+\-@＝＋－＠](?=.)/u;
/**
 * A sign after a separator, spaces, quotes and characters that aren't seen. Quotes keep it within its cell only if the spreadsheet agrees on the
 * separator: Excel takes a semicolon for one in many languages. The text after the sign doesn't matter: "- 1" is a formula, and at the end of a cell the
 * next one completes it. ";-)" stays as it is, because a formula can't begin with a closing parenthesis.
 */
// safeguard: formulas-after-separators
// safeguard: spaces-after-separators
const afterSeparator = /[=+\-@＝＋－＠](?!\))(?<=[;,|][\s\p{Cf}"]*.)/gu;
/** Line breaks of every kind, tabs and other control characters. */
const breaks = /[\p{Cc}\u2028\u2029]+/gu;

/** Replaces line breaks, tabs and control characters with a space, so that a name can't begin a row or a cell. */
function plainCell(value: string): string {
  // safeguard: neutralize-line-breaks
  return value.toWellFormed().replace(breaks, ' ');
}

/** The same, with an apostrophe before a sign that a spreadsheet would take for the start of a formula. Everything else stays. */
export function safeCell(value: string): string {
  return withoutFormula(value).replace(afterSeparator, "'$&");
}

/** The same for the cells of a table whose separator is certain, because only one program reads it. */
export function withoutFormula(value: string): string {
  const plain = plainCell(value);
  const isFormula = formula.test(plain);
  return (isFormula ? "'" : '') + plain;
}
