import { boundOf, type Figure, formatFigure, reaches } from './figures.ts';
import { logScale, plotStyle } from './plot.ts';

const width = 860;
const rowHeight = 34;
const top = 44;
const barsLeft = 300;
const barsRight = 620;
const lines = { left: 70, right: 230, height: 260, bottom: 46 };

type Figures = Readonly<Record<string, Figure>>;

/**
 * Returns a standalone SVG of the figures of a bench: a bar for each median, with a line from the least to the most and a mark at what must
 * be reached. Each row has its own scale. Figures of growth are lines.
 */
export function plotFigures(bench: string, figures: Figures): string {
  const all = Object.entries(figures);
  const bars = all.filter(([, { points }]) => !points);
  const growing = all.filter(([, { points }]) => points);
  const barsHeight = bars.length * rowHeight;
  const height = top + barsHeight + (growing.length > 0 ? lines.height + lines.bottom : 10);
  const title = `npm run bench -- ${bench}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<style>
${plotStyle}
.bar { fill: #a8391c; } .bar.other { fill: #63564e; } .spread { stroke: #211b18; fill: none; } .bound { stroke: #211b18; stroke-width: 3; }
.line { stroke: #a8391c; stroke-width: 2; fill: none; } .limit { stroke: #211b18; stroke-dasharray: 4 4; }
</style>
<text x="20" y="24" font-weight="700">${title}</text>
${[...bars.map(([key, figure], row) => barOf(key, figure, top + row * rowHeight)), ...linesOf(growing, top + barsHeight)].join('\n')}
</svg>
`;
}

function barOf(key: string, { value, least, most, unit, mustReach }: Figure, y: number): string {
  const bound = mustReach && boundOf(mustReach);
  const end = 1.1 * Math.max(most, bound ?? 0, Number.MIN_VALUE);
  const x = (one: number) => round(barsLeft + (Math.max(0, one) / end) * (barsRight - barsLeft));
  const middle = y + rowHeight / 2;
  const kind = !mustReach || reaches(value, mustReach) ? 'bar' : 'bar other';
  const mark =
    bound === undefined ? '' : `<path class="bound" d="M${x(bound)} ${y + 3}V${y + rowHeight - 3}"/>`;
  return `<text x="${barsLeft - 12}" y="${middle + 4}" text-anchor="end">${escapeXml(key)}</text><rect class="${kind}" x="${barsLeft}" y="${y + 8}" width="${round(x(value) - barsLeft)}" height="${rowHeight - 16}"/><path class="spread" d="M${x(least)} ${middle}H${x(most)}"/>${mark}<text x="${barsRight + 10}" y="${middle + 4}">${formatFigure(value, unit)}${mustReach ? `<tspan class="soft"> ${wordsOf(mustReach)}</tspan>` : ''}</text>`;
}

function wordsOf(bound: NonNullable<Figure['mustReach']>): string {
  return `${'atLeast' in bound ? 'at least' : 'at most'} ${boundOf(bound)}`;
}

/** A line for each figure of growth, and one for the limit that they share. */
function linesOf(figures: readonly [string, Figure][], y0: number): string[] {
  if (figures.length === 0) return [];
  const points = figures.flatMap(([, { points = [] }]) => points);
  const bounds = figures.flatMap(([, { mustReach }]) => (mustReach ? [boundOf(mustReach)] : []));
  const sizes = points.map(({ at }) => at);
  const highest = 1.1 * Math.max(...points.map(({ value }) => value), ...bounds);
  const bottom = y0 + lines.height;
  const x = logScale([Math.min(...sizes), Math.max(...sizes)], [lines.left, width - lines.right]);
  const y = (value: number) => round(bottom - (value / highest) * (lines.height - 20));
  const ticks = [...new Set(sizes)].map(
    (size) =>
      `<path class="grid" d="M${x(size)} ${y0}V${bottom}"/><text x="${x(size)}" y="${bottom + 20}" text-anchor="middle">${size.toLocaleString('en-GB')}</text>`,
  );
  const limits = [...new Set(bounds)].map(
    (bound) =>
      `<path class="limit" d="M${lines.left} ${y(bound)}H${width - lines.right}"/><text class="soft" x="${lines.left - 8}" y="${y(bound) + 4}" text-anchor="end">${bound} x</text>`,
  );
  // Names that would cover each other are moved apart.
  let lowest = Number.NEGATIVE_INFINITY;
  const names = [...figures]
    .sort(([, one], [, other]) => y(lastOf(one)) - y(lastOf(other)))
    .map(([key, figure]) => {
      lowest = Math.max(y(lastOf(figure)), lowest + 16);
      return `<text x="${width - lines.right + 10}" y="${lowest + 4}">${escapeXml(key)}</text>`;
    });
  const drawn = figures.map(([, { points = [] }]) => {
    const [first, ...others] = points.map(({ at, value }) => `${x(at)} ${y(value)}`);
    return `<path class="line" d="M${first}${others.map((one) => `L${one}`).join('')}"/>`;
  });
  const axis = `<text class="soft" x="${lines.left}" y="${bottom + 40}">how many there are; the cost of each, relative to the smallest number</text>`;
  return [...ticks, ...limits, ...drawn, ...names, axis];
}

function lastOf({ points = [] }: Figure): number {
  return points.at(-1)?.value ?? 0;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
