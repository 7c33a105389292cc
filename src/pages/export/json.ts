import type { Format } from './format.ts';
import type { Source } from './source.ts';

/** One JSON value, with each manifest after the items it counts. */
export const json: Format = {
  extension: 'json',
  type: 'application/json',

  one: (source) => jsonOf(source),

  async *all(sources, summary) {
    yield '{"playlists":[';
    let first = true;
    for await (const source of sources) {
      yield first ? '\n' : ',\n';
      first = false;
      yield* jsonOf(source);
    }
    yield `\n],"summary":${JSON.stringify(summary)}}\n`;
  },
};

async function* jsonOf({ manifest, pages }: Source): AsyncGenerator<string> {
  yield `{"id":${JSON.stringify(manifest.id)},"name":${JSON.stringify(manifest.name)},"items":[`;
  let first = true;
  for await (const rows of pages) {
    const items = rows.map((row) => JSON.stringify(row));
    if (items.length === 0) continue;
    yield (first ? '\n' : ',\n') + items.join(',\n');
    first = false;
  }
  yield `\n],"manifest":${JSON.stringify(manifest)}}\n`;
}
