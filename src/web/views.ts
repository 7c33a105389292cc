import { randomBytes } from 'node:crypto';
import ejs from 'ejs';
import type { Application } from 'express';
import { routes } from '../routes.ts';
import type { Image } from '../spotify/types.ts';
import { defaultFormatters } from './locale.ts';
import { fallbackNames, kindNames, nameOf, restrictionText } from './names.ts';
import type { PublicFiles } from './static-files.ts';
import { timeAgo } from './time-in-words.ts';

type Deps = {
  viewsDir: string;
  files: PublicFiles;
  baseUrl: string;
  /** Where it is not Spotify that answers, but a simulator: its address. The footer says so. */
  simulatorUrl: string | null;
  /** Where Spotify's logo is; null where there is none. */
  spotifyLogo: string | null;
  /** Whether there is anything to search in: not before there are credentials. */
  searchable: boolean;
  now: () => number;
  /** Whether there is a page that checks how things are set up. */
  hasSetup: boolean;
};

/** The view engine, and the words and numbers that every view may use, as `it.…`. */
export function useViews(
  app: Application,
  { viewsDir, files, baseUrl, simulatorUrl, spotifyLogo, searchable, hasSetup, now }: Deps,
): void {
  // An engine of our own: EJS without `with`, which Express's own settings cannot ask for and which is three times as fast.
  app.engine('ejs', (path, data, done) => {
    ejs.renderFile(
      path,
      data,
      { _with: false, localsName: 'it', rmWhitespace: true, cache: true, views: [viewsDir] },
      done,
    );
  });
  app.set('views', viewsDir);
  app.set('view engine', 'ejs');
  app.enable('view cache');

  Object.assign(app.locals, {
    routes,
    baseUrl,
    simulatorUrl,
    spotifyLogo,
    searchable,
    hasSetup,
    /** A field of each form that changes something, so that pressing its button twice does it once. */
    once: () => randomBytes(12).toString('base64url'),
    /** The address of a file in public/, with its version, so that browsers may keep it for a year. */
    asset: (file: string) => routes.asset(file, files.get(file)?.version ?? ''),
    cover,
    /** How long ago a moment was, in milliseconds since 1970. */
    ago: (at: number) => timeAgo(now() - at),
    ...defaultFormatters,
    short,
    fallbackNames,
    kindNames,
    nameOf,
    restrictionText,
    /** Whether a name is too long for the largest letters. */
    isLong: (name: string) => name.length > longName,
  });
}

/** The smallest picture that fills `size` pixels, and one for screens with twice the density; null where there is none. */
function cover(images: readonly Image[], size: number): { src: string; srcset: string } | null {
  const filling = (pixels: number): Image | undefined => {
    const bySize = images.filter((one) => one.width !== null).sort((a, b) => (a.width ?? 0) - (b.width ?? 0));
    return bySize.find((one) => (one.width ?? 0) >= pixels) ?? bySize.at(-1) ?? images[0];
  };
  const [once, twice] = [filling(size), filling(2 * size)];
  return once && twice ? { src: once.url, srcset: `${once.url} 1x, ${twice.url} 2x` } : null;
}

/** A name cut to what the tab of a browser can show; the page itself shows it whole. */
function short(name: string): string {
  const characters = [...name];
  return characters.length <= 45 ? name : `${characters.slice(0, 44).join('').trimEnd()}…`;
}

const longName = 60;
