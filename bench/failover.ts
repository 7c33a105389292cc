import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../simulator/random.ts';
import { createFleet, until } from '../test/support/fleet.ts';
import { clusterUrl, startCluster, startSentinels } from '../test/support/redis-forms.ts';
import { lostSignIns, roam, signInAll, type Tally } from './faults.ts';
import { type Bench, isIncluded, type Options } from './options.ts';
import { formatCounts } from './report.ts';
import { withScope } from './with-scope.ts';

/*
 * Loses or replaces a node of Redis, and counts which requests fail, for how long, and who is signed out. Spotify replaces
 * refresh tokens at once, and access tokens last 70 seconds, so tokens are refreshed all the time. Each part takes about half a minute.
 */
const processes = 2;
const people = 12;
const accessTokenSeconds = 70;
/** How long everything works, before and after. */
const calmMs = 5_000;
const lagMs = 5_000;

type Scope = Parameters<Parameters<typeof withScope>[0]>[0];
/** A Redis, by the URL for servers and the port of one of its nodes, and what happens to it. */
type Part = { url: string; port: number; fail: () => Promise<void> };

const parts: readonly [name: string, title: string, start: (scope: Scope) => Promise<Part>][] = [
  ['node', 'A primary of a cluster of three, each with a replica, is killed', clusterNodeKilled],
  ['sentinel', 'The primary that three Sentinels watch is killed', primaryKilled],
  [
    'lag',
    `A replica hangs for ${lagMs / 1000} s, and then takes over; min-replicas-to-write is 1`,
    replicaLags,
  ],
];

export const bench: Bench = async (options) => {
  for (const [name, title, start] of parts)
    if (isIncluded(options, name))
      await withScope(async (scope) => measure(options, scope, title, await start(scope)));
};

async function clusterNodeKilled(scope: Scope): Promise<Part> {
  const nodes = await startCluster(scope, { withReplicas: true });
  const [first] = nodes;
  return { url: clusterUrl(nodes), port: first?.port ?? 0, fail: async () => first?.kill() };
}

async function primaryKilled(scope: Scope): Promise<Part> {
  const { primary, url } = await startSentinels(scope);
  return { url, port: primary.port, fail: primary.kill };
}

async function replicaLags(scope: Scope): Promise<Part> {
  const safe = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
  const { primary, replica, sentinels, url } = await startSentinels(scope, safe);
  const { pid = 0 } = replica;
  scope.after(() => process.kill(pid, 'SIGCONT'));
  return {
    url,
    port: primary.port,
    async fail() {
      process.kill(pid, 'SIGSTOP');
      await sleep(lagMs);
      process.kill(pid, 'SIGCONT');
      await primary.direct.wait(1, 30_000);
      // Refused while the Sentinels still think that the replica is down.
      await until(
        async () =>
          (await sentinels[0]?.direct.call('SENTINEL', 'FAILOVER', 'music').catch(() => null)) === 'OK',
      );
    },
  };
}

async function measure({ report, seed }: Options, scope: Scope, title: string, redis: Part): Promise<void> {
  report.begin(`${title}: ${people} people at ${processes} processes, seed "${seed}"`);
  const fleet = await createFleet(scope, {
    rotation: 'strict',
    redisUrl: `redis://127.0.0.1:${redis.port}`,
    extraListeners: people,
    ticking: true,
    env: {
      REDIS_URL: redis.url,
      LOG_LEVEL: 'silent',
      SPOTIFY_DAILY_CALLS: '1000000',
      SPOTIFY_DAILY_SEARCHES: '1000000',
    },
  });
  fleet.simulator.settings.accessTokenSeconds = accessTokenSeconds;
  const servers = await fleet.startMany(processes);
  const crowd = await signInAll(fleet, servers, people);
  const tally: Tally = { correct: 0, errors: new Map(), wrong: new Map(), slowestMs: 0 };
  let isOver = false;
  const visits = crowd.map((person, index) =>
    roam(servers, person, createRandom(`${seed} ${index}`), () => isOver, tally),
  );
  await sleep(calmMs);
  const before = tally.errors.size;
  const failedAt = performance.now();
  await redis.fail();
  // Everyone is served once by each process.
  for (const server of servers)
    for (const { browser } of crowd)
      await until(async () => (await server.visit(browser, '/account').catch(() => null))?.status === 200);
  const servedAgainMs = performance.now() - failedAt;
  await sleep(calmMs);
  isOver = true;
  await Promise.all(visits);

  const lost = await lostSignIns(servers, crowd);
  const refreshes = fleet.simulator.calls.filter((one) => one.grantType === 'refresh_token');
  report.fact('requests that succeeded', tally.correct);
  report.fact('requests that failed, with a page that says why', formatCounts(tally.errors));
  report.fact('other failures', formatCounts(tally.wrong));
  report.fact('everyone is served again after', `${(servedAgainMs / 1000).toFixed(1)} s`);
  report.fact('slowest response', `${(tally.slowestMs / 1000).toFixed(1)} s`);
  report.fact('token refreshes', refreshes.length);
  report.fact('sign-ins lost', lost.length);
  report.claim('no request failed before', before === 0);
  report.claim('every failure was a page that says why', tally.wrong.size === 0);
  report.claim('no sign-in was lost', lost.length === 0);
}
