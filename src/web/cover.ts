import type { Image } from '../spotify/types.ts';

/** Returns the smallest image that fills `size` pixels, and one for screens with twice the density; null if there is no image. */
export function cover(images: readonly Image[], size: number): { src: string; srcset: string } | null {
  const smallestFilling = (pixels: number): Image | undefined => {
    const bySize = images.filter((one) => one.width !== null).sort((a, b) => (a.width ?? 0) - (b.width ?? 0));
    return bySize.find((one) => (one.width ?? 0) >= pixels) ?? bySize.at(-1) ?? images[0];
  };
  const [single, double] = [smallestFilling(size), smallestFilling(2 * size)];
  return single && double ? { src: single.url, srcset: `${single.url} 1x, ${double.url} 2x` } : null;
}
