import { setImmediate as nextTurn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createRandom } from '../simulator/random.ts';
import { Cooldown } from '../src/access/errors.ts';
import { familyBudget, liveBudget, msUntilFit } from '../src/access/quota-budget.ts';
import { type QuotaFamily, quotaFamilies } from '../src/access/quota-families.ts';
import { createQuotaGate } from '../src/access/quota-gate.ts';
import { createQuotaLedger } from '../src/access/quota-ledger.ts';
import { nextPoll } from '../src/live/cadence.ts';
import { type Observation, observe } from '../src/live/observation.ts';
import { redisOnPath, startRedis } from '../src/redis/local-server.ts';
import { createRecords } from '../src/redis/records.ts';
import { RateLimited } from '../src/spotify/errors.ts';
import { type Day, dayOfMusic, hour, minute, second } from './day.ts';
import type { Bench, Options } from './options.ts';
import { grouped } from './report.ts';

/*
 * Simulated weeks in which Spotify's buckets of calls have unknown sizes. The gate and its ledger are the real ones, in Redis; the
 * clock and Spotify are simulated. Beside them, what a single gate would have done that pauses everything for each refusal.
 */
const processes = 3;
const dailyCalls = 700;
const day = 24 * hour;
const sampleEveryMs = 5 * minute;

/** Families that draw on one quota, and how many calls it allows in any 24 hours. */
type Bucket = { families: readonly QuotaFamily[]; perDay: number };
/** `named`: whether a refusal says when the next call is possible. */
type World = { name: string; buckets: readonly Bucket[]; named: boolean };

/** Decides whether Spotify may be called. `isPaused`: whether pages say that a family is paused. */
type Gate = {
  run(family: QuotaFamily, call: () => Promise<void>): Promise<void>;
  isPaused(family: QuotaFamily): Promise<boolean>;
};

export const bench: Bench = async (options) => {
  const program = redisOnPath(process.env);
  if (program === null) throw new Error('There is no redis-server on the PATH');
  const redis = await startRedis({ program });
  try {
    await simulatedWeeks(options, redis.url);
  } finally {
    await redis.stop();
  }
};

async function simulatedWeeks({ report, seed, rounds }: Options, redisUrl: string): Promise<void> {
  const all = { ours: 0, single: 0, during: 0 };
  for (const world of rounds < 1000 ? worlds().slice(-3) : worlds()) {
    report.begin(`A week with ${world.name}`);
    const ours = await simulateWeek(world, seed, (now) => createFleet(redisUrl, now));
    const single = await simulateWeek(world, seed, createSingleGate);
    report.fact('calls answered, refused', `${grouped(ours.answered)}, ${grouped(ours.refused)}`);
    report.fact('exports of 70 calls put off, of 14', ours.exportsRefused);
    report.fact(
      'calls with a single gate answered, refused',
      `${grouped(single.answered)}, ${grouped(single.refused)}`,
    );
    report.fact('most calls made into a family that was known to be closed', ours.during);
    const hours = [ours, single].map(({ pausedMs }) => (pausedMs / hour).toFixed(1));
    report.fact(
      'hours paused that Spotify would have answered, by families',
      `${hours[0]}; single gate ${hours[1]}`,
    );
    all.ours += ours.pausedMs;
    all.single += single.pausedMs;
    all.during = Math.max(all.during, ours.during);
  }
  report.begin('All weeks together');
  const percent = (100 * all.ours) / all.single;
  report.fact('hours paused needlessly, of those of a single gate', `${percent.toFixed(1)} %`);
  report.claim(
    'at most one call for each closure goes into a family that is known to be closed',
    all.during <= 1,
  );
  report.claim('at most 5 % of the hours that a single gate would have paused needlessly', percent <= 5);
}

function worlds(): World[] {
  const layouts: [string, readonly (readonly QuotaFamily[])[]][] = [
    ['a bucket for each family', quotaFamilies.map((family) => [family])],
    [
      'buckets of two families',
      [
        ['player-read', 'player-write'],
        ['lists', 'playlist-read'],
        ['search', 'catalogue'],
        ['playlist-write', 'library-write'],
        ['me', 'images'],
      ],
    ],
  ];
  const sizes = [200, 700, 2_000].flatMap((player) =>
    [50, 500].flatMap((other) =>
      layouts.map(([name, groups]) => ({
        name: `${name}: ${player} calls for the player, ${other} for the others`,
        named: true,
        buckets: groups.map((families) => ({
          families,
          perDay: families.includes('player-read') ? player : other,
        })),
      })),
    ),
  );
  const lists: readonly QuotaFamily[] = ['lists', 'playlist-read', 'search'];
  const separate = quotaFamilies.map((family) => ({ families: [family], perDay: 100 }));
  return [
    ...sizes,
    {
      name: '150 calls for lists, contents of playlists and searches together',
      buckets: [
        { families: lists, perDay: 150 },
        ...separate.filter(({ families }) => !families.some((one) => lists.includes(one))),
      ],
      named: true,
    },
    { name: '400 calls for everything', buckets: [{ families: quotaFamilies, perDay: 400 }], named: true },
    {
      name: '100 calls for each family, and no word of when the next is possible',
      buckets: separate,
      named: false,
    },
  ];
}

/** Spotify, which answers until a bucket is full, and then says when its next call is possible. */
function createSpotify({ buckets, named }: Pick<World, 'buckets' | 'named'>, now: () => number) {
  const acceptedAt = new Map<Bucket, number[]>(buckets.map((bucket) => [bucket, []]));
  /** When the bucket of a family is free; 0 if it is now. */
  function freeAt(family: QuotaFamily): number {
    const bucket = buckets.find(({ families }) => families.includes(family));
    const times = bucket ? (acceptedAt.get(bucket) ?? []) : [];
    while (times[0] !== undefined && times[0] <= now() - day) times.shift();
    return bucket && times.length >= bucket.perDay ? Number(times[0]) + day : 0;
  }
  return {
    freeAt,
    async call(family: QuotaFamily): Promise<void> {
      const at = freeAt(family);
      if (at > 0) {
        const seconds = Math.ceil((at - now()) / second);
        throw new RateLimited('429', named ? String(seconds) : undefined, true);
      }
      const bucket = buckets.find(({ families }) => families.includes(family));
      if (bucket) acceptedAt.get(bucket)?.push(now());
      // Calls of other processes are made while this one is answered.
      await nextTurn();
    },
  };
}

type Spotify = ReturnType<typeof createSpotify>;

/** Decides what live updates and exports may do. */
type Budgets = {
  nextPollAt(observation: Observation, now: number): Promise<number>;
  mayExport(calls: number): Promise<boolean>;
};

type Site = { gates: readonly Gate[]; budgets: Budgets; close(): void };

/** Processes with the real gate, and a ledger that they share. */
async function createFleet(redisUrl: string, now: () => number): Promise<Site> {
  const redis = new Redis(redisUrl);
  await redis.flushall();
  const onDamaged = (kind: string) => {
    throw new Error(`A damaged record: ${kind}`);
  };
  const records = createRecords({ redis, formerPrefix: '', onDamaged });
  const ledger = createQuotaLedger({ redis, records, name: 'bench', now });
  const gates = Array.from({ length: processes }, () => {
    const gate = createQuotaGate({ records, ledger, clientId: 'bench', now });
    return {
      run: (family: QuotaFamily, call: () => Promise<void>) =>
        gate.run({ family, endpoint: `GET /${family}` }, call),
      isPaused: async (family: QuotaFamily) => (await gate.cooldown(family)) !== null,
    };
  });
  return {
    gates,
    budgets: {
      async nextPollAt(observation, at) {
        const budget = liveBudget(await ledger.read(), dailyCalls, at);
        return nextPoll({ now: at, observation, budget, listeners: 1, interest: 'everything' }).at;
      },
      mayExport: async (calls) =>
        msUntilFit(familyBudget(await ledger.read(), 'playlist-read', dailyCalls, now()), calls) === 0,
    },
    close: () => redis.disconnect(),
  };
}

/** One gate and one budget for everything: a refusal pauses all families. */
async function createSingleGate(now: () => number): Promise<Site> {
  let closedUntil = 0;
  const madeAt: number[] = [];
  const used = () => madeAt.filter((at) => at > now() - day).length;
  const gate: Gate = {
    async run(_family, call) {
      if (closedUntil > now()) throw new Cooldown(closedUntil, { quota: true, family: null });
      madeAt.push(now());
      try {
        await call();
      } catch (error) {
        if (error instanceof RateLimited) closedUntil = now() + Number(error.retryAfter ?? 3_600) * second;
        throw error;
      }
    },
    isPaused: async () => closedUntil > now(),
  };
  return {
    gates: Array.from({ length: processes }, () => gate),
    budgets: {
      nextPollAt: async (observation, at) => {
        const budget = {
          perDay: dailyCalls,
          isGuess: true,
          used: used(),
          expiries: [{ inMs: day, calls: used() }],
        };
        return nextPoll({ now: at, observation, budget, listeners: 1, interest: 'everything' }).at;
      },
      mayExport: async () => true,
    },
    close: () => undefined,
  };
}

type Totals = { answered: number; refused: number; exportsRefused: number; during: number; pausedMs: number };

/** A week of one listener's music in the evenings, pages all day, and two exports a day. */
async function simulateWeek(
  world: World,
  seed: string,
  createSite: (now: () => number) => Promise<Site>,
): Promise<Totals> {
  let time = Date.UTC(2026, 10, 2);
  const begin = time;
  const now = () => time;
  const spotify = createSpotify(world, now);
  const site = await createSite(now);
  const totals: Totals = { answered: 0, refused: 0, exportsRefused: 0, during: 0, pausedMs: 0 };
  const call = countCalls(site, spotify, now, totals);
  const events = eventsOfWeek(begin, seed);
  const evenings = Array.from({ length: 7 }, (_, index) => begin + index * day + 18 * hour).map((from) =>
    dayOfMusic(from, from + 4 * hour, `${seed} evening ${from}`),
  );
  let sampledAt = begin;
  const polls = evenings.map((evening) => ({ evening, at: evening.from, seen: null as Observation | null }));
  for (;;) {
    const event = events[0];
    const poll = polls[0];
    if (!event && !poll) break;
    const isPoll = poll !== undefined && poll.at <= (event?.at ?? Number.POSITIVE_INFINITY);
    time = Math.ceil(Math.max(time, isPoll ? poll.at : (event?.at ?? 0)));
    for (; sampledAt < time; sampledAt += sampleEveryMs)
      totals.pausedMs += await needlessPauseMs(site, spotify);
    if (!isPoll) {
      events.shift();
      await event?.happen(call, site.budgets, totals);
    } else if (poll.at >= poll.evening.to) polls.shift();
    else poll.at = await pollOnce(poll, call, site.budgets, now);
  }
  site.close();
  return totals;
}

/** Polls, and returns when to poll next. */
async function pollOnce(
  poll: { evening: Day; seen: Observation | null },
  call: Call,
  budgets: Budgets,
  now: () => number,
): Promise<number> {
  const until = await call('player-read', 0);
  if (until !== null) return Math.max(until + 2 * second, now() + second);
  const times = { askedAt: now(), answeredAt: now() + 100 };
  poll.seen = observe(poll.evening.at(now()), times, poll.seen);
  return Math.max(await budgets.nextPollAt(poll.seen, now()), now() + 1_500);
}

/** Makes a call, from one of the processes. Returns null if it is answered, else until when its family is paused. */
type Call = (family: QuotaFamily, process: number) => Promise<number | null>;

function countCalls(site: Site, spotify: Spotify, now: () => number, totals: Totals): Call {
  /** For each family, until when the fleet knows it to be closed, and how many calls were made since. */
  const closed = new Map<QuotaFamily, { until: number; calls: number }>();
  return async (family, process) => {
    try {
      await site.gates[process % processes]?.run(family, async () => {
        const closure = closed.get(family);
        if (closure && now() < closure.until) {
          closure.calls += 1;
          totals.during = Math.max(totals.during, closure.calls);
        }
        try {
          await spotify.call(family);
          totals.answered += 1;
        } catch (error) {
          totals.refused += 1;
          throw error;
        }
      });
      return null;
    } catch (error) {
      if (!(error instanceof Cooldown || error instanceof RateLimited)) throw error;
      const until = error instanceof Cooldown ? error.until : spotify.freeAt(family);
      if ((closed.get(family)?.until ?? 0) <= now()) closed.set(family, { until, calls: 0 });
      return until;
    }
  };
}

/** The time in a sample in which families are paused that Spotify would answer. */
async function needlessPauseMs({ gates }: Site, { freeAt }: Spotify): Promise<number> {
  let ms = 0;
  for (const family of quotaFamilies)
    if (freeAt(family) === 0 && (await gates[0]?.isPaused(family))) ms += sampleEveryMs;
  return ms;
}

type PageEvent = { at: number; happen(call: Call, budgets: Budgets, totals: Totals): Promise<void> };

/** Pages of several people from eight in the morning until eleven at night, and two exports a day. */
function eventsOfWeek(begin: number, seed: string): PageEvent[] {
  const random = createRandom(`${seed} week`);
  const families: QuotaFamily[] = [
    ...Array<QuotaFamily>(8).fill('lists'),
    ...Array<QuotaFamily>(6).fill('playlist-read'),
    ...Array<QuotaFamily>(5).fill('search'),
    'me',
    'player-write',
    'playlist-write',
    'library-write',
    'catalogue',
  ];
  const pick = (at: number): PageEvent => {
    const family = families[random.between(0, families.length - 1)] ?? 'lists';
    // Several processes at once.
    return {
      at,
      happen: async (call) => void (await Promise.all([0, 1, 2].map((process) => call(family, process)))),
    };
  };
  const exportAt = (at: number): PageEvent => ({
    at,
    async happen(call, budgets, totals) {
      if (!(await budgets.mayExport(70))) {
        totals.exportsRefused += 1;
        return;
      }
      for (let page = 0; page < 70; page += 1) if ((await call('playlist-read', 1)) !== null) return;
    },
  });
  const inDay = () => random.between(8 * hour, 23 * hour);
  const days = Array.from({ length: 7 }, (_, index) => begin + index * day);
  return days
    .flatMap((from) => [
      ...Array.from({ length: 80 }, () => pick(from + inDay())),
      ...Array.from({ length: 2 }, () => exportAt(from + inDay())),
    ])
    .sort((one, other) => one.at - other.at);
}
