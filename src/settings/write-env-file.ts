import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual, parseEnv } from 'node:util';

/** The file can't be changed. The message is a sentence for users that says why, and never quotes a value. */
export class CannotWriteEnv extends Error {
  override readonly name = 'CannotWriteEnv';
}

/**
 * Sets variables in the file at `path`, and creates it if it is missing. Everything else in it stays as it is, and a variable that has
 * another value is never replaced. `values` must be plain: they are written without quotes.
 *
 * Afterward only its owner can read it. It is written to another file and renamed, so that a crash leaves either the old file or the new one.
 * Throws {@link CannotWriteEnv}.
 */
export function addToEnvFile(path: string, values: Readonly<Record<string, string>>): void {
  const name = basename(path);
  const old = readOldFile(path, name);
  const text = withVariables(old?.text ?? '', values, name);
  const draft = join(dirname(path), `${name}.${randomBytes(6).toString('hex')}.new`);
  try {
    writeDraft(draft, text, old?.stats ?? null);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new CannotWriteEnv(`${name} can’t be written (${codeOf(error)}).`);
  }
}

function readOldFile(path: string, name: string): { text: string; stats: Stats } | null {
  try {
    const stats = lstatSync(path);
    // The file it leads to may belong to another program, and renaming would replace the link.
    // safeguard: refuse-linked-env-file
    if (stats.isSymbolicLink()) throw new CannotWriteEnv(`${name} is a symbolic link.`);
    if (!stats.isFile()) throw new CannotWriteEnv(`${name} isn’t a file.`);
    // The text includes its byte-order mark, so that writing it back keeps the mark.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(readFileSync(path)), stats };
  } catch (error) {
    if (error instanceof CannotWriteEnv) throw error;
    if (codeOf(error) === 'ENOENT') return null;
    throw new CannotWriteEnv(`${name} can’t be read (${codeOf(error)}).`);
  }
}

/** Returns the text of the file with these variables: in place of an empty one such as `NAME=`, or else at the end. */
function withVariables(text: string, values: Readonly<Record<string, string>>, name: string): string {
  const before = variablesIn(text);
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  let result = text;
  for (const [variable, value] of Object.entries(values)) {
    const present = before[variable]?.trim();
    // They may have been saved before: by this form, when something else was missing.
    if (present === value) continue;
    // safeguard: never-replace-env-value
    if (present) throw new CannotWriteEnv(`${name} sets ${variable} already.`);
    const empty = new RegExp(
      `^(\\uFEFF?[ \\t]*(?:export[ \\t]+)?${variable}[ \\t]*=)[ \\t]*(?:""|''|\`\`)?[ \\t]*(#.*)?$`,
      'gm',
    );
    const filled = result.replace(empty, (_line, start: string, comment?: string) =>
      [`${start}${value}`, comment].filter(Boolean).join(' '),
    );
    const gap = result === '' || /[\r\n]$/.test(result) ? '' : lineEnd;
    result = filled === result ? `${result}${gap}${variable}=${value}${lineEnd}` : filled;
  }
  // A value may span lines, one of which looks like another variable.
  // safeguard: preserve-other-env-variables
  if (!isDeepStrictEqual(variablesIn(result), { ...before, ...values }))
    throw new CannotWriteEnv(`${name} has lines that can’t be edited safely.`);
  return result;
}

/** Returns the variables as a start reads them. */
function variablesIn(text: string): NodeJS.Dict<string> {
  return { ...parseEnv(text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')) };
}

function writeDraft(path: string, text: string, old: Stats | null): void {
  // Fails if there is a file of that name, even a link.
  // safeguard: private-env-file
  const file = openSync(path, 'wx', 0o600);
  try {
    if (old) fchownSync(file, old.uid, old.gid);
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown cause';
}
