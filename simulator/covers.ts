import { createRandom, type Random } from './random.ts';

/** The background, then four colors that go with it. */
const palettes = [
  ['#f4e9d8', '#e4572e', '#17405c', '#f3a712', '#a8c686'],
  ['#0f1b2d', '#ff6b6b', '#ffd166', '#4ecdc4', '#f7fff7'],
  ['#2b1d3a', '#f28482', '#f6bd60', '#84a59d', '#f7ede2'],
  ['#e9f1ef', '#2a6f6f', '#e08e45', '#c8553d', '#1f3a3d'],
  ['#fbe8e0', '#d1495b', '#30638e', '#edae49', '#003d5b'],
  ['#12263a', '#c5d86d', '#f4d1ae', '#06aed5', '#dd1c1a'],
  ['#f0efeb', '#6b705c', '#cb997e', '#3f4238', '#ddbea9'],
  ['#1b1b3a', '#f15bb5', '#fee440', '#00bbf9', '#9b5de5'],
  ['#e7ecef', '#274c77', '#6096ba', '#a3cef1', '#f25c54'],
  ['#23321f', '#e9c46a', '#f4a261', '#a7c957', '#f2e8cf'],
  ['#fff3d6', '#5f0f40', '#fb8b24', '#0f4c5c', '#9a031e'],
  ['#10101a', '#e0aaff', '#7b2cbf', '#ff9e00', '#f8f7ff'],
  ['#d8e2dc', '#9d8189', '#f4acb7', '#355070', '#6d597a'],
  ['#073b3a', '#f9dc5c', '#ed254e', '#c2eabd', '#f4fffd'],
] as const;

/** `next` never returns the same color twice in a row, so that adjacent shapes differ. */
type Colors = { background: string; next(): string };

const drawings: ((random: Random, colors: Colors) => string)[] = [
  rings,
  tiles,
  sunset,
  waves,
  petals,
  hills,
  pebbles,
  bars,
];

/** Returns a square SVG, the same for the same seed; `size` is in pixels. */
export function drawCover(seed: string, size: number): string {
  // With this number, of many that were tried, covers that appear side by side differ most.
  const random = createRandom(`cover 219 ${seed}`);
  const [background, ...others] = random.pick(palettes);
  const draw = random.pick(drawings);
  let last = '';
  const next = () => {
    last = random.pick(others.filter((color) => color !== last));
    return last;
  };
  const picture = draw(random, { background, next });
  return svg(size, `<path fill="${background}" d="M0 0h64v64H0z"/>${picture}`);
}

/** Returns a square SVG of a person without a face, the same for the same seed; `size` is in pixels. */
export function drawPerson(seed: string, size: number): string {
  const random = createRandom(`person ${seed}`);
  const [background, coat] = random.pick(palettes);
  const hair = random.pick(['#5b3420', '#c98b3c', '#8d2f1d', '#a56a43']);
  const skin = random.pick(['#f2cfb3', '#d9a27a', '#b97c52', '#8a5636', '#e8bd98']);
  return svg(
    size,
    `<path fill="${background}" d="M0 0h64v64H0z"/><circle cx="32" cy="27" r="15" fill="${hair}"/><circle cx="32" cy="30" r="11" fill="${skin}"/><path fill="${coat}" d="M8 64a24 19 0 0 1 48 0z"/>`,
  );
}

function svg(size: number, inside: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 64 64">${inside}</svg>`;
}

function repeat(times: number, draw: (index: number) => string): string {
  return Array.from({ length: times }, (_, index) => draw(index)).join('');
}

function rings(random: Random, { next }: Colors): string {
  const [x, y] = [random.between(12, 52), random.between(12, 52)];
  return repeat(7, (n) => `<circle cx="${x}" cy="${y}" r="${52 - n * 7.4}" fill="${next()}"/>`);
}

function tiles(random: Random, { next }: Colors): string {
  const quarter = ['M0 0h16A16 16 0 0 1 0 16z', 'M16 0v16A16 16 0 0 1 0 0z', 'M0 16V0a16 16 0 0 1 16 16z'];
  return repeat(16, (n) => {
    const place = `transform="translate(${(n % 4) * 16} ${Math.floor(n / 4) * 16})"`;
    const shape = random.percent(80)
      ? `<path fill="${next()}" d="${random.pick(quarter)}"/>`
      : `<circle cx="8" cy="8" r="${random.between(4, 8)}" fill="${next()}"/>`;
    return `<g ${place}><path fill="${next()}" d="M0 0h16v16H0z" opacity=".35"/>${shape}</g>`;
  });
}

function sunset(random: Random, { background, next }: Colors): string {
  const sea = next();
  const y = random.between(36, 44);
  const sun = `<circle cx="${random.between(18, 46)}" cy="${y - 6}" r="${random.between(11, 17)}" fill="${next()}"/>`;
  const lines = repeat(
    6,
    (n) =>
      `<path stroke="${background}" stroke-width="${1.6 - n * 0.2}" d="M0 ${y + 22 - n * 3.6}h64" opacity=".6"/>`,
  );
  return `${sun}<path fill="${sea}" d="M0 ${y}h64v${64 - y}H0z"/>${lines}`;
}

function waves(random: Random, { next }: Colors): string {
  const swing = random.between(4, 9);
  return repeat(6, (n) => {
    const y = 8 + n * 10;
    const way = n % 2 ? swing : -swing;
    return `<path fill="${next()}" d="M0 ${y}q16 ${way} 32 0t32 0V64H0z"/>`;
  });
}

function petals(random: Random, { next }: Colors): string {
  const count = random.between(5, 9);
  const color = next();
  const around = repeat(
    count,
    (n) =>
      `<ellipse cx="32" cy="15" rx="8.5" ry="15" fill="${n % 2 ? next() : color}" opacity=".88" transform="rotate(${(n * 360) / count} 32 32)"/>`,
  );
  return `${around}<circle cx="32" cy="32" r="${random.between(5, 9)}" fill="${next()}"/>`;
}

function hills(random: Random, { next }: Colors): string {
  const moon = `<circle cx="${random.between(12, 52)}" cy="${random.between(10, 20)}" r="${random.between(5, 8)}" fill="${next()}"/>`;
  const ridges = repeat(4, (n) => {
    const y = 26 + n * 10;
    const peak = random.between(8, 56);
    return `<path fill="${next()}" d="M0 ${y + random.between(0, 8)}L${peak} ${y - 12}L64 ${y + random.between(0, 8)}V64H0z"/>`;
  });
  return moon + ridges;
}

function pebbles(random: Random, { next }: Colors): string {
  return repeat(25, (n) => {
    const [x, y] = [8 + (n % 5) * 12, 8 + Math.floor(n / 5) * 12];
    return `<circle cx="${x}" cy="${y}" r="${random.between(4, 11) / 2}" fill="${next()}"/>`;
  });
}

function bars(random: Random, { next }: Colors): string {
  const turn = random.pick([0, 0, 90, -45, 30]);
  const strips = repeat(7, (n) => {
    const top = random.between(-4, 40);
    return `<rect x="${-4 + n * 10.6}" y="${top}" width="8" height="${random.between(24, 60)}" rx="4" fill="${next()}"/>`;
  });
  return `<g transform="rotate(${turn} 32 32)">${strips}</g>`;
}
