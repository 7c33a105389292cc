import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { freePort } from '../../src/redis/local-server.ts';
import { until } from './fleet.ts';
import { runCommand } from './process.ts';
import { redisProgram } from './redis.ts';

/** The name that Sentinels know the primary by. */
export const primaryName = 'music';

export type Node = Awaited<ReturnType<typeof startNode>>;

/** Returns a folder that is removed when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-redis-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a Redis server with these arguments, until the test ends. `direct` is a connection to it. */
export async function startNode(
  t: TestContext,
  args: readonly string[],
  { port, ...options }: { port?: number; tls?: { ca: string } } = {},
) {
  const listensOn = port ?? (await freePort());
  const isTls = options.tls !== undefined;
  const { child, ended, waitForOutput } = runCommand(
    t,
    [
      redisProgram,
      ...[
        '--bind',
        '127.0.0.1',
        isTls ? '--tls-port' : '--port',
        String(listensOn),
        ...(isTls ? ['--port', '0'] : []),
      ],
      ...[
        '--dir',
        temporaryFolder(t),
        '--appendonly',
        'no',
        '--save',
        '',
        '--repl-diskless-sync-delay',
        '0',
        ...args,
      ],
    ],
    {},
  );
  await waitForOutput(/Ready to accept connections/);
  const direct = new Redis({ host: '127.0.0.1', port: listensOn, ...options });
  direct.on('error', () => undefined);
  t.after(() => direct.disconnect());
  return {
    port: listensOn,
    direct,
    /** Ends the server as a power cut would. */
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

type ClusterOptions = { withReplicas: boolean; args?: readonly string[]; tls?: { ca: string } };

/** Starts a cluster of three primaries, each with a replica if wanted. The primaries are the first nodes. */
export async function startCluster(
  t: TestContext,
  { withReplicas, args = [], ...options }: ClusterOptions,
): Promise<Node[]> {
  const nodes = await Promise.all(
    Array.from({ length: withReplicas ? 6 : 3 }, async () => {
      const busPort = await freePort();
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
      const all = [...cluster, '--cluster-node-timeout', '3000', ...args];
      return { ...(await startNode(t, all, options)), busPort };
    }),
  );
  const [first] = nodes;
  const boundaries = [0, 5461, 10_923, 16_384];
  for (const [index, { direct, port, busPort }] of nodes.entries()) {
    await direct.cluster('SET-CONFIG-EPOCH', index + 1);
    const [from, to] = boundaries.slice(index, index + 2);
    if (from !== undefined && to !== undefined) await direct.call('CLUSTER', 'ADDSLOTSRANGE', from, to - 1);
    if (index > 0) await first?.direct.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
  }
  const all = async (pattern: RegExp) => {
    const infos = await Promise.all(nodes.map(({ direct }) => direct.cluster('INFO')));
    return infos.every((info) => pattern.test(String(info)));
  };
  await until(() => all(new RegExp(`cluster_known_nodes:${nodes.length}\r`)));
  for (const [index, { direct }] of nodes.slice(3).entries())
    await direct.cluster('REPLICATE', String(await nodes[index]?.direct.cluster('MYID')));
  await until(() => all(/cluster_state:ok/));
  for (const { direct } of nodes.slice(3))
    await until(async () => /master_link_status:up/.test(await direct.info('replication')));
  return nodes;
}

export const clusterUrl = (nodes: readonly Node[]): string =>
  `redis://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;

/** Starts a primary with a replica, and three Sentinels that watch them. Returns the URL for REDIS_URL as well. */
export async function startSentinels(t: TestContext) {
  const primary = await startNode(t, []);
  const replica = await startNode(t, ['--replicaof', `127.0.0.1 ${primary.port}`]);
  await until(async () => /master_link_status:up/.test(await replica.direct.info('replication')));
  const sentinels = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const port = await freePort();
      const file = join(temporaryFolder(t), 'sentinel.conf');
      const settings = [
        `port ${port}`,
        'bind 127.0.0.1',
        `sentinel monitor ${primaryName} 127.0.0.1 ${primary.port} 2`,
        `sentinel down-after-milliseconds ${primaryName} 2000`,
        `sentinel failover-timeout ${primaryName} 6000`,
      ];
      writeFileSync(file, `${settings.join('\n')}\n`);
      const { waitForOutput } = runCommand(t, [redisProgram, file, '--sentinel'], {});
      await waitForOutput(/\+monitor master/);
      const direct = new Redis({ host: '127.0.0.1', port });
      direct.on('error', () => undefined);
      t.after(() => direct.disconnect());
      return { port, direct };
    }),
  );
  // Each has to know the others, and the replica, before they can replace the primary.
  for (const { direct } of sentinels)
    await until(async () => {
      const facts = JSON.stringify(await direct.call('SENTINEL', 'MASTER', primaryName));
      return /num-slaves\W+1\W/.test(facts) && /num-other-sentinels\W+2\W/.test(facts);
    });
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return { primary, replica, sentinels, url: `redis+sentinel://${hosts}/${primaryName}` };
}

/** Makes a certificate authority, and a certificate from it for 127.0.0.1. Returns the paths of the files. */
export function makeCertificates(t: TestContext) {
  const folder = temporaryFolder(t);
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
  );
  openssl('req', ...newKey, '-keyout', 'redis.key', '-out', 'redis.csr', '-subj', '/CN=redis');
  writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1\n');
  const from = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'redis.csr', '-out', 'redis.crt', ...from);
  const [ca, certificate, key] = [file('ca.crt'), file('redis.crt'), file('redis.key')];
  const args = ['--tls-ca-cert-file', ca, '--tls-cert-file', certificate, '--tls-key-file', key];
  return { ca, certificate, key, serverArgs: [...args, '--tls-auth-clients', 'no'] };
}
