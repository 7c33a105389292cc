import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { NoRedis } from './local-server.ts';

/** The folder for Turntable's own data, beside package.json. */
export const dataFolder = join(import.meta.dirname, '..', '..', 'data');

/** Records which Redis was used last without REDIS_URL: `private`, or the URL of the one at the default address. */
const lastUsedName = 'last-store';
export const privateRedis = 'private';

/** Creates the folder if it is missing, accessible to this user only. Throws {@link NoRedis} if that fails. */
export function prepareDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // safeguard: private-redis-folder-mode
    chmodSync(folder, 0o700);
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** Returns which Redis was used last, or null if there is no such file. Throws {@link NoRedis} if it can't be read. */
export function readLastUsed(folder: string): string | null {
  try {
    return readFileSync(join(folder, lastUsedName), 'utf8').trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(folder, error);
  }
}

/** Stores which Redis is used. Throws {@link NoRedis} if that fails. */
export function writeLastUsed(folder: string, redis: string): void {
  prepareDataFolder(folder);
  try {
    // Written to another file and renamed, so that a crash leaves either the old content or the new one.
    const draft = join(folder, `${lastUsedName}.new`);
    writeFileSync(draft, `${redis}\n`);
    renameSync(draft, join(folder, lastUsedName));
  } catch (error) {
    throw unusable(folder, error);
  }
}

export function lastUsedFile(folder: string): string {
  return join(folder, lastUsedName);
}

/**
 * Locks the folder for this process. Returns a function that unlocks it, or null if another process has locked it. SQLite's file lock is
 * used because the operating system releases it however the process ends. Throws {@link NoRedis} if the file can't be created.
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
    `Without REDIS_URL, Turntable keeps its data in ${folder}, which can’t be used (${code}). ` +
      'Make that folder readable and writable for the user who starts Turntable, or set REDIS_URL.',
  );
}
