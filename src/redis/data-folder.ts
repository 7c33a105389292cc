import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { NoRedis } from './local-server.ts';

/** The folder for Turntable's own data, beside package.json. */
export const dataFolder = join(import.meta.dirname, '..', '..', 'data');

/** Which Redis was used last when Turntable found one by itself: the private one, or the URL of the one at the default address. */
const noteName = 'last-store';
export const privateStore = 'private';

/** Makes the folder, for this user alone, if it is not there yet. Throws {@link NoRedis} if it cannot be written to. */
export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // safeguard: private-redis-folder-mode
    chmodSync(folder, 0o700);
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** The store that was used last; null if there is no note of one. Throws {@link NoRedis} if the note cannot be read. */
export function readLastStore(folder: string): string | null {
  try {
    return readFileSync(join(folder, noteName), 'utf8').trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(folder, error);
  }
}

/** Notes which store is used. Throws {@link NoRedis} if that cannot be written. */
export function writeLastStore(folder: string, store: string): void {
  prepareFolder(folder);
  try {
    // Written beside it and renamed, so that a crash leaves the old note or the new one.
    const draft = join(folder, `${noteName}.new`);
    writeFileSync(draft, `${store}\n`);
    renameSync(draft, join(folder, noteName));
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** Where the note is: for sentences that say how to change it. */
export function lastStoreFile(folder: string): string {
  return join(folder, noteName);
}

/**
 * Takes the folder for this process alone. Returns how to let go of it; null if another process has it. The lock is the one that SQLite takes
 * on a file: the system ends it with the process, in whatever way that ends. Throws {@link NoRedis} if the file cannot be made.
 */
export function lockFolder(folder: string): (() => void) | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, 'lock'));
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return () => {
      if (database?.isOpen) database.close();
    };
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return null;
    throw unusable(folder, error);
  }
}

/** SQLITE_BUSY (https://www.sqlite.org/rescode.html#busy). */
const sqliteBusy = 5;

function unusable(folder: string, error: unknown): NoRedis {
  const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
  return new NoRedis(
    `Without REDIS_URL Turntable keeps its data in ${folder}, which cannot be used (${code}). ` +
      'Let the user who starts Turntable read and write that folder, or set REDIS_URL.',
  );
}
