import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findOnPath, freePort } from '../../src/redis/local-server.ts';
import type { CleanupScope } from './cleanup.ts';
import { createFleet, type FleetOptions, visit } from './fleet.ts';
import { root } from './process.ts';
import { type Browser, createBrowser } from './turntable.ts';

// Debian puts it where only root's PATH leads.
const program = findOnPath(['nginx'], { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });

export const skipWithoutNginx = program ? false : 'nginx isn’t installed (apt-get install nginx)';

type Options = {
  /** The port on which nginx listens, on 127.0.0.1. */
  port: number;
  /** The ports of the servers behind it. */
  upstreams: readonly number[];
  /** The path of BASE_URL, to pass on only what is below it. */
  basePath?: string;
  /** Paths of a certificate and its key, to listen with TLS, and the port that leads there without. */
  tls?: { certificate: string; key: string; plainPort: number };
};

export type Nginx = Awaited<ReturnType<typeof startNginx>>;

/** Starts nginx with deploy/nginx.conf, in which only addresses and paths are replaced, until the scope ends. */
export async function startNginx(t: CleanupScope, options: Options) {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-nginx-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'turntable.conf'), siteConfig(options));
  writeFileSync(join(folder, 'nginx.conf'), mainConfig(folder));
  const child = spawn(program ?? 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  t.after(() => end(child));
  while (!(await accepts(options.port))) {
    if (child.exitCode !== null) throw new Error(`nginx didn’t start:\n${errors}`);
    await sleep(20);
  }
  return {
    /** Returns what nginx has logged: among it, each request that it had to send to another server. */
    errors: () => errors,
  };
}

/** The configuration in deploy/, with other addresses. Throws if it lacks one that has to be replaced. */
function siteConfig({ port, upstreams, basePath, tls }: Options): string {
  const replaced = (text: string, pattern: RegExp, by: string | ((found: string) => string)) => {
    if (text.search(pattern) < 0) throw new Error(`deploy/nginx.conf has no ${pattern}`);
    return typeof by === 'string' ? text.replace(pattern, by) : text.replace(pattern, by);
  };
  let text = readFileSync(join(root, 'deploy/nginx.conf'), 'utf8');
  const ports = [...upstreams];
  text = replaced(text, /(?<=^\s*server )replica-\d:3000(?= )/gm, () => `127.0.0.1:${ports.shift()}`);
  if (basePath) text = replaced(text, /(?<=^ {4}location )\/(?= \{)/m, `${basePath}/`);
  if (ports.length > 0) throw new Error(`deploy/nginx.conf has no place for ${ports.length} servers`);
  if (!tls) return replaced(text, /(?<=^ {4}listen )80(?=;)/m, `127.0.0.1:${port}`);
  text = replaced(text, /^ {4}listen 80;\n/m, '');
  text = replaced(text, /^# server \{\n(# {5}.*\n)+# \}\n/m, (server) => server.replaceAll(/^# /gm, ''));
  text = replaced(text, /(?<=^ {4}listen )80(?=;)/m, `127.0.0.1:${tls.plainPort}`);
  text = replaced(text, /^ {4}# (?=(listen 443|ssl_))/gm, '    ');
  text = replaced(text, /(?<=listen )443/, `127.0.0.1:${port}`);
  text = replaced(text, /(?<=ssl_certificate ).*(?=;)/, tls.certificate);
  return replaced(text, /(?<=ssl_certificate_key ).*(?=;)/, tls.key);
}

/** The defaults of the package or the image of nginx: processes, and folders that this user may write to. */
function mainConfig(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `
daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  include ${folder}/turntable.conf;
}
`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // Its workers end with it; after SIGKILL, they wouldn't.
  child.kill('SIGTERM');
  await exited;
}

export type SiteBehindNginx = Awaited<ReturnType<typeof startBehindNginx>>;

/** Starts three servers and nginx in front of them, at the address that they share. */
export async function startBehindNginx(t: CleanupScope, { env, ...options }: FleetOptions = {}) {
  const fleet = await createFleet(t, { ...options, env: { TRUST_PROXY: '1', ...env } });
  const ports = [await freePort(), await freePort(), await freePort()];
  const servers = await Promise.all(ports.map((port) => fleet.start({ port })));
  const nginx = await startNginx(t, { port: Number(new URL(fleet.baseUrl).port), upstreams: ports });
  return {
    fleet,
    nginx,
    /** The servers that run, in the order of nginx's configuration. */
    servers,
    /** Starts a server again at the address where it was. */
    async restart(index: number): Promise<void> {
      servers[index] = await fleet.start({ port: ports[index] ?? 0 });
    },
    /** Returns a new browser at the address of nginx. */
    browser: () => createBrowser(fleet.baseUrl, fleet.simulator),
    /** Sends a request with these cookies to nginx. */
    visit: (person: Pick<Browser, 'cookieHeader'>, path = '/now-playing', method = 'GET') =>
      visit(fleet.baseUrl + path, method, person.cookieHeader()),
  };
}
