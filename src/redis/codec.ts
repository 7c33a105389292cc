import * as v from '@badrap/valita';

/** How one kind of record becomes a text and is read again. `id` is the id it is kept under. */
export type Codec<T> = {
  encode(value: T, id: string): string;
  decode(text: string, id: string): Decoded<T>;
};

/** What a text turned out to be. `why` names a field at most, and never holds what was in it. */
export type Decoded<T> =
  | { state: 'intact'; value: T }
  /** Of no use to any version: it can be removed. */
  | { state: 'damaged'; why: string }
  /** Sealed, and does not open here: another process may have the key. */
  | { state: 'unreadable'; why: string }
  /** Of an older or a newer version of Turntable. */
  | { state: 'other shape' };

type JsonOptions<T> = {
  /** Grows by one with each change after which an earlier version could not read the record, or would misread it. */
  shape: number;
  /** The field with the shape's number. */
  shapeField?: string;
  /** Whether records without a number are of this shape: those were written before records had one. */
  unnumbered?: boolean;
  /** Whether the record says which id it was made for, so that a copy under another key is found out. Sealed records are bound anyway. */
  bound?: boolean;
  /** Checks each field. Fields it does not name are dropped, so that a later version can add some without a new shape. */
  schema: v.Type<T>;
};

/** A moment in milliseconds since 1970: a number that is also a date, or pages that show it would fail. */
// safeguard: check-dates
export const moment = v.number().assert((value) => !Number.isNaN(new Date(value).getTime()));

/** Records as JSON objects. */
export function jsonCodec<T extends object>(options: JsonOptions<T>): Codec<T> {
  const { shape, shapeField = 'shape', unnumbered = false, bound = false, schema } = options;

  return {
    encode: (value, id) => JSON.stringify({ [shapeField]: shape, ...(bound && { boundTo: id }), ...value }),

    decode(text, id) {
      const json = objectIn(text);
      if (json === null) return { state: 'damaged', why: 'not a JSON object' };
      const found = json[shapeField];
      // safeguard: keep-records-of-other-versions
      if (isShape(found) && found !== shape) return { state: 'other shape' };
      if (found !== shape && !(unnumbered && found === undefined)) return damagedField(shapeField);
      // Records that were written before there was this field do not have it.
      // safeguard: bind-records-to-id
      if (bound && json.boundTo !== undefined && json.boundTo !== id) return damagedField('boundTo');
      return checked(schema, json);
    },
  };
}

/** Records as plain texts, of shape 1. Another shape would be a JSON object that says so. */
export function textCodec<T>(schema: v.Type<T>, format: (value: T) => string = String): Codec<T> {
  return {
    encode: format,
    // safeguard: keep-texts-of-later-versions
    decode: (text) => (isOfLaterShape(text) ? { state: 'other shape' } : checked(schema, text)),
  };
}

/** As much as sealing takes; bound to the kind and the id, so that a copy under another key does not open. */
type Seal = {
  seal(text: string, boundTo: string): string;
  open(sealed: string, boundTo: string): { text: string } | { text: null; why: string };
};

/** Records of one kind whose text is sealed. */
export function sealedCodec<T>(seal: Seal, kind: string, inner: Codec<T>): Codec<T> {
  return {
    encode: (value, id) => seal.seal(inner.encode(value, id), `${kind}:${id}`),

    decode(text, id) {
      const opened = seal.open(text, `${kind}:${id}`);
      if (opened.text === null)
        // safeguard: keep-unopened-sealed-records
        return isOfLaterShape(text) ? { state: 'other shape' } : { state: 'unreadable', why: opened.why };
      const decoded = inner.decode(opened.text, id);
      // safeguard: keep-unparsable-sealed-records
      return decoded.state === 'damaged' ? { ...decoded, state: 'unreadable' } : decoded;
    },
  };
}

function checked<T>(schema: v.Type<T>, value: unknown): Decoded<T> {
  // safeguard: check-record-fields
  // safeguard: ignore-stored-cookie
  const result = schema.try(value, { mode: 'strip' });
  return result.ok
    ? { state: 'intact', value: result.value }
    : damagedField(result.issues[0]?.path?.join('.') || 'value');
}

function damagedField(name: string): Decoded<never> {
  return { state: 'damaged', why: `field ${name}` };
}

function isShape(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isOfLaterShape(text: string): boolean {
  const shape = objectIn(text)?.shape;
  return isShape(shape) && shape > 1;
}

function objectIn(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
