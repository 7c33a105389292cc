import { closeSync, openSync, readSync } from 'node:fs';

/** Returns the value of a variable, or undefined if it is not set or empty. */
export type Read = (name: string) => string | undefined;

/**
 * Returns the text of the file that the variable `name` leads to, without white space around it, or the problem as a sentence that contains
 * nothing of the text. Secrets are short, so a file of more than `maxBytes` is a mistake.
 */
export function readSettingFile(
  name: string,
  path: string,
  maxBytes = 100_000,
): { text: string } | { problem: string } {
  let bytes: Buffer;
  try {
    bytes = readStart(path, maxBytes + 1);
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    const cause =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : `it can’t be read (${code})`;
    return {
      problem: `${name} must be the path of a file, but ${cause}. Check the path, and that the user who runs Turntable may read it.`,
    };
  }
  // safeguard: refuse-large-setting-file
  if (bytes.length > maxBytes) return { problem: `The file in ${name} is too large. Is it the right one?` };
  try {
    // The decoder removes a byte-order mark.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
    // safeguard: refuse-empty-setting-file
    return text === '' ? { problem: `The file in ${name} is empty.` } : { text };
  } catch {
    return { problem: `The file in ${name} is not UTF-8 text.` };
  }
}

/** Reads at most `maxBytes`, because a device may be endless. Throws Node's error if the file can't be read. */
function readStart(path: string, maxBytes: number): Buffer {
  const bytes = Buffer.alloc(maxBytes);
  const file = openSync(path, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < maxBytes; length += read)
      read = readSync(file, bytes, length, maxBytes - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/**
 * Returns a function that reads a variable of the environment, or, for the names in `secrets`, the file that the variable NAME_FILE leads to.
 * Calls `onRead` with the name of each setting.
 */
export function createRead(
  env: Readonly<Record<string, string | undefined>>,
  secrets: readonly string[],
  problems: string[],
  onRead: (name: string) => void,
): Read {
  const get: Read = (name) => {
    onRead(name);
    return env[name]?.trim() || undefined;
  };
  return (name) => {
    const value = get(name);
    if (!secrets.includes(name)) return value;
    const fileName = `${name}_FILE`;
    const path = get(fileName);
    if (path === undefined) return value;
    // safeguard: refuse-secret-and-file
    if (value !== undefined) {
      problems.push(`${name} and ${fileName} are both set. Remove one of the two.`);
      return value;
    }
    const file = readSettingFile(fileName, path);
    if ('text' in file) return file.text;
    problems.push(file.problem);
    return undefined;
  };
}
