import type { ZipWriter } from '@zip.js/zip.js';
import { contentFileName, nameOf } from './file-name.ts';
import type { Format, Piece, Summary } from './format.ts';
import type { Manifest, Source } from './source.ts';

const options = {
  // Each file is sent while it is read, so its length follows it.
  dataDescriptor: true,
  bufferedWrite: false,
  keepOrder: true,
  // Not needed below four gigabytes, and some programs can't read it.
  zip64: false,
};

/** The entry of a list in the manifest of a ZIP. `file` is null if there is nothing of it. */
type ListedFile = Manifest & { file: string | null };

/** A ZIP with a file for each list, in another format, and a manifest of them all. */
export function createZip(format: Format): Format {
  return {
    itemsOnly: format.itemsOnly === true,
    ...(format.rowsOf && { rowsOf: format.rowsOf }),
    extension: 'zip',
    type: 'application/zip',
    one: (source) => zipOf(format, [source], null),
    all: (sources, summary) => zipOf(format, sources, summary),
  };
}

async function* zipOf(
  format: Format,
  sources: Iterable<Source> | AsyncIterable<Source>,
  summary: Summary | null,
): AsyncGenerator<Uint8Array> {
  let fail: (error: unknown) => void = () => undefined;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    start(controller) {
      fail = (error) => controller.error(error);
    },
  });
  const written = openZip(writable).then(write).catch(fail);
  try {
    yield* readable;
  } finally {
    await written;
  }

  async function write(zip: ZipWriter<unknown>): Promise<void> {
    const lists: ListedFile[] = [];
    const used = new Set<string>(['manifest.json']);
    for await (const source of sources) {
      const { manifest } = source;
      const { known, pieces } = manifest.readable
        ? await untilKnown(source, format.one(source))
        : { known: null, pieces: [] };
      const file = known && unusedName(known, format.extension, used);
      if (file !== null) await zip.add(file, bytesOf(pieces));
      lists.push({ file, ...manifest });
    }
    const manifest = JSON.stringify({ lists, ...(summary && { summary }) }, null, 2);
    await zip.add('manifest.json', bytesOf([`${manifest}\n`]));
    await zip.close();
  }
}

/** The library is loaded with the first ZIP. */
async function openZip(writable: WritableStream): Promise<ZipWriter<unknown>> {
  const { configure, ZipWriter } = await import('@zip.js/zip.js');
  // A server has no web workers; compression runs in the threads of zlib.
  configure({ useWebWorkers: false });
  return new ZipWriter(writable, options);
}

/**
 * Reads the file of a list until it is known what it lacks, because its name comes first and says so. That's at once in a long file, which fails if it
 * lacks anything.
 */
async function untilKnown(
  source: Source,
  content: AsyncIterable<Piece>,
): Promise<{ known: Manifest; pieces: AsyncIterable<Piece> }> {
  const iterator = content[Symbol.asyncIterator]();
  const read: Piece[] = [];
  let known = source.final();
  while (known === null) {
    const next = await iterator.next();
    if (!next.done) read.push(next.value);
    // safeguard: part-in-zip-says-so
    known = next.done ? source.manifest : source.final();
  }
  return { known, pieces: all() };

  async function* all(): AsyncGenerator<Piece> {
    try {
      yield* read;
      read.length = 0;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
}

/** Returns a name for the file of a list that no other file has, whether or not the file system distinguishes case. */
function unusedName(manifest: Manifest, extension: string, used: Set<string>): string {
  const { from, written, announced, stopped } = manifest;
  const isRead = stopped !== null || from + written >= announced;
  const plain = contentFileName(nameOf(manifest, isRead));
  for (let count = 1; ; count += 1) {
    const name = `${plain}${count > 1 ? ` (${count})` : ''}.${extension}`;
    // safeguard: unique-names-in-zip
    if (used.has(name.toLowerCase())) continue;
    used.add(name.toLowerCase());
    return name;
  }
}

function bytesOf(pieces: AsyncIterable<Piece> | Iterable<Piece>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) yield typeof piece === 'string' ? encoder.encode(piece) : piece;
  }
  return ReadableStream.from(bytes());
}
