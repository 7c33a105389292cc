import type { Image } from '../spotify/types.ts';

/** Returns the smallest image that fills `size` pixels, and one for screens with twice the density; null if there is no image. */
export function cover(images: readonly Image[], size: number): { src: string; srcset: string } | null {
  const [single, double] = [smallestFilling(images, size), smallestFilling(images, 2 * size)];
  return single && double ? { src: single.url, srcset: `${single.url} 1x, ${double.url} 2x` } : null;
}

/** Returns the smallest image of at least this width, else the largest, else the first one of unknown width. */
function smallestFilling(images: readonly Image[], pixels: number): Image | undefined {
  let best: Image | undefined;
  for (const image of images) {
    const [width, bestWidth] = [image.width ?? 0, best?.width ?? 0];
    const isBetter = bestWidth < pixels ? width > bestWidth : width >= pixels && width < bestWidth;
    if (!best || isBetter) best = image;
  }
  return best;
}
