import { median } from './statistics.ts';

/** A limit that a figure has to keep. */
export type Bound = { atLeast: number } | { atMost: number };

/** A figure of a full run: the median of its rounds, with the lowest and the highest. */
export type Figure = {
  value: number;
  least: number;
  most: number;
  /** `x` for a ratio. */
  unit: string;
  mustReach?: Bound;
  /** The cost of a unit at each size, where the figure says how that grows; relative to the smallest size. */
  points?: readonly { at: number; value: number }[];
};

/** The figure of these rounds. */
export function figureOf(rounds: readonly number[], unit: string, mustReach?: Bound): Figure {
  const figure = {
    value: rounded(median(rounds)),
    least: rounded(Math.min(...rounds)),
    most: rounded(Math.max(...rounds)),
    unit,
  };
  return mustReach ? { ...figure, mustReach } : figure;
}

export function reaches(value: number, bound: Bound): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost;
}

export function boundOf(bound: Bound): number {
  return 'atLeast' in bound ? bound.atLeast : bound.atMost;
}

/** To three digits after the point: more would only be noise. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** Such as `1.62 x` or `24.1 kB`. */
export function formatFigure(value: number, unit: string): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}
