import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { saveTables } from '../docs/write-bench-tables.ts';
import { root } from '../test/support/process.ts';
import type { Figure } from './figures.ts';
import { plotFigures } from './plot-figures.ts';
import { mergeResults, type Run, readResults, resultsFile, resultsFolder } from './results.ts';

/** Saves the figures of a full run: the numbers, a picture of them, and the tables in the notes. */
export function saveResults(name: string, figures: Record<string, Figure>, only: string | undefined): void {
  if (Object.keys(figures).length === 0) return;
  const results = mergeResults(readResults(), { name, run: currentRun(), figures, only });
  mkdirSync(resultsFolder, { recursive: true });
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(resultsFolder, `${name}.svg`), plotFigures(name, results[name]?.figures ?? {}));
  saveTables(results);
}

function currentRun(): Run {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  // Results of an earlier bench are no change of what is measured.
  const isDirty = git('status', '--porcelain', '--', '.', ':!bench/results', ':!docs') !== '';
  return {
    at: new Date().toISOString(),
    commit: `${git('rev-parse', '--short', 'HEAD')}${isDirty ? '+' : ''}`,
    node: process.version,
    cores: availableParallelism(),
  };
}
