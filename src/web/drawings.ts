import type { ErrorPage } from './errors.ts';

/** The drawing for each reason of an error page that its status doesn't tell; see public/drawings.svg. */
const byReason: Readonly<Record<string, string>> = {
  'no-active-device': 'resting-arm',
  'redis-unavailable': 'closed-crate',
  'spotify-unavailable': 'lifted-arm',
  'not-enough-calls': 'boxed-record',
  'more-than-a-day': 'boxed-record',
  'export-running': 'boxed-record',
  'too-many-exports': 'boxed-record',
  'no-export': 'boxed-record',
  'no-finished-export': 'boxed-record',
};

const byStatus: Readonly<Record<number, string>> = {
  401: 'loose-headphones',
  403: 'locked-sleeve',
  404: 'lost-record',
  429: 'waiting-record',
  502: 'lifted-arm',
  503: 'waiting-record',
};

export function drawingOf({ reason, status }: Pick<ErrorPage, 'reason' | 'status'>): string {
  return byReason[reason] ?? byStatus[status] ?? 'cracked-record';
}
