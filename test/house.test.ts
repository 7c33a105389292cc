import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { root } from './support/process.ts';
import { lostPromises } from './support/promises.ts';

/*
 * The dependency rule: arrows only point down this list, and folders on one line never import each other. Files in src/
 * itself are named; the folders stand for all that is in them.
 */
const floors = [
  ['main.ts', 'demo.ts', 'dev.ts', 'doctor.ts'],
  ['app.ts'],
  ['parts.ts'],
  ['pages'],
  ['live'],
  ['web'],
  ['checks'],
  ['access'],
  ['ops', 'redis', 'spotify', 'simulator'],
  ['config.ts'],
  ['settings'],
];
const entries = ['main.ts', 'demo.ts', 'dev.ts', 'doctor.ts'];
const mayImport: Record<string, RegExp> = {
  express: /^(app\.ts|pages\/|web\/|live\/stream\.ts|ops\/|simulator\/)/,
  ioredis: /^redis\//,
  axios: /^spotify\/http\.ts$/,
};

type Module = { path: string; source: string };
type Import = { of: string; typeOnly: boolean };

test('the house stands as it was drawn', (t) => {
  const modules = readModules();
  t.diagnostic(`${modules.length} modules read`);

  assert.ok(modules.length > 30);
  assert.deepEqual(violations(modules), []);
});

const planted: [string, Module, RegExp][] = [
  [
    'an arrow that points up',
    { path: 'access/x.ts', source: "import { cover } from '../web/views.ts';" },
    /access\/x\.ts imports web/,
  ],
  [
    'a type that points up',
    { path: 'access/x.ts', source: "import type { Log } from '../web/views.ts';" },
    /access\/x\.ts imports web/,
  ],
  [
    'a neighbour',
    { path: 'spotify/x.ts', source: "import { createLog } from '../ops/log.ts';" },
    /spotify\/x\.ts imports ops/,
  ],
  [
    'a page in a page',
    { path: 'pages/x/x.ts', source: "export * from '../home/home.ts';" },
    /pages\/x\/x\.ts imports another page/,
  ],
  [
    'the simulator in the product',
    { path: 'app.ts', source: "await import('./simulator/simulator.ts');" },
    /only the demo/,
  ],
  [
    'ours in the simulator',
    { path: 'simulator/x.ts', source: "import '../config.ts';" },
    /simulator\/x\.ts imports config/,
  ],
  [
    'express below',
    { path: 'access/x.ts', source: "import express from 'express';" },
    /access\/x\.ts imports express/,
  ],
  [
    'Redis made elsewhere',
    { path: 'access/x.ts', source: "import { Redis } from 'ioredis';" },
    /access\/x\.ts imports ioredis/,
  ],
  ['axios elsewhere', { path: 'web/x.ts', source: "import axios from 'axios';" }, /web\/x\.ts imports axios/],
  [
    'process elsewhere',
    { path: 'web/x.ts', source: 'export const x = () => process.env.X;' },
    /web\/x\.ts uses process/,
  ],
  [
    'process by import',
    { path: 'web/x.ts', source: "import process from 'node:process';" },
    /web\/x\.ts uses process/,
  ],
  ['a circle', { path: 'web/security.ts', source: "import './x.ts';" }, /in a circle: .*web\/security\.ts/],
];

for (const [what, module, found] of planted) {
  test(`the check finds ${what}`, () => {
    const others = readModules().filter(({ path }) => path !== module.path);
    const back = { path: 'web/x.ts', source: "import './security.ts';" };
    assert.match(violations([...others, ...(what === 'a circle' ? [back] : []), module]).join('\n'), found);
  });
}

test('no promise is left to itself, and no failure is swallowed without a comment that says why', () => {
  assert.deepEqual(lostPromises(), []);
});

const lost: [string, string, string][] = [
  ['a promise that nothing awaits', 'later();', 'a promise that nothing awaits'],
  ['one of a library', "redis.del('a');", 'a promise that nothing awaits'],
  ['one that void hides', 'void later();', 'a promise that nothing awaits'],
  ['one that is begun in passing', 'setInterval(() => void later(), 9);', 'a promise that nothing awaits'],
  ['one with half a handler', 'later().then(() => 1);', 'a promise that nothing awaits'],
  ['a comment in place of a handler', 'later(); // Nobody waits.', 'a promise that nothing awaits'],
  ['a failure that is swallowed', 'await later().catch(() => undefined);', 'a failure swallowed'],
  ['one that is swallowed in passing', 'later().catch(() => undefined);', 'a failure swallowed'],
  ['an async page in res.format', 'res.format({ async html() {} });', 'an async function for res.format'],
  ['one as an arrow', 'res.format({ html: async () => {} });', 'an async function for res.format'],
  ['an async handler of an event', "redis.on('ready', async () => {});", 'an async function for something'],
  ['an async timer', 'setTimeout(async () => {}, 9);', 'an async function for something'],
  ['an async callback of a view', "res.render('a', {}, async () => {});", 'an async function for something'],
  ['an async step of a loop', '[1].forEach(async () => {});', 'an async function for something'],
];

test('the check of promises finds each way to lose one', () => {
  const before = `
import type { Response } from 'express';
import type { Redis } from 'ioredis';
declare const res: Response, redis: Redis;
declare function later(): Promise<void>;
`;
  const planted = lost.map(([, line], index) => `export async function lost${index}() { ${line} }\n`);
  const found = lostPromises({ 'web/robots.ts': before + planted.join('') });

  for (const [index, [what, , why]] of lost.entries()) {
    const place = `web/robots.ts:${before.split('\n').length + index} ${why}`;
    assert.ok(
      found.some((one) => one.startsWith(place)),
      `${what}: ${place} is not in\n${found.join('\n')}`,
    );
  }
});

test('src/ needs only what an installation without development packages has', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packages = readModules()
    .flatMap(({ source }) => importsOf(source))
    .filter(({ of, typeOnly }) => !of.startsWith('.') && !of.startsWith('node:') && !typeOnly)
    // The package of "name/part" or "@scope/name/part".
    .map(({ of }) => /^(@[^/]+\/)?[^/]+/.exec(of)?.[0] ?? of);

  assert.deepEqual(
    [...new Set(packages)].filter((one) => !(one in dependencies)),
    [],
  );
  assert.deepEqual(
    Object.keys(dependencies).filter((one) => !packages.includes(one)),
    [],
    'none is there for nothing',
  );
});

test('the check leaves alone what is allowed', () => {
  const fine = {
    path: 'access/x.ts',
    source:
      "import type { Redis } from 'ioredis';\n// process.env in a comment\nexport const said = 'process.env';",
  };
  assert.deepEqual(violations([...readModules(), fine]), []);
});

function readModules(): Module[] {
  const src = join(root, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path: path.replaceAll('\\', '/'), source: readFileSync(join(src, path), 'utf8') }));
}

function violations(modules: Module[]): string[] {
  const found: string[] = [];
  for (const { path, source } of modules) {
    const from = floorOf(path);
    if (from < 0) found.push(`${path} stands on no floor`);
    if (
      !entries.includes(path) &&
      /(?<![\w.'"])process\s*[.[]|['"]node:process['"]/.test(withoutCommentsAndTexts(source))
    ) {
      found.push(`${path} uses process, which only entries may`);
    }
    for (const { of, typeOnly } of importsOf(source)) {
      const allowed = mayImport[of];
      if (allowed && !allowed.test(path) && !(of === 'ioredis' && typeOnly))
        found.push(`${path} imports ${of}`);
      if (!of.startsWith('.')) continue;

      const target = normalize(join(dirname(path), of)).replaceAll('\\', '/');
      const to = floorOf(target);
      if (target.startsWith('simulator/') && !path.startsWith('simulator/') && !entries.includes(path)) {
        found.push(`${path} imports the simulator, which only the demo and dev.ts may`);
      }
      if (path.startsWith('simulator/') && !target.startsWith('simulator/'))
        found.push(`${path} imports ${target}`);
      if (roomOf(path) === roomOf(target)) {
        if (roomOf(path) === 'pages' && pageOf(path) !== pageOf(target))
          found.push(`${path} imports another page`);
      } else if (to <= from) {
        found.push(`${path} imports ${target}, which does not lie below it`);
      }
    }
  }
  return [...found, ...circles(modules)];
}

function circles(modules: Module[]): string[] {
  const arrows = new Map(
    modules.map(({ path, source }) => {
      const ours = importsOf(source).filter(({ of }) => of.startsWith('.'));
      return [path, ours.map(({ of }) => normalize(join(dirname(path), of)).replaceAll('\\', '/'))];
    }),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: string[]): void => {
    if (way.includes(path)) found.push(`in a circle: ${[...way.slice(way.indexOf(path)), path].join(' > ')}`);
    if (way.includes(path) || done.has(path)) return;
    for (const next of arrows.get(path) ?? []) walk(next, [...way, path]);
    done.add(path);
  };
  for (const path of arrows.keys()) walk(path, []);
  return found;
}

function importsOf(source: string): Import[] {
  const statements =
    /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...source.matchAll(statements)].map(([, type, from, bare, dynamic]) => ({
    of: from ?? bare ?? dynamic ?? '',
    typeOnly: type !== undefined,
  }));
}

function withoutCommentsAndTexts(source: string): string {
  const imports = /['"]node:process['"]/.test(source) ? "'node:process'" : '';
  return (
    source
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/(?<!:)\/\/.*$/gm, '')
      .replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''") + imports
  );
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function pageOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function floorOf(path: string): number {
  return floors.findIndex((rooms) => rooms.includes(roomOf(path)));
}
