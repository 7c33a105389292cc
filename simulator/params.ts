import { ApiError } from './api-error.ts';
import type { Page } from './json.ts';

/*
 * Reads queries and JSON bodies. Everything invalid is refused: Spotify corrects some of it silently, but clients shouldn't rely on
 * that.
 */

export type PageLimits = { defaultLimit: number; maxLimit: number; maxOffset: number };

/** For most lists (Spotify: `QueryLimit`). */
export const usualLimits: PageLimits = { defaultLimit: 20, maxLimit: 50, maxOffset: 100_000 };

/** Returns the part of a list that `limit` and `offset` select. Throws {@link ApiError} if one of them is invalid. */
export function paginate<T>(all: readonly T[], query: URLSearchParams, limits: PageLimits): Page<T> {
  const limit = integerParam(query, 'limit', 1, limits.maxLimit) ?? limits.defaultLimit;
  const offset = integerParam(query, 'offset', 0, limits.maxOffset) ?? 0;
  return { items: all.slice(offset, offset + limit), total: all.length, limit, offset };
}

/** Returns undefined if the parameter is absent. Throws {@link ApiError} if it isn't an integer from `min` to `max`. */
export function integerParam(
  query: URLSearchParams,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new ApiError(400, `Invalid ${name}`);
  return value;
}

/** Throws {@link ApiError} if the parameter is none of these. */
export function choiceParam<T extends string>(
  query: URLSearchParams,
  name: string,
  choices: readonly T[],
): T {
  const choice = choices.find((one) => one === query.get(name));
  if (choice === undefined) throw new ApiError(400, `Invalid ${name}`);
  return choice;
}

/** Returns the values of a comma-separated parameter, or undefined if it is absent. */
export function listParam(query: URLSearchParams, name: string): string[] | undefined {
  return query
    .get(name)
    ?.split(',')
    .map((value) => value.trim());
}

/**
 * Whether a request names a market. Which one doesn't matter: the listener's country takes precedence (Spotify: `QueryMarket`). Throws
 * {@link ApiError} for an invalid code.
 */
export function hasMarket(query: URLSearchParams): boolean {
  const market = query.get('market');
  if (market !== null && !/^[A-Z]{2}$/.test(market)) throw new ApiError(400, 'Invalid market code');
  return market !== null;
}

/** Whether a request accepts episodes as well as tracks (Spotify: "Get Playback State", `additional_types`). */
export function includesEpisodes(query: URLSearchParams): boolean {
  return (query.get('additional_types') ?? '').split(',').includes('episode');
}

/** Returns the fields of a JSON body, none for an empty one. Throws {@link ApiError} if it isn't an object. */
export function parseBody(body: unknown): Record<string, unknown> {
  if (typeof body !== 'string' || body === '') return {};
  const fields = parseJson(body);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw invalidJson();
  return fields as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidJson();
  }
}

const invalidJson = () => new ApiError(400, 'Error parsing JSON.');

type FieldTypes = { string: string; boolean: boolean; strings: string[]; index: number };
const isType: Record<keyof FieldTypes, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  strings: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  index: (value) => Number.isInteger(value) && Number(value) >= 0,
};

/** Returns undefined if the field is absent. Throws {@link ApiError} if it has another type. */
export function bodyField<Type extends keyof FieldTypes>(
  fields: Record<string, unknown>,
  name: string,
  type: Type,
): FieldTypes[Type] | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (!isType[type](value)) throw new ApiError(400, `Invalid ${name}`);
  return value as FieldTypes[Type];
}
