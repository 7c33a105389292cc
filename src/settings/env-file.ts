import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseEnv } from 'node:util';

/** Matches `NAME=value`. */
const assignment = /^(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=(.*)$/;
const quotes = ['"', "'", '`'];

/** The names of the variables in a file, and the problems with it as sentences, which never quote a value. */
export type EnvFile = { names: readonly string[]; problems: readonly string[] };

/**
 * Adds the variables in the file at `path` to `env`, except for those that are set already. Returns the names of all of them. A missing file counts as
 * empty, and an unreadable one is a problem.
 */
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
      return { problem: `${name} is a folder, not a file. Copy .env.example to ${name}.` };
    return {
      problem: `${name} can’t be read (${code}). Give the user who starts Turntable permission to read it.`,
    };
  }
  try {
    // The decoder removes a byte-order mark, which would otherwise become part of the first name.
    // safeguard: drop-byte-order-mark
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return { text: text.replace(/\r\n?/g, '\n') };
  } catch {
    // Not UTF-8.
  }
  return { problem: `${name} is not UTF-8 text. Save it with that encoding ("UTF-8", not "Unicode").` };
}

/** Checks each line, because Node's parser silently skips lines it can't parse and truncates values. */
function problemsIn(text: string, name: string): string[] {
  const problems: string[] = [];
  const assigned = new Map<string, { line: number; value: string }>();
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.replace(/^[ \t]+|[ \t]+$/g, '');
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    const at = `Line ${line} of ${name}`;
    const [, variable, value = ''] = assignment.exec(content) ?? [];
    // safeguard: report-skipped-env-lines
    if (variable === undefined) {
      problems.push(`${at} must be NAME=value, a comment that starts with #, or blank.`);
      continue;
    }
    const problem = problemWithValue(value.replace(/^[ \t]+/, ''));
    if (problem) problems.push(`${at}: ${variable} ${problem}`);
    const earlier = assigned.get(variable);
    if (earlier && earlier.value !== value)
      problems.push(`${at}: ${variable} is already set on line ${earlier.line}. Remove one of the two.`);
    assigned.set(variable, { line, value });
  }
  return problems;
}

function problemWithValue(value: string): string | null {
  const [quote = ''] = value;
  if (!quotes.includes(quote)) {
    // safeguard: report-truncated-env-values
    return /[^ \t#]#/.test(value)
      ? 'has a # in its value, which starts a comment. Put the whole value in double quotes.'
      : null;
  }
  const end = value.indexOf(quote, 1);
  if (end < 0) return `has a ${quote} before its value but none after it. Add one, or remove the first.`;
  return /^[ \t]*(#.*)?$/.test(value.slice(end + 1))
    ? null
    : `has text after the closing ${quote}. Put the quotes around the whole value.`;
}
