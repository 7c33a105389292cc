import type { Figure } from './figures.ts';

export type Report = ReturnType<typeof createReport>;

export function createReport() {
  let failed = 0;
  let claims = 0;
  let unclear = 0;
  const figures: Record<string, Figure> = {};

  return {
    /** The recorded figures, by key. */
    figures,
    /** Prints the title of a part. */
    begin(title: string): void {
      console.log(`\n${title}`);
    },
    /** Prints a measurement. */
    fact(name: string, value: string | number): void {
      console.log(`  ${name.padEnd(56)} ${typeof value === 'number' ? grouped(value) : value}`);
    },
    table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
      const cells = [head, ...rows].map((row) =>
        row.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)),
      );
      const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
      for (const row of cells)
        console.log(`  ${row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')}`);
    },
    /** Keeps a figure for bench/results. The key starts with the name of the part. */
    record(key: string, figure: Figure): void {
      figures[key] = figure;
    },
    claim(words: string, holds: boolean): void {
      claims += 1;
      if (!holds) failed += 1;
      console.log(`  ${holds ? 'PASS' : 'FAIL'}  ${words}`);
    },
    /** Prints a claim that the measurements can't decide. */
    unclear(words: string, why: string): void {
      unclear += 1;
      console.log(`  ????  ${words}: too noisy to decide, ${why}`);
    },
    /** Shows the progress on the terminal. It isn't part of the output. */
    progress(words: string): void {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${words}`);
    },
    /** Prints how many claims held. Returns whether none failed. */
    conclude(): boolean {
      const others = unclear > 0 ? `, ${unclear} undecided` : '';
      console.log(`\n${claims - failed} of ${claims} claims held${others}`);
      return failed === 0;
    },
  };
}

/** Formats an integer with separators. */
export function grouped(value: number): string {
  return new Intl.NumberFormat('en-GB').format(value);
}

/** Formats how often each value occurs, the most frequent first. */
export function counted(values: Iterable<string | number>): string {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return formatCounts(counts);
}

/** Formats counts of values, the most frequent first. */
export function formatCounts(counts: ReadonlyMap<string | number, number>): string {
  return (
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([value, count]) => `${grouped(count)} x ${value}`)
      .join(', ') || 'none'
  );
}
