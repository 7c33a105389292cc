import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseEnv } from 'node:util';

/** Names the kind of a line: blank, a comment, or `NAME=value`. */
const assignment = /^(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=(.*)$/;
const quotes = ['"', "'", '`'];

/** The names of the variables in the file, and what is wrong with it, a sentence each that never quotes a value. */
export type EnvFile = { names: readonly string[]; problems: readonly string[] };

/** Adds the variables of the file at `path` to `env`, except for those it has already. A missing file is an empty one. */
export function loadEnvFile(path: string, env: Record<string, string | undefined>): EnvFile {
  const name = basename(path);
  const file = readFile(path, name);
  if ('problem' in file) return { names: [], problems: [file.problem] };

  const variables = Object.entries(parseEnv(file.text));
  for (const [variable, value] of variables) env[variable] ??= value;
  return { names: variables.map(([variable]) => variable), problems: problemsIn(file.text, name) };
}

function readFile(path: string, name: string): { text: string } | { problem: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { text: '' };
    if (code === 'EISDIR')
      return { problem: `${name} is a folder. It must be a file: copy .env.example to ${name}.` };
    return { problem: `${name} cannot be read (${code}). Let the user who starts Turntable read it.` };
  }
  try {
    // The decoder drops a byte-order mark, which would become part of the first name.
    // safeguard: drop-byte-order-mark
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return { text: text.replace(/\r\n?/g, '\n') };
  } catch {
    // Not UTF-8.
  }
  return { problem: `${name} is not UTF-8 text. Save it again in that encoding ("UTF-8", not "Unicode").` };
}

/** Node's parser skips what it cannot read and cuts values short without a word, so each line is checked first. */
function problemsIn(text: string, name: string): string[] {
  const problems: string[] = [];
  const seen = new Map<string, { line: number; value: string }>();
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.replace(/^[ \t]+|[ \t]+$/g, '');
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    const at = `Line ${line} of ${name}`;
    const [, variable, value = ''] = assignment.exec(content) ?? [];
    // safeguard: report-skipped-env-lines
    if (variable === undefined) {
      problems.push(`${at} is not NAME=value, blank, or a comment that begins with #.`);
      continue;
    }
    const problem = problemWithValue(value.replace(/^[ \t]+/, ''));
    if (problem) problems.push(`${at}: ${variable} ${problem}`);
    const earlier = seen.get(variable);
    if (earlier && earlier.value !== value)
      problems.push(`${at}: ${variable} is set on line ${earlier.line} already. Keep one of the two.`);
    seen.set(variable, { line, value });
  }
  return problems;
}

function problemWithValue(value: string): string | null {
  const [quote = ''] = value;
  if (!quotes.includes(quote)) {
    // safeguard: report-truncated-env-values
    return /[^ \t#]#/.test(value)
      ? 'has a # in its value, where a comment would begin. Put the whole value in double quotes.'
      : null;
  }
  const end = value.indexOf(quote, 1);
  if (end < 0) return `has a ${quote} before its value and none after it. Put one there, or leave both out.`;
  return /^[ \t]*(#.*)?$/.test(value.slice(end + 1))
    ? null
    : `has something after the closing ${quote}. Put the quotes around the whole value.`;
}
