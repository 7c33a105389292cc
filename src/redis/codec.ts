import * as v from '@badrap/valita';

/** Converts one kind of record to text and back. `id` identifies the record among those of its kind. */
export type Codec<T> = {
  encode(value: T, id: string): string;
  decode(text: string, id: string): Decoded<T>;
};

/** The result of decoding a text. `why` names at most a field and never contains any of its content. */
export type Decoded<T> =
  | { state: 'intact'; value: T }
  /** No version can use it, so it can be removed. */
  | { state: 'damaged'; why: string }
  /** Sealed, and can't be opened here; another process may have the key. */
  | { state: 'unreadable'; why: string }
  /** Written by an older or newer version of Turntable. */
  | { state: 'other shape' };

type JsonOptions<T> = {
  /** Incremented by every change after which an earlier version could no longer read the record, or would misread it. */
  shape: number;
  /** The name of the field that contains the shape number. */
  shapeField?: string;
  /** Whether records without a shape number are accepted: they were written before records had one. */
  unnumbered?: boolean;
  /** Whether the record contains its own id, so that a copy under another key is detected. Sealed records are bound to their id anyway. */
  bound?: boolean;
  /** Checks each field. Unknown fields are dropped, so a later version can add fields without a new shape. */
  schema: v.Type<T>;
};

/** Milliseconds since 1970. Numbers outside the range of a Date are rejected, because pages that format them would fail. */
// safeguard: check-dates
export const timestamp = v.number().assert((value) => !Number.isNaN(new Date(value).getTime()));

export function jsonCodec<T extends object>(options: JsonOptions<T>): Codec<T> {
  const { shape, shapeField = 'shape', unnumbered = false, bound = false, schema } = options;

  return {
    encode: (value, id) => JSON.stringify({ [shapeField]: shape, ...(bound && { boundTo: id }), ...value }),

    decode(text, id) {
      const json = parseObject(text);
      if (json === null) return { state: 'damaged', why: 'not a JSON object' };
      const found = json[shapeField];
      // safeguard: keep-records-of-other-versions
      if (isShape(found) && found !== shape) return { state: 'other shape' };
      if (found !== shape && !(unnumbered && found === undefined)) return damagedField(shapeField);
      // Records that were written before this field existed don't have it.
      // safeguard: bind-records-to-id
      if (bound && json.boundTo !== undefined && json.boundTo !== id) return damagedField('boundTo');
      return validate(schema, json);
    },
  };
}

/** Returns a codec that encodes records as plain text, which counts as shape 1. A later shape would be a JSON object with a shape number. */
export function textCodec<T>(schema: v.Type<T>, format: (value: T) => string = String): Codec<T> {
  return {
    encode: format,
    // safeguard: keep-texts-of-later-versions
    decode: (text) => (hasLaterShape(text) ? { state: 'other shape' } : validate(schema, text)),
  };
}

/** The part of `access/seal.ts` that is needed here. */
type Seal = {
  seal(text: string, boundTo: string): string;
  open(sealed: string, boundTo: string): { text: string } | { text: null; why: string };
};

/** Returns a codec that seals the text of another codec. The seal is bound to the kind and the id, so a copy under another id doesn't open. */
export function sealedCodec<T>(seal: Seal, kind: string, inner: Codec<T>): Codec<T> {
  return {
    encode: (value, id) => seal.seal(inner.encode(value, id), `${kind}:${id}`),

    decode(text, id) {
      const opened = seal.open(text, `${kind}:${id}`);
      if (opened.text === null)
        // safeguard: keep-unopened-sealed-records
        return hasLaterShape(text) ? { state: 'other shape' } : { state: 'unreadable', why: opened.why };
      const decoded = inner.decode(opened.text, id);
      // safeguard: keep-unparsable-sealed-records
      return decoded.state === 'damaged' ? { ...decoded, state: 'unreadable' } : decoded;
    },
  };
}

function validate<T>(schema: v.Type<T>, value: unknown): Decoded<T> {
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

function hasLaterShape(text: string): boolean {
  const shape = parseObject(text)?.shape;
  return isShape(shape) && shape > 1;
}

function parseObject(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
