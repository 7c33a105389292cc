import type { RequestHandler } from 'express';

/** How a reader is used to see numbers, lengths and moments: for views, as `it.…`. The words around them stay English. */
export type Reader = {
  /** The language of days and moments; empty where it is English, as the page is. */
  lang: string;
  /** The language itself, and what stands between hours, minutes and seconds: for a script that writes lengths on. */
  locale: string;
  between: string;
  /** A length in milliseconds, as people write that of a track: 3:05, 1:02:45. */
  time(ms: number): string;
  /** The day of a moment in ISO 8601, such as 4 Mar 2025. Null for anything that is no moment. */
  day(moment: string | null): string | null;
  /** Day and time of a moment, in milliseconds since 1970; in UTC, because nobody says which zone they are in. */
  moment(at: number): string;
  number(value: number): string;
  /** So many of something: 1 item, 1,200 items. */
  count(value: number, word: string): string;
};

/** Where a browser does not say which languages its reader knows. */
const fallback = 'en-GB';
/** Formats are made once for each locale and the header of each browser is read once, as far as these go. */
const most = 200;

const readers = new Map<string, Reader>();
const locales = new Map<string, string>();

/** What views use where they are not rendered for anybody. */
export const anybody = createReader(fallback);

/** Lets views write for the one who asks, by the Accept-Language header. */
export const forReader: RequestHandler = (req, res, next) => {
  Object.assign(res.locals, readerOf(req.get('Accept-Language')));
  next();
};

function readerOf(header: string | undefined): Reader {
  if (!header) return anybody;
  const locale = kept(locales, header.slice(0, 200), () => localeOf(header.slice(0, 200)));
  return kept(readers, locale, () => createReader(locale));
}

/** What the map has under this key, made where it is not there; the one made longest ago gives way. */
function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
  return made;
}

/** The first language of the header, by its weights, that dates can be written in (RFC 9110, section 12.5.4). */
function localeOf(header: string): string {
  const wished = header
    .split(',')
    .map((one) => {
      const [tag = '', ...parameters] = one.split(';').map((part) => part.trim());
      const weight = parameters.find((part) => /^q=/i.test(part))?.slice(2);
      return { tag, weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ tag, weight }) => /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(tag) && weight > 0)
    // safeguard: language-preference-order
    .sort((a, b) => b.weight - a.weight);
  for (const { tag } of wished) {
    // Without what may follow it, such as another calendar; by what is known, so that there are not endlessly many.
    const plain = tag.replace(/-[a-z0-9]-.*$/i, '');
    if (supported(plain)) return new Intl.DateTimeFormat(plain).resolvedOptions().locale;
  }
  return fallback;
}

function supported(tag: string): boolean {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false; // well formed by its looks alone
  }
}

function createReader(locale: string): Reader {
  const numbers = new Intl.NumberFormat(locale);
  const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 });
  const days = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const moments = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  });
  const between = separator(locale);

  return {
    lang: /^en\b/.test(locale) ? '' : locale,
    locale,
    between,
    time(ms) {
      const seconds = Math.floor(ms / 1000);
      const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
      const parts = h > 0 ? [numbers.format(h), two.format(m)] : [numbers.format(m)];
      return [...parts, two.format(s)].join(between);
    },
    day(moment) {
      const ms = Date.parse(moment ?? '');
      return Number.isNaN(ms) ? null : days.format(ms);
    },
    moment: (at) => `${moments.format(at)} UTC`,
    number: (value) => numbers.format(value),
    count: (value, word) =>
      value === 1 ? `${numbers.format(1)} ${word}` : `${numbers.format(value)} ${word}s`,
  };
}

/** What stands between hours and minutes; lengths of less than an hour Intl would write with hours, or as 03:05. */
function separator(locale: string): string {
  const parts = new Intl.DurationFormat(locale, { style: 'digital' }).formatToParts({ hours: 1 });
  return parts.find(({ type }) => type === 'literal')?.value ?? ':';
}
