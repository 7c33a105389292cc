import { setTimeout as sleep } from 'node:timers/promises';
import { converter } from 'culori';
import jpeg from 'jpeg-js';
import { LRUCache } from 'lru-cache';
import type { DownloadImage } from '../spotify/images.ts';
import type { Image } from '../spotify/types.ts';

export type CoverColours = ReturnType<typeof createCoverColours>;

/** How many covers' colours are remembered, and for how long those that failed. */
const maxRemembered = 2_000;
const retryMs = 60_000;
/** How long a page waits for the colour of a cover that is new to this process. */
const waitMs = 400;

const hueStep = 15;
/** From here on, a colour counts as muted, and as vivid: chroma in OKLCH. */
const [muted, vivid] = [0.03, 0.1];
/** Pixels this dark or light have no colour that one would see. */
const [darkest, lightest] = [0.12, 0.96];
/** At least this part of a cover must have colour for the page to take it on. */
const leastShare = 0.04;

const toOklch = converter('oklch');

/**
 * Finds the colour that a page takes on from a cover, as Spotify's design guidelines ask for ("Using our content"). It is a class of hue and
 * chroma; the style sheet fixes the lightness, so that text stays readable on any of them.
 */
export function createCoverColours({ download }: { download: DownloadImage }) {
  const classes = new LRUCache<string, { name: string }>({
    max: maxRemembered,
    async fetchMethod(url, _stale, { options }) {
      const image = await download(url);
      const name = image && classOf(image);
      if (name === null) options.ttl = retryMs;
      return { name: name ?? '' };
    },
  });

  return {
    /**
     * Returns the classes of the page for these images of one cover, such as `hue-210 chroma-2`; empty if there are none, or if they aren't known
     * soon enough. Never throws.
     */
    async of(images: readonly Image[]): Promise<string> {
      const smallest = smallestOf(images);
      if (!smallest) return '';
      const remembered = classes.peek(smallest.url);
      if (remembered) return remembered.name;
      const late = new AbortController();
      const found = classes.fetch(smallest.url).then((one) => one?.name ?? '');
      // Rejects when aborted, after the race is over.
      const timeout = sleep(waitMs, '', { signal: late.signal }).catch(() => '');
      // safeguard: colour-timeout
      return Promise.race([found, timeout]).finally(() => late.abort());
    },
  };
}

function smallestOf(images: readonly Image[]): Image | undefined {
  return images.toSorted((a, b) => (a.width ?? 0) - (b.width ?? 0))[0];
}

/** Returns the class of a JPEG; null if it isn't one. */
function classOf(image: Buffer): string | null {
  try {
    const { data } = jpeg.decode(image, { useTArray: true, maxResolutionInMP: 2, maxMemoryUsageInMB: 64 });
    return dominantClass(data);
  } catch {
    return null;
  }
}

/** Returns the class of the hue that most of the colourful pixels have. `pixels` are RGBA bytes. */
export function dominantClass(pixels: Uint8Array): string {
  const count = pixels.length / 4;
  // A cover that is the only size has 640 pixels a side; every hundredth is enough.
  const stride = count > 20_000 ? 97 : 1;
  const weights = new Array<number>(360 / hueStep).fill(0);
  const chromas = [...weights];
  let sampled = 0;
  let colourful = 0;
  for (let index = 0; index < count; index += stride) {
    const [r = 0, g = 0, b = 0] = pixels.subarray(4 * index, 4 * index + 3);
    const { l, c, h = 0 } = toOklch({ mode: 'rgb', r: r / 255, g: g / 255, b: b / 255 });
    sampled += 1;
    // safeguard: visible-colours-only
    if (c < muted || l < darkest || l > lightest) continue;
    colourful += 1;
    const bin = Math.round(h / hueStep) % weights.length;
    weights[bin] = (weights[bin] ?? 0) + c;
    chromas[bin] = (chromas[bin] ?? 0) + c * c;
  }
  if (colourful < leastShare * sampled) return 'hue-0 chroma-0';
  const best = weights.indexOf(Math.max(...weights));
  // Weighted by chroma, because a small vivid part shows more than a large dull one.
  const chroma = (chromas[best] ?? 0) / (weights[best] ?? 1);
  return `hue-${best * hueStep} chroma-${chroma >= vivid ? 2 : 1}`;
}
