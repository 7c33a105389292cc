import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutation } from './mutation.ts';

/*
 * Finds safeguards in the source by their markers, and removes them.
 *
 * `from` is compared with the code below the marker token by token, and names only by their position. So a mutation still matches after a
 * rename, and the names in `to` are renamed accordingly.
 */
type Token = { text: string; start: number; end: number };

const keywords = new Set(
  'and as async await break case catch const continue default delete do else elseif end export extends false finally for function if import in instanceof let local never new nil not null of or return then throw true try typeof undefined void while'.split(
    ' ',
  ),
);
const globals = new Set(
  'any Array Boolean Date Error Infinity JSON Map Math Number Object Promise RegExp Set String performance process'.split(
    ' ',
  ),
);

/** The folders that are searched for markers. */
const sources = ['src/**/*.{ts,mjs}', 'public/**/*.js', 'views/**/*.ejs', 'simulator/*.ts', 'dev/*.ts'];

/** Returns the paths of the files below `root` that contain each marker, by id. */
export function findMarkers(root: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of globSync(sources, { cwd: root }).sort()) {
    for (const [, id = ''] of readFileSync(join(root, file), 'utf8').matchAll(marker())) {
      const files = found.get(id) ?? [];
      if (!files.includes(file)) found.set(id, [...files, file]);
    }
  }
  return found;
}

/**
 * Removes a safeguard from the text of a file, below each of its markers. Returns null if the code below a marker doesn't match `from`, or
 * if `to` contains a name that neither `from` nor the file contains.
 */
export function breakSafeguard({ safeguard, from, to }: Mutation, source: string): string | null {
  const wanted = tokensOf(from);
  const all = tokensOf(source);
  const places = [...source.matchAll(marker(safeguard))].map(({ index }) => index);
  const known = new Set(all.map(({ text }) => text));
  let broken = source;

  // From the last to the first, so that the earlier positions stay valid.
  for (const place of places.reverse()) {
    const match = firstMatch(
      wanted,
      all.filter(({ start }) => start > place),
    );
    if (!match) return null;
    if (references(to).some((name) => !match.names.has(name) && !known.has(name) && !globals.has(name)))
      return null;
    broken = broken.slice(0, match.start) + renamed(to, match.names) + broken.slice(match.end);
  }
  return places.length > 0 ? broken : null;
}

/** Matches the markers of one safeguard, or of all, in a comment of JavaScript, Lua or EJS. */
function marker(id = '[\\w-]+'): RegExp {
  return new RegExp(`(?://|--|<%#) safeguard: (${id})(?![\\w-])`, 'g');
}

function firstMatch(wanted: Token[], all: Token[]) {
  for (let at = 0; at + wanted.length <= all.length; at += 1) {
    const names = namesIn(wanted, all.slice(at, at + wanted.length));
    const [first, last] = [all[at], all[at + wanted.length - 1]];
    if (names && first && last) return { names, start: first.start, end: last.end };
  }
  return null;
}

/** Returns the name in `found` for each name in `wanted`, or null if the two differ in more than names. */
function namesIn(wanted: Token[], found: Token[]): Map<string, string> | null {
  const names = new Map<string, string>();
  for (const [index, { text }] of wanted.entries()) {
    const other = found[index]?.text ?? '';
    if (!isName(text) ? text !== other : !isName(other) || (names.get(text) ?? other) !== other) return null;
    if (isName(text)) names.set(text, other);
  }
  return names;
}

function renamed(text: string, names: Map<string, string>): string {
  let result = '';
  let copied = 0;
  for (const token of tokensOf(text)) {
    result += text.slice(copied, token.start) + (names.get(token.text) ?? token.text);
    copied = token.end;
  }
  return result + text.slice(copied);
}

/** Returns the names in a piece of code that are defined elsewhere: no properties, parameters or keys. */
function references(code: string): string[] {
  const tokens = tokensOf(code).map(({ text }) => text);
  return tokens.filter(
    (text, index) =>
      isName(text) &&
      tokens[index - 1] !== '.' &&
      tokens[index + 1] !== ':' &&
      !new RegExp(`\\b${text}\\b[^(]*=>`).test(code),
  );
}

function isName(text: string): boolean {
  return /^[A-Za-z_$]/.test(text) && !keywords.has(text);
}

/** Returns names, numbers, short strings and single signs, without whitespace and comments. Works for TypeScript, Lua and EJS. */
function tokensOf(source: string): Token[] {
  const pattern =
    /(?:\/\*[\s\S]*?\*\/|(?<![:'"`\\/])\/\/ [^\n]*|-- [^\n]*|<%#[\s\S]*?%>|\s+)|([A-Za-z_$][\w$]*|\d[\w.]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|.)/g;
  return [...source.matchAll(pattern)].flatMap(({ 0: all, 1: text, index }) =>
    text === undefined ? [] : [{ text, start: index, end: index + all.length }],
  );
}
