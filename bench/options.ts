import type { Report } from './report.ts';

export type Options = {
  /** Replaces the 1,000 rounds of a full run. */
  rounds: number;
  /** How long the time-based parts run. */
  minutes: number;
  /** The same seed makes the same choices. */
  seed: string;
  /** Runs only the part with this name. */
  only: string | undefined;
  report: Report;
};
export type Bench = (options: Options) => Promise<void>;
