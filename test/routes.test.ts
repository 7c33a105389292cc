import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../src/config.ts';
import { routes } from '../src/routes.ts';
import { root } from './support/process.ts';
import { routesOf } from './support/routes.ts';
import { startTurntable } from './support/turntable.ts';

/** Every URL of the site without its query, with `:x` in place of each id. */
const paths = Object.values(routes)
  .map((build) => (build as (...args: string[]) => string)(':x', ':x'))
  .map((url) => url.split('?')[0] ?? '');

/** Each string literal in the code of a module or between the tags of a view, without comments. */
function textsIn(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`\\/])\/\/ [^\n]*|<%#[\s\S]*?%>/g, '');
  return code.match(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g) ?? [];
}

/** The texts that contain a URL of the site. */
function literalsIn(source: string): string[] {
  const written = paths
    .filter((path) => path !== '/' && !path.includes(':') && !path.includes('*'))
    .map((path) => new RegExp(`(?<![\\w.}/-])${path}(?![\\w-])`));
  return textsIn(source).filter(
    (text) => /^.\/(.|[a-z].*)$/.test(text) || written.some((one) => one.test(text)),
  );
}

test('URLs are written in src/routes.ts and nowhere else', () => {
  // A slash by itself is also the start of every path, and the path of every cookie.
  const isFine = (text: string, path: string) =>
    text === "'/'" && /web\/(return-path|only-paths|cookies|canonical-host)\.ts$/.test(path);
  const files = globSync(['src/{pages,web}/**/*.ts', 'src/app.ts', 'views/**/*.ejs'], { cwd: root });
  const found = files.flatMap((path) =>
    literalsIn(readFileSync(join(root, path), 'utf8'))
      .filter((text) => !isFine(text, path))
      .map((text) => `${path}: ${text}`),
  );

  assert.ok(files.length > 80);
  assert.deepEqual(found, []);
});

test('a URL that is written somewhere else is found', () => {
  for (const literal of [
    `href: '/'`,
    `res.redirect(303, "/account")`,
    'redirect(`/playlists/$' + '{id}`)',
    `<a href="/privacy">`,
    `<form action="/login?<%= x %>">`,
    `'See /search?q=a for more'`,
  ])
    assert.equal(literalsIn(literal).length, 1, literal);
  for (const fine of [
    `import { routes } from '../../routes.ts';`,
    `include('../layout/top')`,
    `'https://open.spotify.com/search'`,
    `'text/html'`,
    `// such as /account`,
  ])
    assert.deepEqual(literalsIn(fine), [], fine);
});

test('every page that the router knows is in src/routes.ts', async (t) => {
  const { app } = await startTurntable(t);
  const shape = (path: string) => path.replace(/:\w+/g, ':x');
  const known = new Set([...paths.map(shape), '/healthz', '/readyz']);
  const registered = routesOf(app).map((one) => shape(one.split(' ')[1] ?? ''));

  assert.ok(registered.length > 30);
  assert.deepEqual(
    registered.filter((path) => !known.has(path)),
    [],
  );
});

test('no module builds a URL while it loads, when the path of BASE_URL isn’t known yet', async () => {
  // In another process, because this one has loaded the modules already.
  const script = `
    import { routes } from './src/routes.ts';
    const built = [];
    for (const [name, build] of Object.entries(routes))
      routes[name] = (...args) => {
        built.push(name);
        return build(...args);
      };
    await import('./src/app.ts');
    await import('./src/site.ts');
    routes.home();
    console.log(built.join());
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(stdout, 'home\n', stderr);
});

test('Spotify sends people back to the callback of src/routes.ts', () => {
  const { baseUrl, redirectUri } = readConfig({
    BASE_URL: 'http://127.0.0.1:3000',
    SESSION_SECRET: 'a secret that is long enough for a test',
  });
  assert.equal(redirectUri, baseUrl + routes.callback());
});
