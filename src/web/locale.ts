import type { Request, RequestHandler } from 'express';
import { LRUCache } from 'lru-cache';

/** Formats numbers, durations and dates for a visitor's locale; views get it as `it.…`. The words around them are English. */
export type Formatters = {
  /** The `lang` attribute of dates; empty if the locale is English, like the page. */
  lang: string;
  locale: string;
  /** The separator of hours, minutes and seconds, for the script that updates the progress bar. */
  timeSeparator: string;
  /** Between the units and the tenths of a number. */
  decimalSign: string;
  /** Milliseconds as the length of a track: 3:05, 1:02:45. */
  time(ms: number): string;
  /** Milliseconds as the length of a list, to the minute: 3 hr 5 min. */
  hours(ms: number): string;
  /** An ISO 8601 date-time as a date, such as 4 Mar 2025; null if it isn't one. */
  day(dateTime: string | null): string | null;
  /** A date in ISO 8601 as precise as it is: a year or a month as sent, a day such as 4 Mar 2025. */
  releaseDate(date: string): string;
  /** Milliseconds since 1970 as date and time, in UTC: the server doesn't know the visitor's time zone. A script converts it. */
  moment(at: number): string;
  number(value: number): string;
  /** A number with a noun: 1 item, 1,200 items. */
  count(value: number, noun: string): string;
};

/** For browsers that don't send Accept-Language. */
const defaultLocale = 'en-GB';
/** Later languages of a header are ignored. */
const maxLanguages = 10;
/** How many formatters are cached, by language tag: they are expensive to create. */
const maxFormatters = 200;

/** The formatters for each language tag that `Intl` supports. */
const byLanguage = new LRUCache<string, Formatters>({ max: maxFormatters, memoMethod: createFormatters });

export const defaultFormatters = createFormatters(defaultLocale);

/** The language for each Accept-Language header: visitors send few different ones, again and again. */
const languages = new LRUCache<string, string, Request>({
  max: maxFormatters,
  memoMethod: (_header, _stale, { context }) => languageOf(context),
});

/** Gives views the formatters for the visitor's language, by the Accept-Language header. */
export const localize: RequestHandler = (req, res, next) => {
  const language = languages.memo(req.get('Accept-Language') ?? '', { context: req });
  Object.assign(res.locals, byLanguage.memo(language));
  next();
};

/** The browser's preferred language among those for which `Intl` can format dates. */
function languageOf(req: Request): string {
  const languages = req.acceptsLanguages().slice(0, maxLanguages).map(withoutExtensions);
  // safeguard: language-preference-order
  return languages.find(isSupported) ?? defaultLocale;
}

/** Without extensions such as another calendar. */
function withoutExtensions(tag: string): string {
  return tag.replace(/-[a-z0-9]-.*$/i, '');
}

function isSupported(tag: string): boolean {
  try {
    return byLanguage.has(tag) || Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false; // not a language tag
  }
}

function createFormatters(language: string): Formatters {
  const numbers = new Intl.NumberFormat(language);
  const number = rememberSmall((value) => numbers.format(value));
  const twoDigitNumbers = new Intl.NumberFormat(language, { minimumIntegerDigits: 2 });
  const twoDigits = rememberSmall((value) => twoDigitNumbers.format(value));
  const hours = new Intl.DurationFormat('en', { style: 'short' });
  const days = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' });
  const moments = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  });
  const { locale } = days.resolvedOptions();
  const timeSeparator = timeSeparatorOf(language);

  return {
    lang: /^en\b/.test(locale) ? '' : locale,
    locale,
    timeSeparator,
    decimalSign: numbers.formatToParts(0.5).find(({ type }) => type === 'decimal')?.value ?? '.',
    time(ms) {
      const seconds = Math.floor(ms / 1000);
      const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
      const parts = h > 0 ? [number(h), twoDigits(m)] : [number(m)];
      return [...parts, twoDigits(s)].join(timeSeparator);
    },
    hours(ms) {
      const minutes = Math.round(ms / 60_000);
      return hours.format({ hours: Math.floor(minutes / 60), minutes: minutes % 60 }) || number(0);
    },
    day(dateTime) {
      const ms = Date.parse(dateTime ?? '');
      return Number.isNaN(ms) ? null : days.format(ms);
    },
    releaseDate: (date) => (date.length === 10 ? days.format(Date.parse(date)) : date),
    moment: (at) => `${moments.format(at)} UTC`,
    number,
    count: (value, noun) => (value === 1 ? `${number(1)} ${noun}` : `${number(value)} ${noun}s`),
  };
}

/** Formats whole numbers from 0 to 999 once: a page has many of them, and `Intl` takes about a microsecond for each. */
function rememberSmall(format: (value: number) => string): (value: number) => string {
  const remembered: string[] = [];
  return (value) => {
    if (!Number.isInteger(value) || value < 0 || value > 999) return format(value);
    remembered[value] ??= format(value);
    return remembered[value];
  };
}

/** Only the separator comes from `Intl`: it would write lengths under an hour as 0:03:05 or 03:05. */
function timeSeparatorOf(language: string): string {
  const parts = new Intl.DurationFormat(language, { style: 'digital' }).formatToParts({ hours: 1 });
  return parts.find(({ type }) => type === 'literal')?.value ?? ':';
}
