/** One way to poll: its number of calls, and its delays in seconds. */
export type Point = { name: string; calls: number; naturalP95: number; othersP95: number; ours: boolean };

/** The colors and the font of all pictures. */
export const plotStyle = `svg { background: #fbf8f4; font: 13px system-ui, sans-serif; fill: #211b18; }
.grid { stroke: #dcd2c6; fill: none; }
.soft { fill: #63564e; font-size: 12px; }`;

const width = 860;
const height = 460;
const left = 70;
const right = 30;
const top = 40;
const bottom = 76;

/** Returns a standalone SVG that plots calls per day against delays, both on a logarithmic scale. */
export function plot(points: readonly Point[], title: string): string {
  const x = logScale([100, 100_000], [left, width - right]);
  const y = logScale([0.5, 400], [height - bottom, top]);
  const ticks = (values: readonly number[], draw: (value: number) => string) => values.map(draw).join('\n');
  const vertical = ticks(
    [100, 1_000, 10_000, 100_000],
    (value) =>
      `<path class="grid" d="M${x(value)} ${top}V${height - bottom}"/><text x="${x(value)}" y="${height - bottom + 20}" text-anchor="middle">${value.toLocaleString('en-GB')}</text>`,
  );
  const horizontal = ticks(
    [1, 10, 100],
    (value) =>
      `<path class="grid" d="M${left} ${y(value)}H${width - right}"/><text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${value} s</text>`,
  );
  const lockedOut = `<rect class="danger" x="${x(800)}" y="${top}" width="${x(100_000) - x(800)}" height="${height - top - bottom}"/><text class="soft" x="${x(860)}" y="${top + 16}">users report lockouts from about here on</text>`;
  const labels: { at: number; level: number }[] = [];
  const marks = points.map((point) => {
    const mark = point.ours ? 'ours' : 'others';
    const [px, low, high] = [x(point.calls), y(point.naturalP95), y(point.othersP95)];
    // The name goes above its marks, or below them if another name is in the way.
    const above = Math.min(low, high) - 12;
    const taken = labels.some(({ at, level }) => Math.abs(at - px) < 110 && Math.abs(level - above) < 14);
    const level = taken ? Math.max(low, high) + 22 : above;
    labels.push({ at: px, level });
    return `<g class="${mark}"><path d="M${px} ${low}V${high}"/><circle cx="${px}" cy="${low}" r="6"/><rect x="${px - 5}" y="${high - 5}" width="10" height="10"/><text x="${px}" y="${level}" text-anchor="middle">${point.name}</text></g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<style>
${plotStyle}
.danger { fill: #a8391c; opacity: 0.07; }
.others path { stroke: #63564e; } .others circle, .others rect { fill: #63564e; }
.ours path { stroke: #a8391c; stroke-width: 2; } .ours circle, .ours rect { fill: #a8391c; } .ours text { font-weight: 700; }
</style>
<text x="${left}" y="22" font-weight="700">${title}</text>
${lockedOut}
${vertical}
${horizontal}
<text class="soft" x="${(left + width - right) / 2}" y="${height - 34}" text-anchor="middle">calls to Spotify in 24 hours, for one tab (each tab of the others costs as much again)</text>
<text class="soft" x="${(left + width - right) / 2}" y="${height - 14}" text-anchor="middle">delay at p95 · circle: ends of tracks, square: skips and pauses</text>
${marks.join('\n')}
</svg>
`;
}

/** Returns a logarithmic scale from values to positions, rounded to tenths. */
export function logScale([low, high]: readonly [number, number], [from, to]: readonly [number, number]) {
  return (value: number) => {
    const part = Math.log(value / low) / Math.log(high / low);
    return Math.round((from + part * (to - from)) * 10) / 10;
  };
}
