import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findOnPath } from '../../src/redis/local-server.ts';
import type { CleanupScope } from './cleanup.ts';
import { root } from './process.ts';

const program = findOnPath(['caddy'], process.env);

export const skipWithoutCaddy = program ? false : 'Caddy isn’t installed (apt-get install caddy)';

/** Nothing beside the site: no port 80, no port for its administration, and no authority that this machine would trust. */
const options = `{
  admin off
  auto_https disable_redirects
  skip_install_trust
}
`;

type Options = {
  /** The port on which Caddy listens with TLS, on 127.0.0.1. */
  port: number;
  /** The port of the server behind it. */
  upstream: number;
};

/**
 * Starts Caddy with the Caddyfile of the README, in which only the addresses are replaced, and the authority of its certificate by its own one.
 * Returns when it answers, with the path of the authority's certificate. It ends with the scope.
 */
export async function startCaddy(t: CleanupScope, { port, upstream }: Options): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-caddy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'Caddyfile'), options + siteConfig({ port, upstream }));
  const child = spawn(program ?? 'caddy', ['run', '--config', join(folder, 'Caddyfile')], {
    // Its data, such as keys, stays in this folder.
    env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  t.after(() => end(child));
  const authority = join(folder, 'caddy/pki/authorities/local/root.crt');
  while (!existsSync(authority) || !(await answers(port, authority))) {
    if (child.exitCode !== null) throw new Error(`Caddy didn’t start:\n${log}`);
    await sleep(50);
  }
  return authority;
}

function siteConfig({ port, upstream }: Options): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, block = ''] = /^ {2}```\n( {2}music\.example\.org \{\n[^`]+) {2}```$/m.exec(readme) ?? [];
  const [address, target] = ['music.example.org {', '127.0.0.1:3000'];
  if (!block.includes(address) || !block.includes(target)) throw new Error('README.md has no Caddyfile');
  return block
    .replace(address, `https://127.0.0.1:${port} {\n    bind 127.0.0.1\n    tls internal`)
    .replace(target, `127.0.0.1:${upstream}`);
}

/** Whether the site answers with a certificate of this authority. */
async function answers(port: number, authority: string): Promise<boolean> {
  const ca = readFileSync(authority);
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/healthz', ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('error', () => resolve(false)).end();
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
