import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { root } from './process.ts';

/** What a fresh clone does not have. */
const notCloned = ['.git', 'node_modules', 'data', '.env'];

/** A folder as a fresh clone makes it, until the test ends. */
export function cloneTree(t: TestContext): string {
  const tree = mkdtempSync(join(tmpdir(), 'turntable-clone-'));
  t.after(() => rmSync(tree, { recursive: true, force: true }));
  const filter = (path: string) => !notCloned.includes(basename(path));
  cpSync(root, tree, { recursive: true, filter });
  return tree;
}

/** The same with the packages of this checkout. */
export function installedTree(t: TestContext): string {
  const tree = cloneTree(t);
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

/** The PATH of the machine, without the Node that npm ci has brought to this checkout. */
export const machinePath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);
