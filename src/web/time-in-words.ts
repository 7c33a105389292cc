/* Durations in words. They are part of English sentences, so they don't follow the visitor's locale. */

const relative = new Intl.RelativeTimeFormat('en');

/** How long to wait: "40 seconds", "3 minutes", "14 hours". */
export function durationInWords(seconds: number): string {
  if (seconds < 90) return inWords(seconds, 'second');
  if (seconds < 90 * 60) return inWords(seconds / 60, 'minute');
  return inWords(seconds / 3600, 'hour');
}

/** How long ago something happened: "just now", "42 minutes ago". */
export function timeAgo(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return relative.format(-minutes, 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.floor(minutes / 60), 'hour');
  return relative.format(-Math.floor(minutes / 60 / 24), 'day');
}

function inWords(amount: number, unit: 'second' | 'minute' | 'hour'): string {
  const options = { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat('en', options).format(amount);
}
