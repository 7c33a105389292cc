import { oneLine } from './one-line.ts';

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
