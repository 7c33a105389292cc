import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createChecks } from '../../src/checks/checks.ts';
import { readConfig } from '../../src/config.ts';
import { root } from './process.ts';
import { clientId, clientSecret } from './turntable.ts';

/** The command in the documentation that creates a Redis user. */
export function documentedLine(): string {
  const text = readFileSync(join(root, 'docs', 'deploy.md'), 'utf8');
  return /^ACL SETUSER turntable .*$/m.exec(text)?.[0] ?? '';
}

/** Returns it as a command and its arguments. The password is PASSWORD. */
export function allowLine(): [string, ...string[]] {
  const [command = '', ...args] = documentedLine().split(' ');
  return [command, ...args];
}

/** Returns what the doctor says about a Redis, a line for each check. */
export async function checkRedisAt(REDIS_URL: string, env: Record<string, string> = {}): Promise<string> {
  const credentials = { SPOTIFY_CLIENT_ID: clientId, SPOTIFY_CLIENT_SECRET: clientSecret };
  const results = await createChecks(readConfig({ ...credentials, REDIS_URL, ...env }), null).redis();
  return results
    .map(({ name, status, detail, fix }) => `${status} ${name}: ${detail} -> ${fix ?? ''}`)
    .join('\n');
}
