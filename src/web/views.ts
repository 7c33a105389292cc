import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ejs from 'ejs';
import express, { type Application, type RequestHandler } from 'express';
import type { Image } from '../spotify/answers.ts';

type Needs = {
  viewsDir: string;
  publicDir: string;
  /** Said in the footer where it is not Spotify that answers. */
  simulated: boolean;
  /** Whether there is anything to search in: not before there are credentials. */
  searchable: boolean;
};

/** The view engine, and the words and numbers that every view may use, as `it.…`. */
export function useViews(app: Application, { viewsDir, publicDir, simulated, searchable }: Needs): void {
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

  const versions = versionsOf(publicDir);
  Object.assign(app.locals, {
    simulated,
    searchable,
    /** A field of each form that changes something, so that pressing its button twice does it once. */
    once: () => randomBytes(12).toString('base64url'),
    /** The address of a file in public/, with its version, so that browsers may keep it for a year. */
    asset: (file: string) => `/${file}?v=${versions.get(file) ?? ''}`,
    cover,
    time,
    day,
    short,
  });
}

/** What lies in public/: kept for a year under the address with its version, asked for anew under any other. */
export function staticFiles(publicDir: string): RequestHandler {
  const versions = versionsOf(publicDir);
  return express.static(publicDir, {
    index: false,
    redirect: false,
    cacheControl: false,
    setHeaders(res, path) {
      // Only the version that is served here: during an update another process may already ask for the next one.
      const current = res.req.url?.endsWith(`?v=${versions.get(basename(path))}`);
      res.setHeader('Cache-Control', current ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

function versionsOf(publicDir: string): Map<string, string> {
  const files = readdirSync(publicDir, { withFileTypes: true }).filter((one) => one.isFile());
  return new Map(
    files.map(({ name }) => {
      const version = createHash('sha256')
        .update(readFileSync(join(publicDir, name)))
        .digest('base64url')
        .slice(0, 10);
      return [name, version];
    }),
  );
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

/** Milliseconds as people write the length of a track: 3:05, 1:02:45. */
function time(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** The day of a moment in ISO 8601, as people write it: 4 Mar 2025. Null for anything that is no moment. */
function day(moment: string | null): string | null {
  const ms = Date.parse(moment ?? '');
  return Number.isNaN(ms) ? null : dayFormat.format(ms);
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });

/** A name cut to what the tab of a browser can show; the page itself shows it whole. */
function short(name: string): string {
  const characters = [...name];
  return characters.length <= 45 ? name : `${characters.slice(0, 44).join('').trimEnd()}…`;
}
