import type { Report } from './report.ts';

export type Options = {
  /** 1,000 in a full run. */
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
