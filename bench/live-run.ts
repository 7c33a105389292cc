import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCleanupScope } from '../test/support/cleanup.ts';
import { type Event, type EventStream, openStream } from '../test/support/event-stream.ts';
import type { Fleet, Server } from '../test/support/fleet.ts';
import type { Browser } from '../test/support/turntable.ts';
import type { Options } from './options.ts';
import { grouped } from './report.ts';
import { percentile } from './statistics.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Live updates for real: processes, streams and a running clock.
 */
const processes = 4;
const playerPath = '/v1/me/player';

/** Refresh tokens do not rotate, and the clocks run. */
const options = { rotation: 'none', ticking: true } as const;

/** The calls that a minute and a half of music costs with one tab, and with a hundred on four processes. */
export async function aHundredTabs({ report, rounds }: Options): Promise<void> {
  const seconds = rounds < 1000 ? 30 : 90;
  report.begin(
    `${seconds} s of music: one tab, then 100 tabs on ${processes} processes (10 sessions with 10 each)`,
  );
  const calls: number[] = [];
  for (const sessions of [0, 10]) {
    await withFleet(options, async (fleet) => {
      const servers = await fleet.startMany(sessions === 0 ? 1 : processes);
      const people = await Promise.all(
        Array.from({ length: Math.max(1, sessions) }, (_, index) => signedIn(at(servers, index))),
      );
      const trackMs = await play(fleet, people[0] as Browser);
      // The first track scope after ten seconds, so that the run includes an end.
      fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: trackMs - 10_000 });
      await sleep(1_100);
      await people[0]?.getJson('/now-playing').expect(200);
      fleet.simulator.forgetCalls();
      const scope = createCleanupScope();
      for (const [index, person] of people.entries()) {
        for (let tab = 0; tab < (sessions === 0 ? 1 : 10); tab += 1)
          await openStream(scope, at(servers, index + tab).url, person);
      }
      await sleep(seconds * 1000);
      calls.push(playerCalls(fleet));
      await scope.close();
    });
  }
  const [one = 0, hundred = 0] = calls;
  report.fact('calls with one tab', one);
  report.fact('calls with 100 tabs', hundred);
  report.claim('100 tabs on 4 processes take no more calls than one', one > 0 && hundred <= one);
}

/** How soon a listener who returns to a tab, or presses a button, sees the current state. */
export async function promptness({ report, rounds }: Options): Promise<void> {
  const times = rounds < 1000 ? 5 : 20;
  report.begin(`Returning to a tab, and pressing a button, ${times} times each`);
  await withFleet({ ...options, env: { SPOTIFY_DAILY_CALLS: '100000' } }, async (fleet) => {
    const [one, other] = (await fleet.startMany(2)) as [Server, Server];
    const mara = await signedIn(one, '?allow=user-modify-playback-state');
    await play(fleet, mara);
    const scope = createCleanupScope();
    const openTab = await openStream(scope, other.url, mara);
    const returned: number[] = [];
    const pressed: number[] = [];
    for (let round = 0; round < times; round += 1) {
      // The poll that follows the last button has to be over.
      await sleep(3_000);
      const oldUri = openTab.events.at(-1)?.data.uri;
      fleet.simulator.plays('mara', { kind: 'track', index: 3 * round + 1, progressMs: 0 });
      const returnedAt = performance.now();
      const stream = await openStream(scope, one.url, mara, '?poll=now');
      await stream.waitFor(({ data }) => data.uri !== oldUri);
      returned.push(performance.now() - returnedAt);
      stream.close();

      const before = openTab.events.length;
      const { uri } = openTab.events.at(-1)?.data ?? {};
      const press = performance.now();
      // Spotify shows the effect of a command at once, or a while later.
      const lagMs = at([0, 300, 800], round);
      fleet.simulator.settings.commandDelayMs = lagMs;
      const command = at(['pause', 'next'], round);
      await mara.post(`/player/${command}`).type('form').send({ returnTo: '/now-playing' }).expect(303);
      await mara.get('/now-playing').expect(200);
      await untilEvent(openTab, before, ({ data }) =>
        command === 'pause' ? data.playing === false : data.uri !== uri,
      );
      pressed.push(performance.now() - press - lagMs);
      fleet.simulator.settings.commandDelayMs = 0;
      if (command === 'pause')
        await mara.post('/player/play').type('form').send({ returnTo: '/now-playing' }).expect(303);
    }
    await scope.close();
    for (const [name, delays] of [
      ['returning to a tab', returned],
      ['a button pressed, shown in another tab', pressed],
    ] as const) {
      report.fact(`${name}: median and longest`, `${ms(percentile(delays, 50))}, ${ms(Math.max(...delays))}`);
      report.claim(`${name}: shown within 2 s`, Math.max(...delays) <= 2_000);
    }
  });
}

/** Ten thousand streams of a hundred listeners at one process: what they cost, and how fast pages are at the same time. */
export async function manyStreams({ report, rounds }: Options): Promise<void> {
  const many = rounds < 1000 ? 1_000 : 10_000;
  const listeners = 100;
  const seconds = rounds < 1000 ? 20 : 60;
  report.begin(`${grouped(many)} idle streams of ${listeners} listeners at one process`);
  const env = { SPOTIFY_DAILY_CALLS: '100000' };
  await withFleet({ ...options, extraListeners: listeners, env }, async (fleet) => {
    const server = await fleet.start();
    const visitor = await signedIn(server);
    const scope = createCleanupScope();
    const before = memory(server);
    const began = performance.now();
    let person = visitor;
    for (let stream = 0; stream < many; stream += 1) {
      // Ten for each session, since signing in takes a while.
      if (stream % 10 === 0) person = await signedIn(server, '', `guest${((stream / 10) % listeners) + 1}`);
      await openStream(scope, server.url, person);
      if (stream % 500 === 0) report.progress(`${stream} streams`);
    }
    await sleep(5_000);
    report.fact('opened in', `${((performance.now() - began) / 1000).toFixed(0)} s`);
    report.fact(
      'memory for each stream, with its session',
      `${((memory(server) - before) / many).toFixed(1)} kB`,
    );

    const idle = cpu(server);
    await sleep(seconds * 1000);
    report.fact(
      'CPU of the process for heartbeats and the clock alone',
      `${((cpu(server) - idle) / (10 * seconds)).toFixed(1)} %`,
    );

    const busy = cpu(server);
    const took: number[] = [];
    for (const until = performance.now() + seconds * 1000; performance.now() < until; ) {
      const asked = performance.now();
      await visitor.get('/account').expect(200);
      took.push(performance.now() - asked);
      await sleep(100);
    }
    report.fact(
      'the same with up to ten pages a second',
      `${((cpu(server) - busy) / (10 * seconds)).toFixed(1)} %`,
    );
    report.fact(
      'pages at the same time: median, p95',
      `${ms(percentile(took, 50))}, ${ms(percentile(took, 95))}`,
    );
    report.claim('no page above 200 ms at p95', percentile(took, 95) <= 200);
    await scope.close();
  });
}

async function signedIn(server: Server, query = '', listener = 'mara'): Promise<Browser> {
  const person = server.browser();
  await person.signIn(listener, query);
  return person;
}

/** Plays the first track from its start. Returns its length in milliseconds. */
async function play(fleet: Fleet, person: Browser): Promise<number> {
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const { body } = await person.getJson('/now-playing').expect(200);
  return body.item.durationMs;
}

function playerCalls({ simulator }: Fleet): number {
  return simulator.calls.filter(({ path }) => path === playerPath).length;
}

/** Waits for such an event, not counting the first `after` ones. */
async function untilEvent(
  stream: EventStream,
  after: number,
  isWanted: (event: Event) => boolean,
): Promise<void> {
  while (!stream.events.slice(after).some(isWanted)) await sleep(5);
}

function at<T>(all: readonly T[], index: number): T {
  return all[index % all.length] as T;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

/** The resident memory of a server, in kB, as Linux reports it. */
function memory({ child }: Server): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
}

/** The CPU time that a server has used, in milliseconds, as Linux reports it. */
function cpu({ child }: Server): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  // User and system time in hundredths of a second (proc(5)).
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
