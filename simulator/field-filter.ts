import type { Json } from './json.ts';

/** The fields of an object to include, by name; true includes everything inside. If there are none, all but the excluded ones are included. */
type Filter = { included: Map<string, Filter | true>; excluded: Set<string> };

/**
 * Applies a `fields` filter such as `total,items(added_at,item(name,album.name))`; `!` before a name excludes the field (Spotify: "Get
 * Playlist Items", `fields`). Like Spotify, it ignores names that don't exist.
 */
export function filterFields(value: Json, fields: string | null): Json {
  return fields ? applyFilter(value, parse(fields)) : value;
}

function applyFilter(value: Json, filter: Filter | true): Json {
  if (filter === true || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => applyFilter(item, filter));
  const { included, excluded } = filter;
  const entries = Object.entries(value).filter(
    ([name]) => !excluded.has(name) && (included.size === 0 || included.has(name)),
  );
  return Object.fromEntries(
    entries.map(([name, inner]) => [name, applyFilter(inner, included.get(name) ?? true)]),
  );
}

function parse(fields: string): Filter {
  const tokens = fields.match(/[\w]+|[!.,()]/g) ?? [];
  let at = 0;

  const parseList = (): Filter => {
    const filter: Filter = { included: new Map(), excluded: new Set() };
    while (at < tokens.length && tokens[at] !== ')') {
      if (tokens[at] === ',') at += 1;
      else parseField(filter);
    }
    return filter;
  };

  const parseField = (into: Filter) => {
    const isExcluded = tokens[at] === '!';
    const name = tokens[isExcluded ? at + 1 : at] ?? '';
    at += isExcluded ? 2 : 1;
    if (isExcluded) into.excluded.add(name);
    else into.included.set(name, parseInner());
  };

  const parseInner = (): Filter | true => {
    const token = tokens[at];
    if (token !== '.' && token !== '(') return true;
    at += 1;
    if (token === '(') {
      const filter = parseList();
      at += 1;
      return filter;
    }
    const filter: Filter = { included: new Map(), excluded: new Set() };
    parseField(filter);
    return filter;
  };

  return parseList();
}
