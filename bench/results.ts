import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../test/support/process.ts';
import type { Figure } from './figures.ts';

/** When and on what figures were measured. Nothing else about the machine is noted. */
export type Run = {
  at: string;
  /** Ends with `+` if files were changed since. */
  commit: string;
  node: string;
  cores: number;
};

/** A figure that was measured alone, with `--only`, has its own run. */
type BenchResults = Run & { figures: Record<string, Figure & { run?: Run }> };

/** The latest figures of each bench. */
export type Results = Record<string, BenchResults>;

export const resultsFolder = join(root, 'bench', 'results');
export const resultsFile = join(resultsFolder, 'latest.json');

/** Returns what is stored; nothing before the first full run. */
export function readResults(): Results {
  return existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : {};
}

type Measured = {
  name: string;
  run: Run;
  figures: Record<string, Figure>;
  /** The part that was measured alone. */
  only: string | undefined;
};

/** Replaces the figures of a bench; with `only`, those that were measured. */
export function mergeResults(results: Results, { name, run, figures, only }: Measured): Results {
  const earlier = results[name];
  if (only === undefined || !earlier) return { ...results, [name]: { ...run, figures } };
  const alone = Object.entries(figures).map(([key, figure]) => [key, { ...figure, run }]);
  const merged = { ...earlier.figures, ...Object.fromEntries(alone) };
  return { ...results, [name]: { ...earlier, figures: merged } };
}
