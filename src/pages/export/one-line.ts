/** Line breaks of every kind, tabs and other control characters. */
const breaks = /[\p{Cc}\u2028\u2029]+/gu;

/** Replaces line breaks, tabs and control characters with a space, so that a name can't begin a row or a cell. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(breaks, ' ');
}
