import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';

type PublicFile = {
  content: Buffer;
  /** Changes with every byte of the content. */
  version: string;
  /** As the header Last-Modified says it. */
  modified: string;
};

/** The files in public/ by name, as they were when the server started. */
export type PublicFiles = ReadonlyMap<string, PublicFile>;

/** Reads the files in a folder; folders in it are left out. Throws what reading a file throws. */
export function readPublicFiles(folder: string): PublicFiles {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ name }) => {
      const path = join(folder, name);
      const content = readFileSync(path);
      return [name, { content, version: versionOf(content), modified: statSync(path).mtime.toUTCString() }];
    }),
  );
}

/**
 * Serves files from memory: a client that does not read its answer then holds no open file. Browsers keep a file for a year under the URL with
 * its version, and ask again under any other.
 */
export function staticFiles(files: PublicFiles): RequestHandler {
  return (req, res, next) => {
    const name = req.path.slice(1);
    const file = files.get(name);
    if (!file || (req.method !== 'GET' && req.method !== 'HEAD')) return next();
    // Only the version that is served here: during an update another process may already ask for the next one.
    // safeguard: cache-current-assets-only
    const isCurrent = req.url === `/${name}?v=${file.version}`;
    res.set({
      'Cache-Control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache',
      // safeguard: static-file-etag
      ETag: `"${file.version}"`,
      'Last-Modified': file.modified,
    });
    res.type(extname(name)).send(file.content);
  };
}

/** The version of a file's content: another one as soon as a byte of it is. */
export function versionOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 10);
}
