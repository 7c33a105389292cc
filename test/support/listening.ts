import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/simulator.ts';
import { until } from './fleet.ts';
import { testTiming } from './timing.ts';
import { startTurntable, type Turntable } from './turntable.ts';

/** The request of a poll. */
export const player = '/v1/me/player';

/** Waits until the hub has checked several times what is due, and all its calls to Spotify have been answered. */
export async function severalTicks({ calls }: Pick<Simulator, 'calls'>): Promise<void> {
  for (let ticks = 0; ticks < 4; ticks += 1) await sleep(testTiming.live.tickMs + 2);
  while (calls.some(({ status }) => status === 0)) await sleep(5);
  await sleep(testTiming.live.tickMs + 2);
}

/** Waits until the server has closed every stream. */
export async function untilAllLeft(keys: Turntable['keys']): Promise<void> {
  await until(async () => !(await keys()).some((key) => key.startsWith('streams:')));
}

/** A signed-in listener who plays the first track from its start, has the page open, and may control the player. */
export async function listening(
  t: Parameters<typeof startTurntable>[0],
  options: Parameters<typeof startTurntable>[1] = {},
) {
  const turntable = await startTurntable(t, options);
  turntable.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = turntable.browser();
  await mara.signIn('mara', '?allow=user-modify-playback-state');
  const { body } = await mara.getJson('/now-playing').expect(200);
  turntable.simulator.forgetCalls();
  const durationMs: number = body.item.durationMs;
  return { ...turntable, mara, name: body.item.name as string, durationMs };
}
