import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../simulator/random.ts';
import type { CleanupScope } from './cleanup.ts';
import { openStream } from './event-stream.ts';
import type { SiteBehindNginx } from './nginx.ts';
import { allowAll } from './pages.ts';
import type { Browser } from './turntable.ts';
import { addTo, judge, pressedButtons, visitedPages } from './visits.ts';

/* People who use the site through nginx without a pause: they visit pages, press buttons, sign in again, and leave streams open. */

export type Tally = {
  correct: number;
  /** The failures, and how often each occurred. */
  wrong: Map<string, number>;
  signIns: number;
  /** Streams that were opened; beyond the first of each person, again after they had ended. */
  streams: number;
  slowestMs: number;
};

export type Person = { name: string; browser: Browser };

type Options = {
  people: number;
  thinkMs: { min: number; max: number };
  seed: string;
};

/** Signs people in, and begins the load. They are the last listeners of the simulator (see `extraListeners`). */
export async function beginLoad(t: CleanupScope, site: SiteBehindNginx, options: Options) {
  const tally: Tally = { correct: 0, wrong: new Map(), signIns: 0, streams: 0, slowestMs: 0 };
  const stopped = new AbortController();
  const crowd: Person[] = [];
  for (const { id, name } of site.fleet.simulator.listeners.slice(-options.people)) {
    const browser = site.browser();
    await browser.signIn(id, allowAll);
    crowd.push({ name: name ?? id, browser });
  }
  const all = crowd.map((person, index) => {
    const random = createRandom(`${options.seed} ${index}`);
    const streams = index % 3 === 0 ? watch(t, site, person, random, stopped.signal, tally) : undefined;
    return Promise.all([roam(site, person, random, options, stopped.signal, tally), streams]);
  });

  return {
    tally,
    /** Ends the load, once every request has been answered. Returns the names of those who are signed out. */
    async stop(): Promise<string[]> {
      stopped.abort();
      await Promise.all(all);
      const lost: string[] = [];
      for (const { name, browser } of crowd)
        if ((await site.visit(browser, '/account')).status !== 200) lost.push(name);
      return lost;
    },
  };
}

/** Visits pages, presses buttons and now and then signs in again as one person. */
async function roam(
  site: SiteBehindNginx,
  person: Person,
  random: Random,
  { thinkMs }: Options,
  stopped: AbortSignal,
  tally: Tally,
): Promise<void> {
  const id = site.fleet.simulator.listeners.find(({ name }) => name === person.name)?.id;
  while (!stopped.aborted) {
    const startedAt = performance.now();
    const isSignIn = random.percent(3);
    const isAction = random.percent(25);
    const path = isSignIn ? 'sign-in' : random.pick(isAction ? pressedButtons : visitedPages);
    try {
      if (isSignIn) {
        const browser = site.browser();
        await browser.signIn(id, allowAll);
        person.browser = browser;
        tally.signIns += 1;
      } else {
        const verdict = judge(
          person.name,
          isAction,
          await site.visit(person.browser, path, isAction ? 'POST' : 'GET'),
        );
        if ('correct' in verdict) tally.correct += 1;
        else addTo(tally.wrong, `${path}: ${'wrong' in verdict ? verdict.wrong : verdict.error}`);
      }
    } catch (error) {
      const { code, name, message } = error as NodeJS.ErrnoException;
      addTo(tally.wrong, `${path}: ${code ?? name} ${isSignIn ? message : ''}`);
    }
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedAt);
    await sleep(random.between(thinkMs.min, thinkMs.max));
  }
}

/** Leaves a stream open as one person, and opens it again when it ends, though sooner than a browser. */
async function watch(
  t: CleanupScope,
  site: SiteBehindNginx,
  person: Person,
  random: Random,
  stopped: AbortSignal,
  tally: Tally,
): Promise<void> {
  while (!stopped.aborted) {
    try {
      const stream = await openStream(t, site.fleet.baseUrl, person.browser);
      if (stream.status !== 200) addTo(tally.wrong, `stream: ${stream.status}`);
      else tally.streams += 1;
      const aborted = () => stream.close();
      stopped.addEventListener('abort', aborted);
      await stream.waitForEnd();
      stopped.removeEventListener('abort', aborted);
      if (!stopped.aborted && stream.status === 200 && !stream.wasComplete())
        addTo(tally.wrong, 'stream: cut off');
    } catch (error) {
      addTo(tally.wrong, `stream: ${(error as NodeJS.ErrnoException).code}`);
    }
    await sleep(random.between(100, 500));
  }
}
