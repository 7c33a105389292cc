import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';
import { routes } from '../routes.ts';

type PublicFile = {
  content: Buffer;
  /** A hash of the content. */
  version: string;
  /** For the header Last-Modified. */
  modified: string;
};

/** The files in public/ by name, as of the start of the server. */
export type PublicFiles = ReadonlyMap<string, PublicFile>;

/** Reads the files in a folder, without subfolders; scripts without their comments. Throws if one cannot be read. */
export function readPublicFiles(folder: string): PublicFiles {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ name }) => {
      const path = join(folder, name);
      const content = extname(name) === '.js' ? withoutComments(readFileSync(path)) : readFileSync(path);
      return [name, { content, version: versionOf(content), modified: statSync(path).mtime.toUTCString() }];
    }),
  );
}

/**
 * Serves files from memory, so that clients that read slowly keep no files open. Browsers cache a file for a year under the URL with its
 * version, and revalidate it under any other.
 */
export function staticFiles(files: PublicFiles): RequestHandler {
  return (req, res, next) => {
    const name = req.path.slice(1);
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

/**
 * Returns a script without the comments that have lines of their own, and without indentation: a third less to load. A template literal must not
 * span lines.
 */
function withoutComments(script: Buffer): Buffer {
  const text = script
    .toString()
    .replace(/^\s*\/\*[\s\S]*?\*\/$/gm, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/^\s+/gm, '');
  return Buffer.from(text);
}

/** The version of a file: a hash of its content. */
export function versionOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 10);
}
