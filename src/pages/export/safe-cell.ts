import { oneLine } from './one-line.ts';

/**
 * Matches a cell that some spreadsheet reads as a formula (OWASP, "CSV Injection"): it begins with one of these signs, possibly after invisible
 * characters. A sign alone isn't one, and neither is a number: "-", "+" and "=" are names of albums, and "+44" of a track.
 */
// safeguard: formulas-after-invisible-characters
// safeguard: full-width-formula-signs
// safeguard: signs-and-numbers-are-no-formulas
const formula = /^(?![+-]?[\d.,]+$)[\s\p{Cf}]*[=+\-@＝＋－＠](?=.)/u;
/**
 * Matches a sign after a separator, spaces, quotes and invisible characters. Quotes keep it within its cell only if the spreadsheet agrees on the
 * separator: in many languages, Excel takes a semicolon for one. The text after the sign doesn't matter: "- 1" is a formula, and at the end of a cell the
 * next one completes it. ";-)" stays as it is, because a formula can't begin with a closing parenthesis.
 */
// safeguard: formulas-after-separators
// safeguard: spaces-after-separators
const afterSeparator = /[=+\-@＝＋－＠](?!\))(?<=[;,|][\s\p{Cf}"]*.)/gu;
/** Returns a cell on one line, with an apostrophe before each sign that a spreadsheet would take for the start of a formula, whichever separator it splits cells at. */
export function safeCell(value: string): string {
  return withoutFormula(value).replace(afterSeparator, "'$&");
}

/** The same for the cells of a table whose separator is certain, because only one program reads it: the apostrophe is at the start, if there is one. */
export function withoutFormula(value: string): string {
  // safeguard: neutralize-line-breaks
  const plain = oneLine(value);
  const isFormula = formula.test(plain);
  return (isFormula ? "'" : '') + plain;
}
