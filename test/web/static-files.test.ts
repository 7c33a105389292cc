import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import express from 'express';
import request from 'supertest';
import { readPublicFiles, staticFiles } from '../../src/web/static-files.ts';
import { root } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

test('static files are served from memory', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'turntable-public-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'app.css'), 'body { margin: 0 }');
  const app = express().use(staticFiles(readPublicFiles(folder)));
  await rm(folder, { recursive: true });

  const answer = await request(app).get('/app.css').expect(200, 'body { margin: 0 }');
  assert.equal(answer.headers['content-type'], 'text/css; charset=utf-8');
});

test('a static file that a browser already has is not sent again', async (t) => {
  const { browser } = await startTurntable(t);
  const first = await browser().get('/app.css').expect(200);
  const { etag = '', 'last-modified': modified = '' } = first.headers;
  assert.match(etag, /^"[\w-]{10}"$/, 'the version, and not a hash for each request');

  for (const [name, value] of [
    ['If-None-Match', etag],
    ['If-Modified-Since', modified],
  ] as const) {
    const again = await browser().get('/app.css').set(name, value).expect(304);
    assert.equal(again.text, '');
    assert.equal(again.headers['cache-control'], 'no-cache');
  }
  await browser().get('/app.css').set('If-None-Match', '"another"').expect(200);
});

test('HEAD returns the headers of GET, and no other method does anything with a static file', async (t) => {
  const { browser, url } = await startTurntable(t);
  const whole = await browser().get('/app.css').expect(200);
  const { status, headers } = await fetch(`${url}/app.css`, { method: 'HEAD' });

  assert.equal(status, 200);
  for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'cache-control'])
    assert.equal(headers.get(name), whole.headers[name], name);
  await browser().post('/app.css').expect(404);
});

test('scripts are sent without comments and indentation, and with every line of code', async (t) => {
  const folder = join(import.meta.dirname, '..', '..', 'public');
  const scratch = await mkdtemp(join(tmpdir(), 'turntable-scripts-'));
  t.after(() => rm(scratch, { recursive: true }));
  for (const [name, { content }] of readPublicFiles(folder)) {
    if (extname(name) !== '.js') continue;
    const source = await readFile(join(folder, name), 'utf8');
    const lines = source.split('\n').map((line) => line.trimStart());
    for (const line of lines)
      assert.equal(line.split('`').length % 2, 1, `${name}: a template spans lines: ${line}`);
    const code = lines.filter((line) => !/^(\/\/|\/\*|\*|$)/.test(line));
    assert.deepEqual(content.toString().trimEnd().split('\n'), code, name);
    const copy = join(scratch, name.replace('.js', '.mjs'));
    await writeFile(copy, content);
    await promisify(execFile)(process.execPath, ['--check', copy]);
  }
});

test('no script imports another by an address without its version: that would run it twice', () => {
  for (const [name, { content }] of readPublicFiles(join(root, 'public')))
    if (name.endsWith('.js'))
      assert.doesNotMatch(content.toString(), /^import\b(?!\()|\bimport\(['"`]/m, name);
});
