import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv, type ErrorObject } from 'ajv';
import { parse } from 'yaml';
import { type ApiVersion, apiVersions } from '../simulator/simulator.ts';
import { startTestSimulator } from '../simulator/test/start-test-simulator.ts';
import { recordAllCalls } from './support/all-calls.ts';
import { root } from './support/process.ts';

/*
 * Checks what the simulator serves, and what our client sends, against the schema that Spotify publishes. The schema is not part of
 * this project: put it next to the checkout as below, or these checks are skipped.
 */
const file = join(root, '..', 'shared', 'spotify-open-api.yml');
const isThere = existsSync(file);
if (!isThere) test('contract checks', { skip: `all skipped, Spotify's schema is not at ${file}` });

type Parameter = { name: string; in: 'query' | 'path' | 'header'; required?: boolean; schema: object };
type Operation = {
  deprecated?: boolean;
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { content?: Record<string, { schema: { properties: object; required?: string[] } }> };
  responses: Record<string, unknown>;
};
type Schema = { paths: Record<string, Record<string, Operation>> };

type Difference = ErrorObject & { data?: unknown };

/** The answers that may differ from the schema, and why; anything else is a fault of the simulator. */
const excused: Record<string, (error: Difference, body: unknown, apiVersion: ApiVersion) => boolean> = {
  'the schema promises a list of pictures; Spotify sends null where there are none': ({
    instancePath,
    data,
  }) => /\/images$/.test(instancePath) && data === null,
  'the schema knows no empty places in lists; Spotify sends null for playlists it does not show': ({
    instancePath,
    data,
  }) => /^(\/playlists)?\/items\/\d+$/.test(instancePath) && data === null,
  'the schema’s own words say that the field may be null, its type does not': ({ data, parentSchema }) =>
    data === null && /\bnull\b/i.test(parentSchema?.description ?? ''),
  'the same for objects described elsewhere: the playing item, its context, playlist items and who added them':
    ({ instancePath, data }) => data === null && /\/(item|track|context|added_by)$/.test(instancePath),
  'gone since February 2026 for apps in Development Mode, and still required by the schema': (
    { keyword, params },
    _body,
    apiVersion,
  ) => apiVersion === '2026-02' && keyword === 'required' && removedFields.has(params.missingProperty),
  'a local file is nowhere on Spotify: it has neither ids nor addresses nor dates, and its album no tracks': (
    { instancePath, data, keyword, params },
    body,
  ) => {
    const item = /^.*?\/(item|track)(?=\/)/.exec(instancePath)?.[0];
    if (item === undefined || (valueAt(body, item) as { is_local?: boolean }).is_local !== true) return false;
    return data === null || (keyword === 'required' && params.missingProperty === 'total_tracks');
  },
  'reported by users: a page of plays that is empty has no cursors': ({ instancePath, data }) =>
    instancePath === '/cursors' && data === null,
  'reported by users: the total of a playlist is null at times': ({ instancePath, data }) =>
    /\/(items|tracks)\/total$/.test(instancePath) && data === null,
};

/** Answers without a body that the schema does not list, though they occur (GitHub: thelinmichael/spotify-web-api-node#176). */
const unlisted = new Set(['GET /me/player/currently-playing 204']);

/** Spotify's "February 2026 Web API changes". */
const removedFields = new Set(['available_markets', 'popularity', 'label', 'publisher', 'followers']);

for (const apiVersion of isThere ? apiVersions : []) {
  test(`our client’s requests follow Spotify’s schema (${apiVersion})`, async (t) => {
    const schema = parse(readFileSync(file, 'utf8')) as Schema;
    const { matches, fits } = readerOf(schema);
    const properties = namesIn(schema);
    const calls = await recordAllCalls(t, apiVersion);
    assert.ok(calls.length > 200);
    const problems = new Set<string>();

    for (const { method, path, query, body } of calls) {
      const [template, operation] = operationFor(schema, method, path);
      if (!operation) {
        problems.add(`${method} ${path} is not in the schema`);
        continue;
      }
      if (operation.deprecated && apiVersion !== 'legacy')
        problems.add(`${method} ${template} is deprecated`);
      for (const problem of [...wrongQuery(operation, query), ...wrongBody(operation, body)])
        problems.add(`${method} ${template}: ${problem}`);
    }
    assert.deepEqual([...problems], []);

    function wrongQuery(operation: Operation, query: Record<string, string>): string[] {
      const parameters = (operation.parameters ?? []).map((one) => resolved(schema, one));
      const known = parameters.filter((one) => one.in === 'query');
      const unknown = Object.keys(query).filter((name) => !known.some((one) => one.name === name));
      const missing = known.filter((one) => one.required && !(one.name in query));
      const wrong = known.filter(
        ({ name, schema }) => name in query && !matches(schema, listed(schema, query[name])),
      );
      const fields = (query.fields?.match(/\w+/g) ?? []).filter((name) => !properties.has(name));
      return [
        ...unknown.map((name) => `${name} is not a parameter`),
        ...missing.map(({ name }) => `${name} is missing`),
        ...wrong.map(({ name }) => `${name}=${query[name]} is not allowed`),
        ...fields.map((name) => `no object has a field ${name}`),
      ];
    }

    function wrongBody({ requestBody }: Operation, body: Record<string, unknown> | null): string[] {
      const schema = requestBody?.content?.['application/json']?.schema;
      if (body === null) return schema?.required ? ['a body is missing'] : [];
      if (!schema) return ['it takes no body'];
      const unknown = Object.keys(body).filter((name) => !(name in schema.properties));
      return [
        ...unknown.map((name) => `${name} is not a field of its body`),
        ...(fits(schema, body) ? [] : [`${JSON.stringify(body)} is no body for it`]),
      ];
    }
  });

  test(`the simulator’s answers follow Spotify’s schema (${apiVersion})`, async (t) => {
    const schema = parse(readFileSync(file, 'utf8')) as Schema;
    const { differences } = readerOf(schema);
    const problems = new Set<string>();
    const used = new Set<string>();

    const answers = await everyAnswer(t, apiVersion, (method, path, status, body) => {
      const [template, operation] = operationFor(schema, method, path);
      const answer = `${method} ${template} ${status}`;
      if (body === null) {
        if (!operation?.responses[status] && !unlisted.has(answer)) problems.add(`${answer} is not listed`);
        return;
      }
      for (const error of differences(template, method, status, body)) {
        const why = Object.keys(excused).find((one) => excused[one]?.(error, body, apiVersion));
        if (why) used.add(why);
        else problems.add(`${answer} with ${described(error)}`);
      }
    });

    assert.ok(answers > 300);
    assert.deepEqual([...problems], []);
    // In development every exception is needed; an unused one would only hide faults.
    if (apiVersion === '2026-02') assert.deepEqual([...used].sort(), Object.keys(excused).sort());
  });
}

function described({ instancePath, message, data }: Difference): string {
  return `${instancePath.replace(/\/\d+/g, '/N') || 'a body that'} ${message} (${JSON.stringify(data)?.slice(0, 40)})`;
}

type Found = { type?: string; id?: string | null; next?: string | null };

/** Requests everything the simulator has, in every state, then makes every change; returns how many answers there were. */
async function everyAnswer(
  t: TestContext,
  apiVersion: ApiVersion,
  check: (method: string, path: string, status: number, body: unknown) => void,
): Promise<number> {
  const { simulator, signIn, send } = await startTestSimulator(t, { apiVersion });
  const contents = apiVersion === 'legacy' ? 'tracks' : 'items';
  const things = new Map<string, Set<string>>();
  let answers = 0;

  for (const { id } of simulator.listeners) {
    const { access } = await signIn(id);
    const call = async (method: string, url: string, given?: object): Promise<Found | null> => {
      const { pathname } = new URL(url.startsWith('http') ? url : simulator.apiUrl + url);
      const { status, body } = await send<Found | null>(method, url, access, given);
      answers += 1;
      check(method, pathname.replace('/v1', ''), status, body);
      note(body, things);
      return body;
    };
    const ask = (url: string) => call('GET', url);
    const askAll = async (url: string) => {
      for (let next: string | null = url; next; ) next = (await ask(next))?.next ?? null;
    };

    for (const kind of ['music', 'episode', 'ad', 'local', 'nothing', 'private', 'unknown'] as const) {
      simulator.plays(id, { kind });
      for (const query of ['', '?additional_types=track,episode']) {
        await ask(`/me/player${query}`);
        await ask(`/me/player/currently-playing${query}`);
      }
      await ask('/me/player/devices');
    }
    await ask('/me');
    await askAll('/me/playlists?limit=50');
    for (const playlist of things.get('playlist') ?? []) {
      await ask(`/playlists/${playlist}?additional_types=track,episode`);
      await askAll(`/playlists/${playlist}/${contents}?limit=50&additional_types=track,episode&market=DE`);
    }
    await askAll('/me/player/recently-played');
    for (const range of ['short_term', 'medium_term', 'long_term']) {
      await askAll(`/me/top/artists?time_range=${range}`);
      await askAll(`/me/top/tracks?time_range=${range}&limit=50`);
    }
    await askAll('/me/tracks?limit=50');
    for (const words of ['a', 'o', 'night'])
      await ask(`/search?q=${words}&type=artist,track,album,playlist,show,episode,audiobook&limit=10`);
    await ask('/tracks/0000000000000000000000');
    for (const kind of ['track', 'album', 'artist', 'show', 'episode']) {
      for (const thing of [...(things.get(kind) ?? [])].slice(0, 40)) await ask(`/${kind}s/${thing}`);
    }

    await changeEverything(id, call);
  }
  return answers;

  async function changeEverything(
    id: string,
    call: (method: string, url: string, given?: object) => Promise<Found | null>,
  ): Promise<void> {
    simulator.plays(id, { kind: 'music' });
    for (const way of [
      'PUT pause',
      'PUT pause',
      'PUT play',
      'POST next',
      'POST previous',
      'POST next?device_id=x',
    ]) {
      const [method = '', command] = way.split(' ');
      await call(method, `/me/player/${command}`);
    }
    await call('PUT', '/me/player', { device_ids: ['none'] });
    await call('GET', '/me/player');

    const ids = [...(things.get('track') ?? [])].slice(0, 3);
    const uris = ids.map((one) => `spotify:track:${one}`);
    const own = { name: 'New', public: false, description: '"quoted"' };
    for (const names of ['legacy', '2026-02']) {
      const [first, inside] =
        names === 'legacy' ? [`/users/${id}/playlists`, 'tracks'] : ['/me/playlists', 'items'];
      const library = names === 'legacy' ? `/me/tracks?ids=${ids}` : `/me/library?uris=${uris}`;
      await call('PUT', library);
      await call('GET', library.replace('?', '/contains?'));
      await call('DELETE', library);
      await call('PUT', library.replace(/\?.*/, ''));

      const playlist = (await call('POST', first, own))?.id ?? 'none';
      await call('POST', `/playlists/${playlist}/${inside}`, { uris });
      const items = uris.map((uri) => ({ uri }));
      await call('DELETE', `/playlists/${playlist}/${inside}`, { [inside]: items.slice(1) });
      await call('DELETE', `/playlists/${playlist}/${inside}`, { [inside]: items, snapshot_id: 'none' });
      await call('PUT', `/playlists/${playlist}`, { name: 'Newer' });
      await call('GET', `/playlists/${playlist}`);
    }
    await call('GET', '/me/playlists');
  }
}

/** Records the ids of everything in an answer, by its kind. */
function note(value: unknown, things: Map<string, Set<string>>): void {
  if (typeof value !== 'object' || value === null) return;
  const { type, id } = value as Found;
  if (typeof type === 'string' && id) things.set(type, (things.get(type) ?? new Set()).add(id));
  for (const inner of Object.values(value)) note(inner, things);
}

/** The path with placeholders that a call matches; a literal path comes before one with placeholders. */
function operationFor(schema: Schema, method: string, path: string): [string, Operation | undefined] {
  const fits = (template: string) => new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path);
  const templates = Object.keys(schema.paths).filter(fits);
  const template = templates.find((one) => one === path) ?? templates[0] ?? '';
  return [template, schema.paths[template]?.[method.toLowerCase()]];
}

/** A query value in the form of the schema: several are separated by commas. */
function listed(schema: { type?: string }, value: string | undefined): unknown {
  return schema.type === 'array' ? value?.split(',') : value;
}

function resolved(schema: Schema, parameter: Parameter | { $ref: string }): Parameter {
  if (!('$ref' in parameter)) return parameter;
  return valueAt(schema, parameter.$ref.slice(1)) as Parameter;
}

/** The names of all properties of all objects of the schema. */
function namesIn(schema: unknown, names = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return names;
  for (const [name, inner] of Object.entries(schema)) {
    if (name === 'properties' && typeof inner === 'object')
      for (const one of Object.keys(inner ?? {})) names.add(one);
    namesIn(inner, names);
  }
  return names;
}

function valueAt(body: unknown, path: string): unknown {
  return path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], body);
}

/** The schema says "one of" track and episode; with a discriminator on `type`, only errors about the right one are reported. */
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
  // As entries: an object with a property of this name would be mistaken for a promise.
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
    /** How the body of an answer differs from its schema. */
    differences(template: string, method: string, status: number, body: unknown): Difference[] {
      const path = template.replaceAll('~', '~0').replaceAll('/', '~1');
      const place = `/paths/${path}/${method.toLowerCase()}/responses/${status}`;
      const listed = (valueAt(schema, place) as { $ref?: string } | undefined)?.$ref?.slice(1) ?? place;
      // Not every error is listed for every call, but all have one shape.
      const response = status >= 400 ? '/components/responses/Forbidden' : listed;
      const validate = whole.compile({
        $ref: `spotify#${encodeURI(response)}/content/application~1json/schema`,
      });
      validate(body);
      // Errors in the chosen alternative are reported separately.
      return (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if');
    },
    /** Whether a query value, one text or several, is allowed by the schema of its parameter. */
    matches: (of: object, value: unknown) => values.validate(of, value),
    /** Whether a body is allowed by the schema. */
    fits: (of: object, body: object) => new Ajv(options).validate(of, body),
  };
}
