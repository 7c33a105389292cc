import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../simulator/random.ts';
import type { Timing } from '../src/access/timing.ts';
import type { Fleet, Server } from '../test/support/fleet.ts';
import { command } from '../test/support/redis-proxy.ts';
import {
  elapsed,
  expireTokens,
  type Result,
  refreshCounts,
  requestsPerServer,
  signIn,
  visitManyTimes,
  visitOnce,
} from './grant-rounds.ts';
import { type Bench, isIncluded, type Options } from './options.ts';
import { counted, grouped } from './report.ts';
import { percentile } from './statistics.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Token refreshes under load, in several real processes, with strict rotation: Spotify replaces the refresh token each time and stops
 * accepting the old one at once, so a mistake in the app would sign a person out.
 */
const processes = 4;

const write = command('eval', '(?<!lock:)grant:');
/** Whether a command saves a refreshed grant. Ending a refused grant is also a write, of `:ended`. */
const isSave = (text: string) => write.test(text) && !text.includes(':ended');

export const bench: Bench = async (options) => {
  const { rounds, report } = options;
  const machine = `Node ${process.version}, ${processes} processes, seed "${options.seed}"`;
  report.begin(`grants: ${grouped(rounds)} rounds, ${machine}`);

  for (const [name, measure, timing = {}] of parts) {
    if (isIncluded(options, name))
      await withFleet({ rotation: 'strict', timing }, (fleet) => measure(fleet, options));
  }
};

type Part = [
  name: string,
  measure: (fleet: Fleet, options: Options) => Promise<void>,
  timing?: Partial<Timing>,
];

const parts: readonly Part[] = [
  ['load', refreshesUnderLoad],
  ['slow', refreshesWithSlowEndpoint],
  // All deadlines of a refresh, divided by about 20.
  [
    'dying',
    refreshesWithDyingProcesses,
    { accountsDeadlineMs: 400, leaseMs: 500, lockWaitMs: 2_000, apiDeadlineMs: 2_000 },
  ],
  ['sign-outs', signOutsDuringRefreshes],
  ['window', saveWindow],
];

/** In each round, fifty requests at each of four processes find the same token expired. */
async function refreshesUnderLoad(fleet: Fleet, { rounds, report }: Options): Promise<void> {
  report.begin(
    `${grouped(rounds)} rounds of ${requestsPerServer} requests at each of ${processes} processes, with an expired token`,
  );
  const servers = await fleet.startMany(processes);
  const mara = await signIn(servers);
  const startedAt = performance.now();
  const statuses: Result[] = [];
  const refreshes = { sent: 0, refused: 0, roundsWithOne: 0 };

  for (let round = 0; round < rounds; round += 1) {
    report.progress(`round ${round + 1}`);
    await expireTokens(fleet, round);
    statuses.push(...(await Promise.all(servers.flatMap((server) => visitManyTimes(server, mara)))));
    const { sent, refused } = refreshCounts(fleet);
    refreshes.sent += sent;
    refreshes.refused += refused;
    if (sent === 1) refreshes.roundsWithOne += 1;
  }
  reportLoad(report, { rounds, refreshes, statuses, startedAt });
}

/** The same while each refresh takes a second. Several listeners share a step, so that it doesn't take all day. */
async function refreshesWithSlowEndpoint(fleet: Fleet, { rounds, report }: Options): Promise<void> {
  const listeners = fleet.simulator.listeners.slice(0, rounds);
  const steps = Math.ceil(rounds / listeners.length);
  report.begin(
    `${grouped(rounds)} such rounds with a token endpoint that takes 1 s: ${listeners.length} listeners, a third of a second apart`,
  );
  const servers = await fleet.startMany(processes);
  const people = await Promise.all(listeners.map(({ id }) => signIn(servers, id)));
  fleet.simulator.fault({ on: 'token', times: Number.POSITIVE_INFINITY, delayMs: 1_000 });
  const startedAt = performance.now();
  const statuses: Result[] = [];
  const refreshes = { sent: 0, refused: 0, roundsWithOne: 0 };

  for (let step = 0; step < steps; step += 1) {
    report.progress(`step ${step + 1}`);
    await expireTokens(fleet, step);
    const now = people.slice(0, rounds - step * people.length);
    const all = now.map(async (person, index) => {
      // Staggered, because one round is measured, not several at the same moment.
      await sleep(index * 333);
      return Promise.all(servers.flatMap((server) => visitManyTimes(server, person)));
    });
    statuses.push(...(await Promise.all(all)).flat());
    const { sent, refused } = refreshCounts(fleet);
    refreshes.sent += sent;
    refreshes.refused += refused;
    if (sent === now.length) refreshes.roundsWithOne += now.length;
  }
  reportLoad(report, { rounds, refreshes, statuses, startedAt });
}

type Load = {
  rounds: number;
  refreshes: { sent: number; refused: number; roundsWithOne: number };
  statuses: Result[];
  startedAt: number;
};

function reportLoad(report: Options['report'], { rounds, refreshes, statuses, startedAt }: Load): void {
  report.progress('');
  report.fact('responses', counted(statuses));
  report.fact('token requests', refreshes.sent);
  report.fact('of these refused (invalid_grant)', refreshes.refused);
  report.fact('rounds with exactly one token request', refreshes.roundsWithOne);
  report.fact('took', elapsed(startedAt));
  const isOncePerRound = refreshes.sent === rounds && refreshes.roundsWithOne === rounds;
  report.claim(`exactly ${grouped(rounds)} token requests, one in each round`, isOncePerRound);
  const others = statuses.filter((status) => status !== 200).length;
  report.claim(`0 responses other than 200 among ${grouped(statuses.length)}`, others === 0);
  report.claim('0 invalid_grant', refreshes.refused === 0);
}

/** In each round, one process is suspended beyond its lease, or killed, at a random moment of the refresh. */
async function refreshesWithDyingProcesses(
  fleet: Fleet,
  { rounds: all, seed, report }: Options,
): Promise<void> {
  const rounds = Math.ceil(all / 10);
  const { accountsDeadlineMs, leaseMs, lockWaitMs } = fleet.timing;
  report.begin(
    `${grouped(rounds)} rounds in which one process is suspended or killed (deadline ${accountsDeadlineMs}, lease ${leaseMs}, lock wait ${lockWaitMs} ms)`,
  );
  const random = createRandom(`${seed} dying`);
  // The Redis proxy shows whether the refreshed grant was saved.
  const startObserved = async () => {
    const server = await fleet.start({ viaRedisProxy: true });
    server.redis.onCommand((text) => {
      if (isSave(text)) saves += 1;
    });
    return server;
  };
  let saves = 0;
  const servers = await Promise.all(Array.from({ length: processes }, startObserved));
  let mara = await signIn(servers);
  // Spotify takes a moment, so that processes are also ended while they wait for it.
  fleet.simulator.fault({ on: 'token', times: Number.POSITIVE_INFINITY, delayMs: 80 });
  const startedAt = performance.now();
  const statuses: Result[] = [];
  const lost = { withKilled: 0, withSuspended: 0, otherwise: 0 };
  const events = { suspended: 0, killed: 0 };

  for (let round = 0; round < rounds; round += 1) {
    report.progress(`round ${round + 1}`);
    await expireTokens(fleet, round);
    saves = 0;
    const index = random.between(0, processes - 1);
    const victim = servers[index];
    if (!victim) throw new Error('There is no such process');
    const kill = random.percent(50);
    // The victim often gets its requests first, so that it is the one that refreshes.
    const first = random.percent(70) ? visitManyTimes(victim, mara) : [];
    const others = servers.filter((server) => server !== victim);
    const pages = [...first, ...others.flatMap((server) => visitManyTimes(server, mara))];

    await sleep(random.between(0, 160));
    if (kill) {
      events.killed += 1;
      await victim.kill();
      servers[index] = await startObserved();
    } else {
      events.suspended += 1;
      victim.pause();
      await sleep(leaseMs + 200);
      victim.resume();
    }
    statuses.push(...(await Promise.all(pages)));

    // By now the suspended process has finished.
    const statusesAfter = await Promise.all(servers.map((server) => visitOnce(server, mara)));
    if (statusesAfter.includes(200)) continue;
    const { sent, refused } = refreshCounts(fleet);
    const isUnsaved = sent - refused > saves;
    if (!isUnsaved) lost.otherwise += 1;
    else if (kill) lost.withKilled += 1;
    else lost.withSuspended += 1;
    mara = await signIn(servers);
  }
  report.progress('');
  report.fact('processes suspended', events.suspended);
  report.fact('processes killed', events.killed);
  report.fact('responses', counted(statuses));
  report.fact('sign-ins lost because the new token died with its process', lost.withKilled);
  report.fact('sign-ins lost because a resumed process discarded the response', lost.withSuspended);
  report.fact('sign-ins lost otherwise', lost.otherwise);
  report.fact('took', elapsed(startedAt));
  report.claim(
    'a sign-in is lost only if the new token died with its process',
    lost.withSuspended + lost.otherwise === 0,
  );
}

/** A listener signs out at one process while another one refreshes. */
async function signOutsDuringRefreshes(fleet: Fleet, { rounds, seed, report }: Options): Promise<void> {
  report.begin(`${grouped(rounds)} sign-outs, each racing a refresh in another process`);
  const random = createRandom(`${seed} sign-outs`);
  const servers = await fleet.startMany(2);
  const [one, other] = servers as [Server, Server];
  const startedAt = performance.now();
  const racing: Result[] = [];
  let alive = 0;

  const batchSize = 10;
  for (let done = 0; done < rounds; done += batchSize) {
    report.progress(`sign-out ${done + 1}`);
    const people = await Promise.all(
      Array.from({ length: Math.min(batchSize, rounds - done) }, () => signIn(servers)),
    );
    // Always by the clock, so that the token of this session is refreshed and not another one of the listener.
    await expireTokens(fleet, 0);
    await Promise.all(
      people.map(async (person) => {
        const refreshing = sleep(random.between(0, 25)).then(() => visitOnce(one, person));
        const signingOut = sleep(random.between(0, 25)).then(() =>
          visitOnce(other, person, '/logout', 'POST'),
        );
        const [status] = await Promise.all([refreshing, signingOut]);
        racing.push(status);
        const after = await Promise.all(servers.map((server) => visitOnce(server, person)));
        if (after.some((one) => one !== 401)) alive += 1;
      }),
    );
  }
  const keysLeft = await fleet.keys();
  report.progress('');
  report.fact('racing pages (401: already signed out)', counted(racing));
  report.fact('sessions alive afterward', alive);
  report.fact('keys left in Redis', keysLeft.length);
  report.fact('took', elapsed(startedAt));
  report.claim('0 sessions alive, 0 keys left', alive === 0 && keysLeft.length === 0);
}

/** Measures for how long only the refreshing process has the new token. */
async function saveWindow(fleet: Fleet, { rounds, report }: Options): Promise<void> {
  report.begin(`the time between Spotify’s response and the save in Redis, in ${grouped(rounds)} refreshes`);
  const server = await fleet.start({ viaRedisProxy: true });
  const mara = await signIn([server]);
  const savedAt: number[] = [];
  server.redis.onCommand((text) => {
    if (isSave(text)) savedAt.push(performance.now());
  });
  const windows: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    report.progress(`refresh ${round + 1}`);
    await expireTokens(fleet, round);
    await visitOnce(server, mara);
    const [answered, saved] = [fleet.spotify.answeredAt.at(-1), savedAt.at(-1)];
    if (answered !== undefined && saved !== undefined) windows.push(saved - answered);
  }
  report.progress('');
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  report.fact('refreshes measured', windows.length);
  report.fact('median', ms(percentile(windows, 50)));
  report.fact('95th percentile', ms(percentile(windows, 95)));
  report.fact('longest', ms(Math.max(...windows)));
  report.claim('every refresh was saved', windows.length === rounds && savedAt.length === rounds);
}
