import type { Json } from './api-version.ts';

/** Which fields are wanted of an object; true stands for all that is inside. */
type Wanted = { only: Map<string, Wanted | true>; never: Set<string> };

/**
 * What is left of `value` under a `fields` filter such as `total,items(added_at,item(name,album.name))`; `!` in front of
 * a name leaves it out (Spotify: "Get Playlist Items", `fields`). Names that do not exist are ignored, as Spotify does.
 */
export function onlyFields(value: Json, fields: string | null): Json {
  return fields ? pick(value, parse(fields)) : value;
}

function pick(value: Json, wanted: Wanted | true): Json {
  if (wanted === true || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => pick(item, wanted));
  const kept = Object.entries(value).filter(
    ([name]) => !wanted.never.has(name) && (wanted.only.size === 0 || wanted.only.has(name)),
  );
  return Object.fromEntries(kept.map(([name, inner]) => [name, pick(inner, wanted.only.get(name) ?? true)]));
}

function parse(fields: string): Wanted {
  const words = fields.match(/[\w]+|[!.,()]/g) ?? [];
  let at = 0;

  const list = (): Wanted => {
    const wanted: Wanted = { only: new Map(), never: new Set() };
    while (at < words.length && words[at] !== ')') {
      if (words[at] === ',') at += 1;
      else part(wanted);
    }
    return wanted;
  };

  const part = (into: Wanted) => {
    const out = words[at] === '!';
    const name = words[out ? at + 1 : at] ?? '';
    at += out ? 2 : 1;
    if (out) into.never.add(name);
    else into.only.set(name, inside());
  };

  const inside = (): Wanted | true => {
    const mark = words[at];
    if (mark !== '.' && mark !== '(') return true;
    at += 1;
    if (mark === '(') {
      const wanted = list();
      at += 1;
      return wanted;
    }
    const wanted: Wanted = { only: new Map(), never: new Set() };
    part(wanted);
    return wanted;
  };

  return list();
}
