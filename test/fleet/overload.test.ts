import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFleet, type Server, until } from '../support/fleet.ts';
import type { Flood } from '../support/flood.ts';

const withoutProc = existsSync('/proc/self/fd') ? false : 'this system does not show what a process uses';

for (const path of ['/card.png', '/privacy']) {
  // fault: pipelining-without-reading
  test(`clients that pipeline requests and never read a response use little memory and few files, and others are answered: ${path}`, {
    skip: withoutProc,
  }, async (t) => {
    const fleet = await createFleet(t);
    const server = await fleet.start();
    const stranger = { cookieHeader: () => '' };
    await server.visit(stranger, '/privacy');
    const before = taken(server);
    const flood: Flood = {
      port: Number(new URL(server.url).port),
      connections: 300,
      requestsEach: 150,
      path,
    };
    const clients = fork(join(import.meta.dirname, '../support/flood.ts'), {
      env: { PATH: process.env.PATH ?? '', FLOOD: JSON.stringify(flood) },
    });
    t.after(() => clients.kill('SIGKILL'));
    let most = before;
    const look = async () => {
      const now = taken(server);
      most = { files: Math.max(most.files, now.files), megabytes: Math.max(most.megabytes, now.megabytes) };
      return (await server.visit(stranger, '/privacy')).status;
    };
    let isSent = false;
    void once(clients, 'message').then(() => (isSent = true));

    await until(async () => {
      await look();
      return isSent;
    });
    await until(async () => (await look()) === 200);
    // 300 connections, and a few of the server's own.
    assert.ok(most.files < before.files + 400, `${most.files} open files`);
    assert.ok(most.megabytes < before.megabytes + 300, `${before.megabytes} MB, then ${most.megabytes} MB`);
  });
}

function taken({ child }: Server): { files: number; megabytes: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return {
    files: readdirSync(`/proc/${child.pid}/fd`).length,
    megabytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024,
  };
}
