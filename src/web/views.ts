import { randomBytes } from 'node:crypto';
import type { Application } from 'express';
import { controlScopes, describeScope } from '../access/scopes.ts';
import { routes } from '../routes.ts';
import { maxSavedItems } from '../spotify/limits.ts';
import { maxQueued } from './can-play.ts';
import { cover } from './cover.ts';
import {
  albumTypes,
  emptyFileReasons,
  fallbackNames,
  kindNames,
  nameOf,
  nameOfExport,
  pauseReason,
  restrictionText,
} from './display-names.ts';
import { defaultFormatters } from './locale.ts';
import { pageOf } from './page-of.ts';
import { defaultPreferences } from './preferences.ts';
import type { PublicFiles } from './static-files.ts';
import { timeAgo } from './time-in-words.ts';
import { totalLength } from './total-length.ts';
import { createViewEngine } from './view-engine.ts';

type Deps = {
  viewsDir: string;
  files: PublicFiles;
  baseUrl: string;
  /** The address of the simulator, if one stands in for Spotify. The footer says so. */
  simulatorUrl: string | null;
  /** The URL of Spotify's logo; null if the owner of this site has none. */
  spotifyLogo: string | null;
  /** Whether pages have a search field: not until there are credentials. */
  hasSearch: boolean;
  now: () => number;
  /** Between two heartbeats of a stream, in milliseconds. */
  heartbeatMs: number;
  hasSetup: boolean;
};

/** Sets up the view engine, and what every view may use, as `it.…`. */
export function useViews(
  app: Application,
  { viewsDir, files, baseUrl, simulatorUrl, spotifyLogo, hasSearch, hasSetup, heartbeatMs, now }: Deps,
): void {
  app.engine('ejs', createViewEngine(viewsDir));
  app.set('views', viewsDir);
  app.set('view engine', 'ejs');
  app.enable('view cache');

  const assets = new Map([...files].map(([name, { version }]) => [name, routes.asset(name, version)]));
  const asset = (file: string) => assets.get(file) ?? routes.asset(file, '');
  /** A symbol of a file with symbols. Throws if the file lacks it. */
  const symbolsOf = (file: string, className: string) => {
    const url = asset(file);
    const box = className === 'illustration' ? ' viewBox="0 0 160 160"' : '';
    const symbols = new Map(
      symbolsIn(String(files.get(file)?.content)).map((name) => [
        name,
        `<svg class="${className}"${box} aria-hidden="true"><use href="${url}#${name}"/></svg>`,
      ]),
    );
    return (name: string) => {
      const symbol = symbols.get(name);
      // safeguard: symbols-exist
      if (symbol === undefined) throw new Error(`${file} has no symbol ${name}`);
      return symbol;
    };
  };

  Object.assign(app.locals, {
    routes,
    origin: new URL(baseUrl).origin,
    simulatorUrl,
    spotifyLogo,
    hasSearch,
    hasSetup,
    heartbeatMs,
    controlScopes,
    maxQueued,
    maxSavedItems,
    /** Their purposes, for the page that asks for them. */
    controlPermissions: controlScopes.map((scope) => ({ scope, purpose: describeScope(scope) })),
    /** A hidden field of each form that changes something, so that pressing its button twice does it once. */
    idempotencyKey: () => randomBytes(12).toString('base64url'),
    /** The URL of a file in public/, with its version, so that browsers cache it for a year. */
    asset,
    /** A symbol of a control; the text beside it names it. */
    icon: symbolsOf('sprite.svg', 'symbol'),
    /** A drawing of an empty, error or wait state; the text beside it says the same. */
    drawing: symbolsOf('drawings.svg', 'illustration'),
    cover,
    /** For the pages of errors that come before a cookie is read. */
    preferences: defaultPreferences,
    pageOf,
    /** How long ago something happened; `at` in milliseconds since 1970. */
    ago: (at: number) => timeAgo(now() - at),
    ...defaultFormatters,
    shorten,
    totalLength,
    initialOf,
    fallbackNames,
    pauseReason,
    emptyFileReasons,
    kindNames,
    albumTypes,
    nameOf,
    nameOfExport,
    restrictionText,
    /** Whether a name is too long for the font size of titles. */
    isLong: (name: string) => name.length > longNameLength,
  });
}

function symbolsIn(sprite: string): string[] {
  return [...sprite.matchAll(/<symbol id="([a-z-]+)"/g)].map(([, name = '']) => name);
}

/** Creating one takes a tenth of what it takes to render a page. */
const letters = new Intl.Segmenter();

/** The first letter of a name, as one reads it. */
function initialOf(name: string): string {
  const [first] = letters.segment(name.trim());
  return first?.segment.toUpperCase() ?? '';
}

/** A name shortened for the tab of a browser. The page itself shows it in full. */
function shorten(name: string): string {
  const characters = [...name];
  return characters.length <= maxTabTitle
    ? name
    : `${characters
        .slice(0, maxTabTitle - 1)
        .join('')
        .trimEnd()}…`;
}

const longNameLength = 60;
const maxTabTitle = 45;
