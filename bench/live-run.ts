import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCleanupScope } from '../test/support/cleanup.ts';
import { type Event, type EventStream, openStream } from '../test/support/event-stream.ts';
import type { Fleet, Server } from '../test/support/fleet.ts';
import type { Browser } from '../test/support/turntable.ts';
import type { Options } from './options.ts';
import { grouped, percentile } from './report.ts';
import { withFleet } from './with-fleet.ts';

/*
 * Now playing for a while as it really is: real processes, real streams, a clock that goes by itself.
 */
const processes = 4;
const playerPath = '/v1/me/player';

/** Refresh tokens that stay, and clocks that go by themselves. */
const how = { rotation: 'none', ticking: true } as const;

/** A minute and a half of the same music with one tab, and with a hundred on four processes: what that costs. */
export async function aHundredTabs({ report, rounds }: Options): Promise<void> {
  const seconds = rounds < 1000 ? 30 : 90;
  report.begin(
    `${seconds} s of music: one tab, then 100 tabs on ${processes} processes (10 sessions with 10 each)`,
  );
  const calls: number[] = [];
  for (const sessions of [0, 10]) {
    await withFleet(how, async (fleet) => {
      const servers = await fleet.startMany(sessions === 0 ? 1 : processes);
      const people = await Promise.all(
        Array.from({ length: Math.max(1, sessions) }, (_, index) => signedIn(at(servers, index))),
      );
      const trackMs = await play(fleet, people[0] as Browser);
      // The first track ends after ten seconds, so that there is an end of a track to see.
      fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: trackMs - 10_000 });
      await sleep(1_100);
      await people[0]?.getJson('/now-playing').expect(200);
      fleet.simulator.forgetCalls();
      const ends = createCleanupScope();
      for (const [index, person] of people.entries()) {
        for (let tab = 0; tab < (sessions === 0 ? 1 : 10); tab += 1)
          await openStream(ends, at(servers, index + tab).url, person);
      }
      await sleep(seconds * 1000);
      calls.push(playerCalls(fleet));
      await ends.close();
    });
  }
  const [one = 0, hundred = 0] = calls;
  report.fact('calls with one tab', one);
  report.fact('calls with 100 tabs', hundred);
  report.claim('100 tabs on 4 processes take not one call more', one > 0 && hundred <= one);
}

/** How soon somebody who comes back, or presses a button of ours, sees what Spotify knows. */
export async function promptness({ report, rounds }: Options): Promise<void> {
  const times = rounds < 1000 ? 5 : 20;
  report.begin(`A tab shown again, and a button of ours pressed, ${times} times each`);
  await withFleet({ ...how, env: { SPOTIFY_DAILY_CALLS: '100000' } }, async (fleet) => {
    const [one, other] = (await fleet.startMany(2)) as [Server, Server];
    const mara = await signedIn(one, '?allow=user-modify-playback-state');
    await play(fleet, mara);
    const ends = createCleanupScope();
    const watching = await openStream(ends, other.url, mara);
    const shown: number[] = [];
    const pressed: number[] = [];
    for (let round = 0; round < times; round += 1) {
      // Until nobody looks any more for what the last button did.
      await sleep(3_000);
      const old = watching.events.at(-1)?.data.uri;
      fleet.simulator.plays('mara', { kind: 'track', index: 3 * round + 1, progressMs: 0 });
      const before = performance.now();
      const stream = await openStream(ends, one.url, mara, '?look=now');
      await stream.waitFor(({ data }) => data.uri !== old);
      shown.push(performance.now() - before);
      stream.close();

      const seen = watching.events.length;
      const { uri } = watching.events.at(-1)?.data ?? {};
      const press = performance.now();
      // Spotify shows a command at once, or a while after it has taken it.
      const lateMs = at([0, 300, 800], round);
      fleet.simulator.settings.commandDelayMs = lateMs;
      const command = at(['pause', 'next'], round);
      await mara.post(`/player/${command}`).type('form').send({ returnTo: '/now-playing' }).expect(303);
      await mara.get('/now-playing').expect(200);
      await news(watching, seen, ({ data }) =>
        command === 'pause' ? data.playing === false : data.uri !== uri,
      );
      pressed.push(performance.now() - press - lateMs);
      fleet.simulator.settings.commandDelayMs = 0;
      if (command === 'pause')
        await mara.post('/player/play').type('form').send({ returnTo: '/now-playing' }).expect(303);
    }
    await ends.close();
    for (const [name, delays] of [
      ['a tab shown again', shown],
      ['a button pressed, seen in another tab', pressed],
    ] as const) {
      report.fact(`${name}: median and longest`, `${ms(percentile(delays, 50))}, ${ms(Math.max(...delays))}`);
      report.claim(`${name}: seen within 2 s`, Math.max(...delays) <= 2_000);
    }
  });
}

/** Ten thousand streams at one process, of a hundred listeners: what they take, and what a page costs meanwhile. */
export async function manyStreams({ report, rounds }: Options): Promise<void> {
  const many = rounds < 1000 ? 1_000 : 10_000;
  const listeners = 100;
  const seconds = rounds < 1000 ? 20 : 60;
  report.begin(`${grouped(many)} idle streams of ${listeners} listeners at one process`);
  const options = { ...how, extraListeners: listeners, env: { SPOTIFY_DAILY_CALLS: '100000' } };
  await withFleet(options, async (fleet) => {
    const server = await fleet.start();
    const reader = await signedIn(server);
    const ends = createCleanupScope();
    const before = memory(server);
    const began = performance.now();
    let person = reader;
    for (let stream = 0; stream < many; stream += 1) {
      // Ten to a session, and signing in takes its time.
      if (stream % 10 === 0) person = await signedIn(server, '', `guest${((stream / 10) % listeners) + 1}`);
      await openStream(ends, server.url, person);
      if (stream % 500 === 0) report.progress(`${stream} streams`);
    }
    await sleep(5_000);
    report.fact('opened within', `${((performance.now() - began) / 1000).toFixed(0)} s`);
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
      await reader.get('/account').expect(200);
      took.push(performance.now() - asked);
      await sleep(100);
    }
    report.fact(
      'the same with ten pages a second at the most',
      `${((cpu(server) - busy) / (10 * seconds)).toFixed(1)} %`,
    );
    report.fact('pages meanwhile: median, p95', `${ms(percentile(took, 50))}, ${ms(percentile(took, 95))}`);
    report.claim('no page above 200 ms at p95', percentile(took, 95) <= 200);
    await ends.close();
  });
}

async function signedIn(server: Server, query = '', listener = 'mara'): Promise<Browser> {
  const person = server.browser();
  await person.signIn(listener, query);
  return person;
}

/** Plays the first track from its start; gives its length in milliseconds. */
async function play(fleet: Fleet, person: Browser): Promise<number> {
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const { body } = await person.getJson('/now-playing').expect(200);
  return body.item.durationMs;
}

function playerCalls({ simulator }: Fleet): number {
  return simulator.calls.filter(({ path }) => path === playerPath).length;
}

/** Waits for an event like this after the first so many. */
async function news(stream: EventStream, after: number, what: (event: Event) => boolean): Promise<void> {
  while (!stream.events.slice(after).some(what)) await sleep(5);
}

function at<T>(all: readonly T[], index: number): T {
  return all[index % all.length] as T;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

/** Resident memory of a server in kB, and the CPU time it took so far in milliseconds, as Linux tells them. */
function memory({ child }: Server): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
}

function cpu({ child }: Server): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  // User and system time, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
