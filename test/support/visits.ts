import type { Outcome } from './fleet.ts';

/* Visits in tests and benchmarks in which servers fail, and the responses that people may get. */

export const visitedPages = [
  '/now-playing',
  '/now-playing',
  '/playlists',
  '/library',
  '/library/recent',
  '/account',
  '/search?q=a',
];
export const pressedButtons = ['/player/pause', '/player/play', '/player/next'];

export type Verdict = { correct: true } | { error: string } | { wrong: string };

/**
 * Judges the response that the listener with this name got to a page, or to a button (`isAction`). It must be complete, and for the right
 * person; an `error` is a complete page about a temporary error.
 */
export function judge(name: string, isAction: boolean, { status, text, headers }: Outcome): Verdict {
  const isComplete = text.trimEnd().endsWith('</html>');
  if ([429, 502, 503].includes(status))
    return isComplete ? { error: String(status) } : { wrong: `${status}, cut off` };
  if (isAction) {
    const to = String(headers.location ?? '');
    const refused = [403, 404].includes(status) && isComplete;
    return (status === 303 && !to.startsWith('/login')) || refused
      ? { correct: true }
      : { wrong: `${status} ${to}` };
  }
  if (status !== 200) return { wrong: `${status} ${headers.location ?? ''}` };
  if (!isComplete) return { wrong: '200, cut off' };
  const names = [...text.matchAll(/<bdi>(Guest\d+)<\/bdi>/g)].map(([, found]) => found);
  return names.length > 0 && names.every((found) => found === name)
    ? { correct: true }
    : { wrong: `200, for ${names}` };
}

/** Counts one more of these. */
export function addTo(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
