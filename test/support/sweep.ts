/*
 * A sweep repeats one check for every page, every command or every kind of damage, which takes minutes. With SWEEP_PARTS=3 it takes every third of
 * them, and the others on the next two days: CI has a time limit. Without it, a sweep takes all.
 */
const parts = Number(process.env.SWEEP_PARTS ?? 1);
const today = Math.floor(Date.now() / 86_400_000);

/** Whether this run of a sweep takes the element with this index. */
export function isInSweep(index: number): boolean {
  return (index + today) % parts === 0;
}

/** Returns the elements that this run of a sweep takes. */
export function sweep<T>(all: readonly T[]): T[] {
  return all.filter((_, index) => isInSweep(index));
}

/** Whether this run ends a process on this side of the command with this number: on both, or on one of them, in turn. */
export function isSideInSweep(side: 'before' | 'after', nth: number): boolean {
  return parts === 1 || (nth + today) % 2 === Number(side === 'after');
}
