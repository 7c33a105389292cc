export type Report = ReturnType<typeof createReport>;

/** Prints what was measured. */
export function createReport() {
  let failed = 0;
  let claims = 0;
  let unclear = 0;

  return {
    /** Begins a part. */
    begin(title: string): void {
      console.log(`\n${title}`);
    },
    /** Something that was counted or measured. */
    fact(name: string, value: string | number): void {
      console.log(`  ${name.padEnd(56)} ${typeof value === 'number' ? grouped(value) : value}`);
    },
    /** Something that is claimed, and whether it was so. */
    claim(words: string, holds: boolean): void {
      claims += 1;
      if (!holds) failed += 1;
      console.log(`  ${holds ? 'PASS' : 'FAIL'}  ${words}`);
    },
    /** Something that is claimed, but that cannot be told from what was measured. */
    unclear(words: string, why: string): void {
      unclear += 1;
      console.log(`  ????  ${words}: too noisy to tell, ${why}`);
    },
    /** Says on the terminal how far it is; nothing of it is part of the result. */
    progress(words: string): void {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${words}`);
    },
    /** Says how many claims held; gives whether all did. */
    conclude(): boolean {
      const others = unclear > 0 ? `, ${unclear} could not be told` : '';
      console.log(`\n${claims - failed} of ${claims} claims held${others}`);
      return failed === 0;
    },
  };
}

/** A whole number as people write it. */
export function grouped(value: number): string {
  return new Intl.NumberFormat('en-GB').format(value);
}

/** The value below which so many of a hundred lie. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1);
  return sorted[Math.max(0, index)] ?? Number.NaN;
}

/** How often each value came, the most frequent first. */
export function counted(values: Iterable<string | number>): string {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return (
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([value, count]) => `${grouped(count)} x ${value}`)
      .join(', ') || 'none'
  );
}
