import type { Report } from './report.ts';

/** Less than this only shows that a bench works: its figures mean nothing, and are not saved. */
export const fullRun = { rounds: 1_000, minutes: 30 };

export type Options = {
  /** See {@link fullRun}. */
  rounds: number;
  /** The duration of parts that run for a time. */
  minutes: number;
  /** The same seed makes the same choices. */
  seed: string;
  /** Runs only the part with this name. */
  only: string | undefined;
  report: Report;
};
export type Bench = (options: Options) => Promise<void>;

/** A part of a bench that `--only` can name. */
export type Part = readonly [name: string, measure: Bench];

/** Whether a part runs: `--only` names one, and without it all of them run. */
export function isIncluded({ only }: Pick<Options, 'only'>, part: string): boolean {
  return only === undefined || only === part;
}

/** Whether the run only shows that the bench works. */
export function isShort({ rounds }: Pick<Options, 'rounds'>): boolean {
  return rounds < fullRun.rounds;
}

/** A bench that runs its parts one after the other. */
export function benchOf(parts: readonly Part[]): Bench {
  return async (options) => {
    for (const [name, measure] of parts) if (isIncluded(options, name)) await measure(options);
  };
}
