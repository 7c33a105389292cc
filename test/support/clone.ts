import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { root } from './process.ts';

/** Files that a fresh clone doesn't have. */
const excluded = ['.git', 'node_modules', 'data', '.env'];

/** Copies the project to a folder, as a fresh clone has it, until the test ends. */
export function createClone(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-clone-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const filter = (path: string) => !excluded.includes(basename(path));
  cpSync(root, folder, { recursive: true, filter });
  return folder;
}

/** A clone with the packages of this checkout. */
export function createInstalledClone(t: TestContext): string {
  const folder = createClone(t);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** The PATH without the Node version that npm ci installs in this checkout. */
export const machinePath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);
