import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../simulator/random.ts';
import type { Timing } from '../src/access/timing.ts';
import type { Fleet, Server } from '../test/support/fleet.ts';
import { command } from '../test/support/slow-redis.ts';
import type { Browser } from '../test/support/turntable.ts';
import type { Bench, Options } from './options.ts';
import { counted, grouped, percentile } from './report.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Renewals under load, between real processes, with a Spotify that gives a new refresh token each time and honours the old one
 * no more: the one rotation in which a mistake of ours signs a person out.
 */
const processes = 4;
const requestsEach = 50;

const write = command('eval', '(?<!lock:)grant:');
/** A renewal on its way to Redis; a grant that Spotify refuses is ended by a write as well. */
const isSave = (said: string) => write.test(said) && !said.includes(':ended');

export const bench: Bench = async (options) => {
  const { rounds, report } = options;
  const machine = `Node ${process.version}, ${processes} processes, seed "${options.seed}"`;
  report.begin(`grants: ${grouped(rounds)} rounds, ${machine}`);

  for (const [name, measure, timing = {}] of parts) {
    if (options.only === undefined || options.only === name)
      await withFleet({ rotation: 'strict', timing }, (fleet) => measure(fleet, options));
  }
};

type Part = [
  name: string,
  measure: (fleet: Fleet, options: Options) => Promise<void>,
  timing?: Partial<Timing>,
];

const parts: readonly Part[] = [
  ['load', renewalsUnderLoad],
  ['slow', renewalsWithSlowEndpoint],
  // All waits of a renewal scaled down by about 20, in the same order.
  [
    'dying',
    renewalsAmongTheDying,
    { accountsDeadlineMs: 400, leaseMs: 500, lockWaitMs: 2_000, apiDeadlineMs: 2_000 },
  ],
  ['sign-outs', signOutsAgainstRenewals],
  ['window', theWindow],
];

/** Fifty requests at each of four processes find the same token spent, round after round. */
async function renewalsUnderLoad(fleet: Fleet, { rounds, report }: Options): Promise<void> {
  report.begin(
    `${grouped(rounds)} rounds of ${requestsEach} requests at each of ${processes} processes, on a token that is over`,
  );
  const servers = await fleet.startMany(processes);
  const mara = await signedIn(servers);
  const began = performance.now();
  const statuses: Result[] = [];
  const tokens = { asked: 0, refused: 0, roundsWithOne: 0 };

  for (let round = 0; round < rounds; round += 1) {
    report.progress(`round ${round + 1}`);
    await expire(fleet, round);
    statuses.push(...(await Promise.all(servers.flatMap((server) => pagesAt(server, mara)))));
    const { asked, refused } = renewalsOf(fleet);
    tokens.asked += asked;
    tokens.refused += refused;
    if (asked === 1) tokens.roundsWithOne += 1;
  }
  tellOfLoad(report, { rounds, tokens, statuses, began });
}

/** The same while each renewal takes a second; several listeners at a time, or it would take all day. */
async function renewalsWithSlowEndpoint(fleet: Fleet, { rounds, report }: Options): Promise<void> {
  const listeners = fleet.simulator.listeners.slice(0, rounds);
  const steps = Math.ceil(rounds / listeners.length);
  report.begin(
    `${grouped(rounds)} such rounds with a token endpoint that takes 1 s: ${listeners.length} listeners, each a third of a second after the other`,
  );
  const servers = await fleet.startMany(processes);
  const people = await Promise.all(listeners.map(({ id }) => signedIn(servers, id)));
  fleet.simulator.fault({ on: 'token', times: Number.POSITIVE_INFINITY, delayMs: 1_000 });
  const began = performance.now();
  const statuses: Result[] = [];
  const tokens = { asked: 0, refused: 0, roundsWithOne: 0 };

  for (let step = 0; step < steps; step += 1) {
    report.progress(`step ${step + 1}`);
    await expire(fleet, step);
    const now = people.slice(0, rounds - step * people.length);
    const all = now.map(async (person, index) => {
      // One after the other: what is measured is a round, not several at the same moment.
      await sleep(index * 333);
      return Promise.all(servers.flatMap((server) => pagesAt(server, person)));
    });
    statuses.push(...(await Promise.all(all)).flat());
    const { asked, refused } = renewalsOf(fleet);
    tokens.asked += asked;
    tokens.refused += refused;
    if (asked === now.length) tokens.roundsWithOne += now.length;
  }
  tellOfLoad(report, { rounds, tokens, statuses, began });
}

type Load = {
  rounds: number;
  tokens: { asked: number; refused: number; roundsWithOne: number };
  statuses: Result[];
  began: number;
};

function tellOfLoad(report: Options['report'], { rounds, tokens, statuses, began }: Load): void {
  report.progress('');
  report.fact('answers', counted(statuses));
  report.fact('token requests', tokens.asked);
  report.fact('of these refused (invalid_grant)', tokens.refused);
  report.fact('rounds with exactly one token request', tokens.roundsWithOne);
  report.fact('took', took(began));
  const once = tokens.asked === rounds && tokens.roundsWithOne === rounds;
  report.claim(`exactly ${grouped(rounds)} token requests, one in each round`, once);
  const others = statuses.filter((status) => status !== 200).length;
  report.claim(`0 answers other than 200 among ${grouped(statuses.length)}`, others === 0);
  report.claim('0 invalid_grant', tokens.refused === 0);
}

/** In each round one process is paused beyond its lease, or killed, at some moment of the renewal. */
async function renewalsAmongTheDying(fleet: Fleet, { rounds: all, seed, report }: Options): Promise<void> {
  const rounds = Math.ceil(all / 10);
  const { accountsDeadlineMs, leaseMs, lockWaitMs } = fleet.timing;
  report.begin(
    `${grouped(rounds)} rounds in which one process is paused or killed (deadline ${accountsDeadlineMs}, lease ${leaseMs}, patience ${lockWaitMs} ms)`,
  );
  const random = createRandom(`${seed} dying`);
  // Their ways to Redis tell whether what Spotify gave was saved.
  const watched = async () => {
    const server = await fleet.start({ heldUp: true });
    server.redis.watch((said) => {
      if (isSave(said)) saves += 1;
    });
    return server;
  };
  let saves = 0;
  const servers = await Promise.all(Array.from({ length: processes }, watched));
  let mara = await signedIn(servers);
  // Spotify takes a moment, so that the moments in between are met.
  fleet.simulator.fault({ on: 'token', times: Number.POSITIVE_INFINITY, delayMs: 80 });
  const began = performance.now();
  const statuses: Result[] = [];
  const lost = { withKilled: 0, withPaused: 0, otherwise: 0 };
  const events = { paused: 0, killed: 0 };

  for (let round = 0; round < rounds; round += 1) {
    report.progress(`round ${round + 1}`);
    await expire(fleet, round);
    saves = 0;
    const index = random.between(0, processes - 1);
    const victim = servers[index];
    if (!victim) throw new Error('There is no such process');
    const kill = random.percent(50);
    // The one that is to fall asleep or die comes first, so that it is often the one that renews.
    const first = random.percent(70) ? pagesAt(victim, mara) : [];
    const others = servers.filter((server) => server !== victim);
    const pages = [...first, ...others.flatMap((server) => pagesAt(server, mara))];

    await sleep(random.between(0, 160));
    if (kill) {
      events.killed += 1;
      await victim.kill();
      servers[index] = await watched();
    } else {
      events.paused += 1;
      victim.pause();
      await sleep(leaseMs + 200);
      victim.goOn();
    }
    statuses.push(...(await Promise.all(pages)));

    // Whoever was paused has had its say by now.
    const standing = await Promise.all(servers.map((server) => page(server, mara)));
    if (standing.includes(200)) continue;
    const given = renewalsOf(fleet);
    const died = given.asked - given.refused > saves;
    if (!died) lost.otherwise += 1;
    else if (kill) lost.withKilled += 1;
    else lost.withPaused += 1;
    mara = await signedIn(servers);
  }
  report.progress('');
  report.fact('processes paused', events.paused);
  report.fact('processes killed', events.killed);
  report.fact('answers', counted(statuses));
  report.fact('sign-ins lost because the new token died with its process', lost.withKilled);
  report.fact('sign-ins lost because a process woke and gave the answer up', lost.withPaused);
  report.fact('sign-ins lost otherwise', lost.otherwise);
  report.fact('took', took(began));
  report.claim(
    'a sign-in is lost only where the new token died with its process',
    lost.withPaused + lost.otherwise === 0,
  );
}

/** Somebody signs out at one process while another renews. */
async function signOutsAgainstRenewals(fleet: Fleet, { rounds, seed, report }: Options): Promise<void> {
  report.begin(`${grouped(rounds)} sign-outs, each racing a renewal in another process`);
  const random = createRandom(`${seed} sign-outs`);
  const servers = await fleet.startMany(2);
  const [one, other] = servers as [Server, Server];
  const began = performance.now();
  const seen: Result[] = [];
  let alive = 0;

  const side = 10;
  for (let done = 0; done < rounds; done += side) {
    report.progress(`sign-out ${done + 1}`);
    const people = await Promise.all(
      Array.from({ length: Math.min(side, rounds - done) }, () => signedIn(servers)),
    );
    // By the clock each time: then it is this session's token that is renewed, and not any of the listener's.
    await expire(fleet, 0);
    await Promise.all(
      people.map(async (person) => {
        const renewing = sleep(random.between(0, 25)).then(() => page(one, person));
        const leaving = sleep(random.between(0, 25)).then(() => page(other, person, '/logout', 'POST'));
        const [before] = await Promise.all([renewing, leaving]);
        seen.push(before);
        const after = await Promise.all(servers.map((server) => page(server, person)));
        if (after.some((status) => status !== 401)) alive += 1;
      }),
    );
  }
  const left = await fleet.keys();
  report.progress('');
  report.fact('pages that raced (401: signed out by then)', counted(seen));
  report.fact('sessions alive afterwards', alive);
  report.fact('keys left in Redis', left.length);
  report.fact('took', took(began));
  report.claim('0 sessions alive, 0 keys left', alive === 0 && left.length === 0);
}

/** How long a new token is known to nobody but the process that asked for it. */
async function theWindow(fleet: Fleet, { rounds, report }: Options): Promise<void> {
  report.begin(
    `the window between Spotify’s answer and our save reaching Redis, in ${grouped(rounds)} renewals`,
  );
  const server = await fleet.start({ heldUp: true });
  const mara = await signedIn([server]);
  const savedAt: number[] = [];
  server.redis.watch((said) => {
    if (isSave(said)) savedAt.push(performance.now());
  });
  const windows: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    report.progress(`renewal ${round + 1}`);
    await expire(fleet, round);
    await page(server, mara);
    const [answered, saved] = [fleet.spotify.answeredAt.at(-1), savedAt.at(-1)];
    if (answered !== undefined && saved !== undefined) windows.push(saved - answered);
  }
  report.progress('');
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  report.fact('renewals measured', windows.length);
  report.fact('median', ms(percentile(windows, 50)));
  report.fact('95 of 100 below', ms(percentile(windows, 95)));
  report.fact('longest', ms(Math.max(...windows)));
  report.claim('every renewal was saved', windows.length === rounds && savedAt.length === rounds);
}

async function signedIn(servers: readonly Server[], listener = 'mara'): Promise<Browser> {
  const [server] = servers;
  if (!server) throw new Error('There is no server');
  const person = server.browser();
  await person.signIn(listener);
  return person;
}

/** Ends every access token: by the clock in one round, at Spotify before its time in the next. */
async function expire({ simulator, advance }: Fleet, round: number): Promise<void> {
  // Either way it is later than any answer is kept: the pages have to ask Spotify.
  await advance(round % 2 === 0 ? { hours: 2 } : { minutes: 2 });
  if (round % 2 === 1) simulator.expireAccessTokens();
  simulator.forgetCalls();
}

/** The token requests since the tokens were ended last. */
function renewalsOf({ simulator }: Fleet): { asked: number; refused: number } {
  const asked = simulator.calls.filter(({ grantType }) => grantType === 'refresh_token');
  return { asked: asked.length, refused: asked.filter(({ status }) => status === 400).length };
}

type Result = number | 'cut off';

const agent = new Agent({ keepAlive: true });

function pagesAt(server: Server, person: Browser): Promise<Result>[] {
  const Cookie = person.cookieHeader();
  return Array.from({ length: requestsEach }, () => ask(server, Cookie, '/now-playing', 'GET'));
}

function page(server: Server, person: Browser, path = '/now-playing', method = 'GET'): Promise<Result> {
  return ask(server, person.cookieHeader(), path, method);
}

function ask({ url, host: Host }: Server, Cookie: string, path: string, method: string): Promise<Result> {
  return new Promise((resolve) => {
    const headers = { Host, Cookie, Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin' };
    const sent = request(url + path, { method, headers, agent }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', () => resolve('cut off'));
    });
    sent.once('error', () => resolve('cut off'));
    sent.end();
  });
}

function took(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(0)} s`;
}
