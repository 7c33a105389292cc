/** Returns the length of all these items together, in milliseconds; null if it isn't known of one of them, or one is no longer on Spotify. */
export function totalLength(items: readonly ({ durationMs: number | null } | null)[]): number | null {
  let totalMs = 0;
  for (const item of items) {
    // safeguard: whole-length-only
    if (!item?.durationMs) return null;
    totalMs += item.durationMs;
  }
  return totalMs;
}
