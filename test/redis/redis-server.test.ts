import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findRedisProgram, NoRedis } from '../../src/redis/local-server.ts';

/** A machine with these programs and no others. The arguments of `apt-get` and `brew` are written to a file. */
function machine(t: TestContext, programs: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-path-'));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync('/bin/sh', join(folder, 'sh'));
  const told = join(folder, 'told');
  writeFileSync(told, '');
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(
      join(folder, name),
      `#!/bin/sh\necho "${name} $*" >> ${told}\n${script.replaceAll('HERE', folder)}\n`,
    );
    chmodSync(join(folder, name), 0o755);
  }
  const said: string[] = [];
  const deps = {
    env: { PATH: folder },
    platform: 'linux',
    isRoot: false,
    print: (sentence: string) => said.push(sentence),
    confirm: null,
  };
  return { folder, deps, said, told: () => readFileSync(told, 'utf8') };
}

const installs = 'if [ "$1" = install ]; then : > HERE/redis-server; /bin/chmod +x HERE/redis-server; fi';

test('a Redis on the PATH is used, and Valkey if there is no Redis', async (t) => {
  const both = machine(t, { 'redis-server': '', 'valkey-server': '' });
  const valkey = machine(t, { 'valkey-server': '', 'apt-get': installs });

  assert.equal(await findRedisProgram(both.deps), join(both.folder, 'redis-server'));
  assert.equal(await findRedisProgram(valkey.deps), join(valkey.folder, 'valkey-server'));
  assert.equal(valkey.told(), '');
});

test('root on Debian gets Redis installed, with a message', async (t) => {
  const { folder, deps, said, told } = machine(t, { 'apt-get': installs });

  assert.equal(await findRedisProgram({ ...deps, isRoot: true }), join(folder, 'redis-server'));

  assert.equal(told(), 'apt-get update -qq\napt-get install -y -qq --no-install-recommends redis-server\n');
  assert.match(said.join(), /Installing Redis: apt-get update/);
});

test('a person at a terminal is asked first', async (t) => {
  const { folder, deps, told } = machine(t, { 'apt-get': installs, sudo: '"$@"' });
  const asked: string[] = [];
  const answer = (yes: boolean) => async (question: string) => {
    asked.push(question);
    return yes;
  };

  await assert.rejects(findRedisProgram({ ...deps, confirm: answer(false) }), NoRedis);
  assert.equal(told(), '');
  assert.equal(await findRedisProgram({ ...deps, confirm: answer(true) }), join(folder, 'redis-server'));
  assert.match(asked[0] ?? '', /Run "sudo apt-get update .*" now\?/);
  assert.match(told(), /^sudo apt-get update/);
});

test('without a terminal to ask at, the one command to run is printed', async (t) => {
  const linux = machine(t, { 'apt-get': installs });
  const mac = machine(t, { brew: '' });
  const bare = machine(t, {});

  await assert.rejects(
    findRedisProgram(linux.deps),
    /To install it: sudo apt-get update -qq && sudo apt-get install/,
  );
  await assert.rejects(
    findRedisProgram({ ...mac.deps, platform: 'darwin' }),
    /To install it: brew install redis/,
  );
  await assert.rejects(
    findRedisProgram(bare.deps),
    /Install redis-server \(or valkey-server\), or set REDIS_URL/,
  );
  assert.equal(linux.told() + mac.told(), '');
});

test('an installation that fails prints the command to run by hand', async (t) => {
  const { deps } = machine(t, { 'apt-get': 'exit 1' });

  await assert.rejects(
    findRedisProgram({ ...deps, isRoot: true }),
    /Couldn’t install Redis\. Run this yourself/,
  );
});
