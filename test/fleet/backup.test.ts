import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort, startRedis } from '../../src/redis/local-server.ts';
import { visit } from '../support/fleet.ts';
import { processEnv, root } from '../support/process.ts';
import { redisProgram, skipWithoutProgram, startOwnRedis } from '../support/redis.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

const skip = skipWithoutProgram || (hasClient() ? false : 'no redis-cli on the PATH');
const secret = 'first-0123456789-abcdefghij-klmno';
const otherSecret = 'second-0123456789-abcdefghij-klmn';

/** The commands in docs/deploy.md: how to back up, and how to restore. */
function documentedCommands(): [backup: string, restore: string] {
  const docs = readFileSync(join(root, 'docs', 'deploy.md'), 'utf8');
  const [, section = ''] = /\n## Backup and restore\n([\s\S]*?)\n## /.exec(docs) ?? [];
  const [backup, restore, ...others] = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text);
  assert.ok(backup && restore && others.length === 0);
  return [backup, restore];
}

function hasClient(): boolean {
  try {
    execFileSync('redis-cli', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs commands as they are documented, but with other places. Each has to succeed. */
function runInShell(commands: string, cwd: string, env: Record<string, string> = {}): void {
  execFileSync('sh', ['-ec', commands], { cwd, env: { ...processEnv, ...env }, stdio: 'pipe' });
}

/** A Redis with the data of a backup in `folder`, started as usual after the documented commands. */
async function restored(t: TestContext, folder: string, commands: string) {
  const port = await freePort();
  const dataDir = mkdtempSync(join(tmpdir(), 'turntable-test-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  runInShell(commands.replaceAll('6379', String(port)).replaceAll('/var/lib/redis', dataDir), folder);
  const redis = await startRedis({ program: redisProgram, dataDir });
  t.after(redis.stop);
  return redis;
}

// fault: backup-restored
test('after restoring a backup of a running Redis, everyone is signed in; with another secret, no one is, until the right one is back', {
  skip,
}, async (t) => {
  const [backup, restore] = documentedCommands();
  const folder = mkdtempSync(join(tmpdir(), 'turntable-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const first = await startOwnRedis(t);
  const before = await startTurntable(t, { redisUrl: first.url, env: { SESSION_SECRET: secret } });
  const { clock, simulator, baseUrl } = before;
  const people: [Browser, RegExp][] = [];
  for (const [listener, name] of [
    ['mara', /Mara Lindqvist/],
    ['mara', /Mara Lindqvist/],
    ['noor', /Noor Haddad/],
  ] as const) {
    const browser = before.browser();
    await browser.signIn(listener);
    people.push([browser, name]);
  }
  // So that there is a record that doesn't belong to a session.
  await before.browser().get('/search?q=night').expect(200);

  runInShell(backup, folder, { REDIS_URL: first.url });
  await first.stop();
  const { url: redisUrl } = await restored(t, folder, restore);
  const after = async (SESSION_SECRET: string) =>
    startTurntable(t, { sharedWith: { clock, simulator, redisUrl, baseUrl }, env: { SESSION_SECRET } });

  const other = await after(otherSecret);
  for (const [browser] of people) {
    const answer = await visit(`${other.url}/account`, 'GET', browser.cookieHeader(), baseUrl);
    assert.equal(answer.status, 303);
    assert.match(String(answer.headers.location), /\/login\?returnTo=%2Faccount$/);
  }
  await visit(`${other.url}/search?q=dawn`, 'GET', '', baseUrl);
  assert.match(other.logged.join(''), /"kind":"app-token","why":"unknown key"/);

  const same = await after(secret);
  // Their access tokens have expired, so the refresh tokens have to work as well.
  clock.advance({ hours: 2 });
  for (const [browser, name] of people) {
    const answer = await visit(`${same.url}/account`, 'GET', browser.cookieHeader(), baseUrl);
    assert.equal(answer.status, 200);
    assert.match(answer.text, name);
    assert.equal((await visit(`${same.url}/playlists`, 'GET', browser.cookieHeader(), baseUrl)).status, 200);
  }
  await before.browser().get('/account').expect(503);
});
