import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';
import { pathWithin, routes } from '../routes.ts';

type PublicFile = {
  content: Buffer;
  /** A hash of the content. */
  version: string;
  /** For the header Last-Modified. */
  modified: string;
};

/** The files in public/ by name, as of the start of the server. */
export type PublicFiles = ReadonlyMap<string, PublicFile>;

/** Reads the files in a folder, without subfolders; scripts and styles without their comments. Throws if one cannot be read. */
export function readPublicFiles(folder: string): PublicFiles {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  const files = new Map<string, PublicFile>();
  // Styles come last: they contain the versions of other files.
  const isStyle = (name: string) => extname(name) === '.css';
  for (const name of names.toSorted((a, b) => Number(isStyle(a)) - Number(isStyle(b)))) {
    const path = join(folder, name);
    const original = readFileSync(path);
    const text = ['.js', '.css'].includes(extname(name)) ? withoutComments(original.toString()) : null;
    const content =
      name === 'robots.txt'
        ? Buffer.from(withBasePath(original.toString()))
        : text === null
          ? original
          : Buffer.from(isStyle(name) ? compact(withVersions(text, files)) : text);
    const modified = statSync(path).mtime.toUTCString();
    files.set(name, { content, version: versionOf(content), modified });
  }
  return files;
}

/**
 * Serves files from memory, so that clients that read slowly keep no files open. Browsers cache a file for a year under the URL with its
 * version, and revalidate it under any other.
 */
export function staticFiles(files: PublicFiles): RequestHandler {
  return (req, res, next) => {
    const name = pathWithin(req.path)?.slice(1) ?? '';
    const file = files.get(name);
    if (!file || (req.method !== 'GET' && req.method !== 'HEAD')) return next();
    // Only this version: during an update, pages of another process may already link to the next one, which must not be cached as this one.
    // safeguard: cache-current-assets-only
    const isCurrent = req.url === routes.asset(name, file.version);
    res.set({
      'Cache-Control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache',
      // safeguard: static-file-etag
      ETag: `"${file.version}"`,
      'Last-Modified': file.modified,
    });
    res.type(extname(name)).send(file.content);
  };
}

/** Adds the path of BASE_URL to the rules for crawlers. They read only those at the top of a host, whose owner can copy these there. */
function withBasePath(rules: string): string {
  return rules.replace(/(?<=^Disallow: )\//gm, routes.home());
}

/** Adds the versions of files to a style sheet, so that browsers cache those for a year as well. */
function withVersions(style: string, files: PublicFiles): string {
  return style.replace(/url\("([\w.-]+)"\)/g, (url, name: string) => {
    const file = files.get(name);
    return file ? `url("${routes.asset(name, file.version)}")` : url;
  });
}

/**
 * Returns a script or style sheet without the comments that fill whole lines, and without indentation: a third less to load. A template
 * literal must not span lines.
 */
function withoutComments(text: string): string {
  return text
    .replace(/^\s*\/\*[\s\S]*?\*\/$/gm, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/^\s+/gm, '');
}

/**
 * Returns a style sheet without line breaks, and without the spaces, zeros and long names that only people need: another tenth less to load. Spaces
 * around the operators of `calc` stay.
 */
function compact(style: string): string {
  return style
    .replace(/^([\w-]+): /gm, '$1:')
    .replace(/\(([\w-]+): /g, '($1:')
    .replace(/ \{$/gm, '{')
    .replace(/([{};,>])\n/g, '$1')
    .replace(/;\}/g, '}')
    .replace(/, /g, ',')
    .replace(/ > /g, '>')
    .replace(/ \* /g, '*')
    .replace(/n \+ /g, 'n+')
    .replace(/="([a-z][\w-]*)"\]/g, '=$1]')
    .replace(/--space-(?=\d)/g, '--s')
    .replace(/(?<![\w.])0\.(?=\d)/g, '.');
}

/** The version of a file: a hash of its content. */
export function versionOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 10);
}
