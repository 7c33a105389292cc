import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv, type ErrorObject } from 'ajv';
import { parse } from 'yaml';
import { type Dialect, dialects } from '../src/simulator/simulator.ts';
import { root } from './support/process.ts';
import { startTurntable, tokenOf } from './support/turntable.ts';

/*
 * What the simulator serves, and what our client sends, against the schema that Spotify publishes. The schema is not part of
 * this project: put it beside the checkout as below, or these checks are skipped.
 */
const file = join(root, '..', 'shared', 'spotify-open-api.yml');
const isThere = existsSync(file);
if (!isThere) test('contract checks', { skip: `all skipped, Spotify's schema is not at ${file}` });

type Parameter = { name: string; in: 'query' | 'path' | 'header'; required?: boolean; schema: object };
type Operation = { deprecated?: boolean; parameters?: (Parameter | { $ref: string })[] };
type Schema = { paths: Record<string, Record<string, Operation>> };

type Difference = ErrorObject & { data?: unknown };

/** Where an answer may differ from the schema, and why; anything else is a fault of the simulator’s. */
const excused: Record<string, (error: Difference, body: unknown, dialect: Dialect) => boolean> = {
  'the schema promises sizes of pictures; Spotify has none for pictures that owners chose': ({
    instancePath,
    data,
  }) => /\/images\/\d+\/(width|height)$/.test(instancePath) && data === null,
  'the schema promises a list of pictures; Spotify sends null where there are none': ({
    instancePath,
    data,
  }) => /\/images$/.test(instancePath) && data === null,
  'the schema knows no empty places in lists; Spotify sends null for playlists it does not show': ({
    instancePath,
    data,
  }) => /^\/items\/\d+$/.test(instancePath) && data === null,
  'the schema’s own words say that the field may be null, its type does not': ({ data, parentSchema }) =>
    data === null && /\bnull\b/i.test(parentSchema?.description ?? ''),
  'the same for what it describes elsewhere: what plays, its context, what is in a playlist and who added it':
    ({ instancePath, data }) => data === null && /\/(item|track|context|added_by)$/.test(instancePath),
  'gone since February 2026 for apps in Development Mode, and still required by the schema': (
    { params },
    _body,
    dialect,
  ) => dialect !== 'extended' && params.missingProperty === 'available_markets',
  'a local file is nowhere on Spotify: it has neither ids nor addresses nor dates': (
    { instancePath },
    body,
  ) => {
    const item = /^.*?\/(item|track)(?=\/)/.exec(instancePath)?.[0];
    return item !== undefined && (valueAt(body, item) as { is_local?: boolean }).is_local === true;
  },
  'reported by users: the total of a playlist is null at times': ({ instancePath, data }) =>
    /\/(items|tracks)\/total$/.test(instancePath) && data === null,
};

for (const dialect of isThere ? dialects : []) {
  test(`what our client asks stands in Spotify’s schema, and what the simulator answers keeps to it (${dialect})`, async (t) => {
    const schema = parse(readFileSync(file, 'utf8')) as Schema;
    const { differences, matches } = readerOf(schema);
    const { calls, tokens, apiUrl } = await everyCall(t, dialect);
    assert.ok(calls.length > 20);
    const problems = new Set<string>();

    for (const { method, path, query, listenerId = '' } of calls) {
      const [template, operation] = operationFor(schema, method, path);
      if (!operation) {
        problems.add(`${method} ${path} is not in the schema`);
        continue;
      }
      const call = `${method} ${template}`;
      if (operation.deprecated && dialect !== 'old') problems.add(`${call} is deprecated`);
      for (const problem of wrongQuery(operation, query)) problems.add(`${call}: ${problem}`);

      // Asked again whole: `fields` leaves out what the schema requires.
      const { fields: _fields, ...whole } = query;
      const headers = { Authorization: `Bearer ${tokens.get(listenerId)}` };
      const answer = await fetch(`${apiUrl}${path}?${new URLSearchParams(whole)}`, { headers });
      if (answer.status === 204) continue;
      for (const problem of wrongAnswer(template, method, answer.status, await answer.json())) {
        problems.add(`${call} answers ${answer.status} with ${problem}`);
      }
    }
    assert.deepEqual([...problems], []);

    function wrongQuery(operation: Operation, query: Record<string, string>): string[] {
      const parameters = (operation.parameters ?? []).map((one) => resolved(schema, one));
      const known = parameters.filter((one) => one.in === 'query');
      const unknown = Object.keys(query).filter((name) => !known.some((one) => one.name === name));
      const missing = known.filter((one) => one.required && !(one.name in query));
      const wrong = known.filter(({ name, schema }) => name in query && !matches(schema, query[name]));
      return [
        ...unknown.map((name) => `${name} is not a parameter`),
        ...missing.map(({ name }) => `${name} is missing`),
        ...wrong.map(({ name }) => `${name}=${query[name]} is not allowed`),
      ];
    }

    function wrongAnswer(template: string, method: string, status: number, body: unknown): string[] {
      return differences(template, method, status, body)
        .filter((error) => !Object.values(excused).some((applies) => applies(error, body, dialect)))
        .map(
          ({ instancePath, message }) =>
            `${instancePath.replace(/\/\d+/g, '/N') || 'a body that'} ${message}`,
        );
    }
  });
}

/** Everything our client asks the simulator while every listener visits every page, and tokens to ask it again. */
async function everyCall(t: TestContext, dialect: Dialect) {
  const { browser, simulator } = await startTurntable(t, { simulator: { dialect } });
  const tokens = new Map<string, string>();
  for (const { id } of simulator.listeners) {
    const person = browser();
    await person.signIn(id);
    tokens.set(id, await tokenOf(simulator, id));
    for (const kind of ['music', 'episode', 'ad', 'local', 'nothing', 'private', 'unknown'] as const) {
      simulator.plays(id, { kind });
      await person.get('/now-playing').expect(200);
    }
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const { body } = await person.getJson(`/playlists?page=${page}`).expect(200);
      pages = body.pages;
      for (const playlist of body.playlists) await person.get(`/playlists/${playlist.id}`).expect(200);
    }
  }
  const calls = simulator.calls.filter(({ service }) => service === 'api');
  return {
    calls: calls.map((call) => ({ ...call, path: call.path.replace('/v1', '') })),
    tokens,
    apiUrl: simulator.apiUrl,
  };
}

/** The path with its placeholders that a call goes by; one spelt out goes before one with placeholders. */
function operationFor(schema: Schema, method: string, path: string): [string, Operation | undefined] {
  const fits = (template: string) => new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path);
  const templates = Object.keys(schema.paths).filter(fits);
  const template = templates.find((one) => one === path) ?? templates[0] ?? '';
  return [template, schema.paths[template]?.[method.toLowerCase()]];
}

function resolved(schema: Schema, parameter: Parameter | { $ref: string }): Parameter {
  if (!('$ref' in parameter)) return parameter;
  return valueAt(schema, parameter.$ref.slice(1)) as Parameter;
}

function valueAt(body: unknown, path: string): unknown {
  return path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], body);
}

/** The schema says "one of" track and episode; said by `type`, only what is wrong with the right one of them is told. */
function toldByType(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toldByType);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { oneOf, ...rest } = schema as { oneOf?: { $ref?: string }[] };
  const told = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, toldByType(value)]));
  if (!oneOf) return told;
  const [track, episode] = ['Track', 'Episode'].map((kind) =>
    oneOf.find(({ $ref }) => $ref?.endsWith(`/${kind}Object`)),
  );
  if (!track || !episode || oneOf.length !== 2) return { ...told, oneOf };
  const isEpisode = { type: 'object', properties: { type: { const: 'episode' } }, required: ['type'] };
  // By entries: an object with a property of this name would be taken for a promise.
  const choice = Object.entries({ if: isEpisode, else: track }).concat([['then', episode]]);
  return { ...told, ...Object.fromEntries(choice) };
}

function readerOf(schema: Schema) {
  const options = {
    strict: false,
    validateFormats: false,
    allErrors: true,
    verbose: true,
    logger: false,
  } as const;
  const whole = new Ajv(options).addSchema(toldByType(schema) as object, 'spotify');
  const values = new Ajv({ ...options, coerceTypes: true });
  return {
    /** How the body of an answer differs from what the schema says of it. */
    differences(template: string, method: string, status: number, body: unknown): Difference[] {
      const path = template.replaceAll('~', '~0').replaceAll('/', '~1');
      const place = `/paths/${path}/${method.toLowerCase()}/responses/${status}`;
      const listed = (valueAt(schema, place) as { $ref?: string } | undefined)?.$ref?.slice(1) ?? place;
      // Not every refusal is listed for every call, but all have one shape.
      const response = status >= 400 ? '/components/responses/Forbidden' : listed;
      const validate = whole.compile({
        $ref: `spotify#${encodeURI(response)}/content/application~1json/schema`,
      });
      validate(body);
      // What is wrong with the chosen one of two is told by itself.
      return (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if');
    },
    /** Whether a value from a query, a text, is one that the schema of its parameter allows. */
    matches: (of: object, value: string | undefined) => values.validate(of, value),
  };
}
