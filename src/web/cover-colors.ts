import { converter } from 'culori';
import jpeg from 'jpeg-js';
import { LRUCache } from 'lru-cache';
import type { DownloadImage } from '../spotify/images.ts';
import type { Image } from '../spotify/types.ts';
import { cover } from './cover.ts';

export type CoverColors = ReturnType<typeof createCoverColors>;

/** How many covers' colors are remembered, and for how long it is remembered that one isn't available. */
const maxRemembered = 2_000;
const retryMs = 60_000;
/** The side of the smallest covers, in pixels. */
const smallestSize = 64;
/** Larger images would take too long to decode. Spotify's covers come in 64 pixels a side; one that was uploaded may be larger only. */
const maxMegapixels = 0.1;
/** The marker of a progressive JPEG, which can take a hundred times as long. In image data, 0xff is never followed by this. */
const progressiveMarker = Buffer.from([0xff, 0xc2]);

const hueStep = 15;
/** From here on, a color counts as muted, and as vivid: chroma in OKLCH. */
const [muted, vivid] = [0.03, 0.1];
/** Pixels this dark or light have no color that one would see. */
const [darkest, lightest] = [0.12, 0.96];
/** At least this part of a cover must have color for the page to take it on. */
const minColorfulPart = 0.04;

/** For covers whose color isn't available, or isn't known yet: `#191414`, as Spotify's design guidelines ask for. */
export const noColor = 'no-color hue-0 chroma-0';

const toOklch = converter('oklch');

/**
 * Finds the color that a page takes on from a cover, as Spotify's design guidelines ask for ("Using our content"). It is a class of hue and
 * chroma, such as `hue-210 chroma-2`; the style sheet fixes the lightness, so that text stays readable on any of them.
 */
export function createCoverColors({ download }: { download: DownloadImage }) {
  const classes = new LRUCache<string, string>({
    max: maxRemembered,
    async fetchMethod(url, _stale, { options }) {
      const image = await download(url);
      const name = image && classOf(image);
      if (name === null) options.ttl = retryMs;
      return name ?? noColor;
    },
  });

  /** As `find`, if the class is known already, else `no-color`: no page waits for a cover. The next one has it. */
  function of(images: readonly Image[]): string {
    const url = urlOf(images);
    if (url === null) return '';
    // Downloads end by themselves, and don't fail.
    if (!classes.has(url)) classes.fetch(url).catch(() => undefined);
    return classes.get(url) ?? noColor;
  }

  return {
    of,

    /** Returns the class for these images of one cover, once it is known; `no-color` if it isn't available, empty without a cover. Never throws. */
    async find(images: readonly Image[]): Promise<string> {
      const url = urlOf(images);
      return url === null ? '' : ((await classes.fetch(url)) ?? noColor);
    },

    /** For a page about several things, from the cover of the first: as {@link of}, but empty if its color isn't available or isn't known yet. */
    ofFirst([first]: readonly ({ covers: readonly Image[] } | null)[]): string {
      const color = of(first?.covers ?? []);
      return color === noColor ? '' : color;
    },
  };
}

/** The color is that of the smallest image. */
function urlOf(images: readonly Image[]): string | null {
  return cover(images, smallestSize)?.src ?? null;
}

/** Returns the class of a JPEG; null if it isn't one. */
function classOf(image: Buffer): string | null {
  // safeguard: no-progressive-covers
  if (image.includes(progressiveMarker)) return null;
  try {
    // safeguard: small-covers-only
    const limits = { maxResolutionInMP: maxMegapixels, maxMemoryUsageInMB: 16 };
    const { data } = jpeg.decode(image, { useTArray: true, ...limits });
    return dominantClass(data);
  } catch {
    return null;
  }
}

/** Returns the class of the hue that most of the colorful pixels have. `pixels` are RGBA bytes. */
export function dominantClass(pixels: Uint8Array): string {
  const count = pixels.length / 4;
  // A few thousand are enough.
  const stride = Math.ceil(count / 5_000);
  const weights = new Array<number>(360 / hueStep).fill(0);
  const chromas = [...weights];
  let sampled = 0;
  let colorful = 0;
  for (let index = 0; index < count; index += stride) {
    const [r = 0, g = 0, b = 0] = pixels.subarray(4 * index, 4 * index + 3);
    const { l, c, h = 0 } = toOklch({ mode: 'rgb', r: r / 255, g: g / 255, b: b / 255 });
    sampled += 1;
    // safeguard: visible-colors-only
    if (c < muted || l < darkest || l > lightest) continue;
    colorful += 1;
    const bin = Math.round(h / hueStep) % weights.length;
    weights[bin] = (weights[bin] ?? 0) + c;
    chromas[bin] = (chromas[bin] ?? 0) + c * c;
  }
  if (colorful < minColorfulPart * sampled) return 'hue-0 chroma-0';
  const best = weights.indexOf(Math.max(...weights));
  // Weighted by chroma, because a small vivid part shows more than a large dull one.
  const chroma = (chromas[best] ?? 0) / (weights[best] ?? 1);
  return `hue-${best * hueStep} chroma-${chroma >= vivid ? 2 : 1}`;
}
