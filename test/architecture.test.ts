import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { root } from './support/process.ts';
import { promiseProblems } from './support/promise-check.ts';
import { sizeProblems } from './support/size-check.ts';

/*
 * The import rule: imports only point down this list, and folders on one line never import each other. Paths are relative to the root of
 * the project; a folder stands for everything in it.
 */
const layers = [
  ['src/start.mjs'],
  ['src/main.ts', 'src/doctor.ts'],
  ['src/site.ts'],
  ['src/app.ts'],
  ['src/parts.ts'],
  ['src/pages'],
  ['src/live'],
  ['src/web'],
  ['src/checks'],
  ['src/access'],
  ['src/ops', 'src/redis', 'src/spotify'],
  ['src/config.ts', 'src/routes.ts'],
  ['src/settings', 'src/waiting.ts'],
];
/** Entry points, the only files that may use `process`. */
const entries = /^(src\/(start\.mjs|(main|doctor)\.ts)|dev\/\w+\.ts)$/;
/** May import anything of the product and the simulator; `dev` is imported by nothing. */
const developerOnly = /^(test|simulator\/test|bench|docs)\//;
const mayImport: Record<string, RegExp> = {
  express: /^(src\/(app\.ts|pages\/|web\/|live\/sse\.ts|ops\/)|simulator\/)/,
  ioredis: /^src\/redis\//,
  axios: /^src\/spotify\/http\.ts$/,
};

type Module = { path: string; source: string };
type Import = { of: string; typeOnly: boolean };

test('imports only point down', (t) => {
  const modules = readModules();
  t.diagnostic(`${modules.length} modules read`);

  assert.ok(modules.length > 250);
  assert.deepEqual(violations(modules), []);
});

const planted: [string, Module, RegExp][] = [
  [
    'an import that points up',
    { path: 'src/access/x.ts', source: "import { cover } from '../web/views.ts';" },
    /src\/access\/x\.ts imports src\/web/,
  ],
  [
    'a type imported from above',
    { path: 'src/access/x.ts', source: "import type { Log } from '../web/views.ts';" },
    /src\/access\/x\.ts imports src\/web/,
  ],
  [
    'an import from a folder on the same line',
    { path: 'src/spotify/x.ts', source: "import { createLog } from '../ops/log.ts';" },
    /src\/spotify\/x\.ts imports src\/ops/,
  ],
  [
    'a page imported by another page',
    { path: 'src/pages/x/x.ts', source: "export * from '../home/home.ts';" },
    /src\/pages\/x\/x\.ts imports another page/,
  ],
  [
    'the simulator in the product',
    { path: 'src/app.ts', source: "await import('../simulator/simulator.ts');" },
    /src\/app\.ts imports simulator/,
  ],
  [
    'the product in the simulator',
    { path: 'simulator/x.ts', source: "import '../src/config.ts';" },
    /simulator\/x\.ts imports src\/config/,
  ],
  [
    'the demo in a test',
    { path: 'test/x.ts', source: "import '../dev/demo.ts';" },
    /test\/x\.ts imports dev\/demo/,
  ],
  [
    'a test in the product',
    { path: 'src/web/x.ts', source: "import '../../test/support/clock.ts';" },
    /src\/web\/x\.ts imports test/,
  ],
  [
    'express in a lower layer',
    { path: 'src/access/x.ts', source: "import express from 'express';" },
    /src\/access\/x\.ts imports express/,
  ],
  [
    'ioredis outside redis/',
    { path: 'src/access/x.ts', source: "import { Redis } from 'ioredis';" },
    /src\/access\/x\.ts imports ioredis/,
  ],
  [
    'axios outside spotify/http.ts',
    { path: 'src/web/x.ts', source: "import axios from 'axios';" },
    /src\/web\/x\.ts imports axios/,
  ],
  [
    'process outside the entries',
    { path: 'src/web/x.ts', source: 'export const x = () => process.env.X;' },
    /src\/web\/x\.ts uses process/,
  ],
  [
    'process as an import',
    { path: 'src/web/x.ts', source: "import process from 'node:process';" },
    /src\/web\/x\.ts uses process/,
  ],
  [
    'process taken apart',
    { path: 'src/web/x.ts', source: 'const { env } = process;' },
    /src\/web\/x\.ts uses process/,
  ],
  [
    'process under its global',
    { path: 'src/web/x.ts', source: 'export const x = globalThis.process;' },
    /src\/web\/x\.ts uses process/,
  ],
  [
    'a part of process as an import',
    { path: 'src/web/x.ts', source: "import { env } from 'process';" },
    /src\/web\/x\.ts uses process/,
  ],
  [
    'an import by a template',
    { path: 'src/access/x.ts', source: 'await import(`../web/views.ts`);' },
    /src\/access\/x\.ts imports src\/web/,
  ],
  [
    'an import that shares its line',
    { path: 'src/access/x.ts', source: "const one = 1; import '../web/views.ts';" },
    /src\/access\/x\.ts imports src\/web/,
  ],
  [
    'an import in a module of JavaScript',
    { path: 'src/access/x.mjs', source: "import '../web/views.ts';" },
    /src\/access\/x\.mjs imports src\/web/,
  ],
  [
    'a cycle',
    { path: 'src/web/security.ts', source: "import './x.ts';" },
    /import cycle: .*src\/web\/security\.ts/,
  ],
];

for (const [what, module, found] of planted) {
  test(`the import check finds ${what}`, () => {
    const others = readModules().filter(({ path }) => path !== module.path);
    const back = { path: 'src/web/x.ts', source: "import './security.ts';" };
    assert.match(violations([...others, ...(what === 'a cycle' ? [back] : []), module]).join('\n'), found);
  });
}

/** A link to a file, or the name of a folder. */
const paths = /\]\(([\w./-]+)\)|`([\w-]+\/[\w./-]*)`/g;

test('ARCHITECTURE.md names files and folders that exist', () => {
  const named = [...readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').matchAll(paths)];

  assert.ok(named.length > 20);
  assert.deepEqual(
    named.map(([, link, folder]) => link ?? folder ?? '').filter((path) => !existsSync(join(root, path))),
    [],
  );
});

test('ARCHITECTURE.md has at least ten typical changes, each with one to three places to look', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const changes = [...text.matchAll(/^\| (?!change |---)(.+?) \| (.+) \|$/gm)].map(
    ([, change, look = '']) => ({
      change,
      count: [...look.matchAll(paths)].length,
    }),
  );

  assert.ok(changes.length >= 10);
  assert.deepEqual(
    changes.filter(({ count }) => count < 1 || count > 3),
    [],
  );
});

// fault: unawaited-promise
test('no promise is left unhandled, and no failure is swallowed without a comment that says why', () => {
  assert.deepEqual(promiseProblems(), []);
});

const lost: [string, string, string][] = [
  ['a promise that nothing awaits', 'later();', 'a promise that nothing awaits'],
  ['one of a library', "redis.del('a');", 'a promise that nothing awaits'],
  ['one that void hides', 'void later();', 'a promise that nothing awaits'],
  ['one that is begun in passing', 'setInterval(() => void later(), 9);', 'a promise that nothing awaits'],
  ['one with half a handler', 'later().then(() => 1);', 'a promise that nothing awaits'],
  ['a comment in place of a handler', 'later(); // No one waits.', 'a promise that nothing awaits'],
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
  const found = promiseProblems({ 'src/web/robots.ts': before + planted.join('') });

  for (const [index, [what, , why]] of lost.entries()) {
    const place = `src/web/robots.ts:${before.split('\n').length + index} ${why}`;
    assert.ok(
      found.some((one) => one.startsWith(place)),
      `${what}: ${place} is not in\n${found.join('\n')}`,
    );
  }
});

test('files have at most 300 lines, functions 80, factories 120', () => {
  assert.deepEqual(sizeProblems(), []);
});

test('the size check finds a file and functions that are too long', () => {
  const body = (lines: number) => 'x();\n'.repeat(lines);
  const functions = [
    `function long() {\n${body(79)}}`,
    `const short = () => {\n${body(78)}};`,
    `function createLong() {\n${body(118)}}`,
  ];

  const found = sizeProblems({
    'src/web/robots.ts': body(301),
    'src/web/locale.ts': functions.join('\n'),
    'src/web/paging.ts': `const robotsPages = () => {\n${body(119)}};`,
  });

  assert.deepEqual(found.toSorted(), [
    'src/web/locale.ts:1 long has 81 lines; the limit is 80',
    'src/web/paging.ts:1 robotsPages has 121 lines; the limit is 120',
    'src/web/robots.ts has 301 lines; the limit is 300',
  ]);
});

test('the product, the demo and the simulator run without development packages', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packages = readModules()
    .filter(({ path }) => !developerOnly.test(path))
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

test('the import check accepts a type of ioredis, and process in comments and strings', () => {
  const fine = {
    path: 'src/access/x.ts',
    source:
      "import type { Redis } from 'ioredis';\n// process.env in a comment\nexport const text = 'process.env';",
  };
  assert.deepEqual(violations([...readModules(), fine]), []);
});

function readModules(): Module[] {
  return ['src', 'simulator', 'dev', 'test', 'bench', 'docs'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .map((path) => join(folder, path).replaceAll('\\', '/'))
      .map((path) => ({ path, source: readFileSync(join(root, path), 'utf8') })),
  );
}

function violations(modules: Module[]): string[] {
  const found = modules.flatMap(({ path, source }) => [
    ...packageViolations(path, source),
    ...importsOf(source)
      .filter(({ of }) => of.startsWith('.'))
      .map(({ of }) => targetOf(path, of))
      .flatMap((target) => importViolation(path, target) ?? []),
  ]);
  return [...found, ...cycles(modules)];
}

function packageViolations(path: string, source: string): string[] {
  if (developerOnly.test(path)) return [];
  const usesProcess =
    /(?<![\w.])process\b(?!\s*:)|globalThis\s*\.\s*process\b/.test(withoutCommentsAndTexts(source)) ||
    importsOf(source).some(({ of }) => /^(node:)?process$/.test(of));
  const imports = importsOf(source)
    .filter(({ of, typeOnly }) => !(of === 'ioredis' && typeOnly))
    .filter(({ of }) => mayImport[of] && !mayImport[of].test(path))
    .map(({ of }) => `${path} imports ${of}`);
  if (usesProcess && !entries.test(path)) imports.push(`${path} uses process, which only entries may`);
  return imports;
}

/** The rule that this import of ours breaks, or null. */
function importViolation(path: string, target: string): string | null {
  const violation = `${path} imports ${target}`;
  if (target.startsWith('dev/') && !path.startsWith('dev/')) return violation;
  if (developerOnly.test(path) || path.startsWith('dev/')) return null;
  if (path.startsWith('simulator/')) return target.startsWith('simulator/') ? null : violation;

  const from = layerOf(path);
  if (from < 0) return `${path} belongs to no layer`;
  if (folderOf(path) !== folderOf(target)) {
    return layerOf(target) > from ? null : `${violation}, which isn't below it`;
  }
  const isOtherPage = folderOf(path) === 'src/pages' && path.split('/')[2] !== target.split('/')[2];
  return isOtherPage ? `${path} imports another page` : null;
}

function cycles(modules: Module[]): string[] {
  const imports = new Map(
    modules.map(({ path, source }) => {
      const ours = importsOf(source).filter(({ of }) => of.startsWith('.'));
      return [path, ours.map(({ of }) => targetOf(path, of))];
    }),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: string[]): void => {
    if (way.includes(path))
      found.push(`import cycle: ${[...way.slice(way.indexOf(path)), path].join(' > ')}`);
    if (way.includes(path) || done.has(path)) return;
    for (const next of imports.get(path) ?? []) walk(next, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) walk(path, []);
  return found;
}

function importsOf(source: string): Import[] {
  const statements =
    /(?:^|;)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*['"]([^'"]+)['"]|(?:^|;)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"`]([^'"`]+)['"`]/gm;
  return [...source.matchAll(statements)].map(([, type, from, bare, dynamic]) => ({
    of: from ?? bare ?? dynamic ?? '',
    typeOnly: type !== undefined,
  }));
}

function withoutCommentsAndTexts(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(?<!:)\/\/.*$/gm, '')
    .replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''");
}

function targetOf(path: string, of: string): string {
  return normalize(join(dirname(path), of)).replaceAll('\\', '/');
}

/** `src/access` for src/access/grants.ts, `src/app.ts` for itself. */
function folderOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

function layerOf(path: string): number {
  return layers.findIndex((folders) => folders.includes(folderOf(path)));
}
