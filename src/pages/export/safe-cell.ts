/** Where a spreadsheet may begin a cell: at its start, and behind whatever it is told to take for a separator. */
// safeguard: formulas-behind-separators
// safeguard: formulas-behind-spaces-and-marks
// safeguard: full-width-formula-signs
const formulaStart = /(^|[,;|])([\s\p{Cf}"]*[=+\-@＝＋－＠])/gu;
/** Line breaks of every kind, tabs and other control characters. */
const breaks = /[\p{Cc}\u2028\u2029]+/gu;

/**
 * Text for a cell of a table that no spreadsheet takes for a formula (OWASP, "CSV Injection"), whether it reads the file with commas, semicolons,
 * tabs or bars between cells: quotes only help a reader who agrees on the separator. An apostrophe goes before each sign that could begin a
 * formula, and line breaks, tabs and control characters become a space, so that a name cannot begin a row. Everything else is kept: a reader who
 * wants the names exactly removes an apostrophe that stands before such a sign, or takes the JSON.
 */
export function safeCell(value: string): string {
  // safeguard: neutralising-line-breaks-in-cells
  return value.toWellFormed().replace(breaks, ' ').replace(formulaStart, "$1'$2");
}
