import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/simulator.ts';
import { keys } from '../../src/redis/keys.ts';
import { until } from './fleet.ts';
import { connectAsServer } from './redis.ts';
import { testTiming } from './timing.ts';
import { clientId, startTurntable, type Turntable } from './turntable.ts';

/** The call of a poll. */
export const playerPath = '/v1/me/player';

/** Waits until the hub has ticked several times and all its calls have been answered. */
export async function waitForTicks({ calls }: Pick<Simulator, 'calls'>): Promise<void> {
  for (let ticks = 0; ticks < 4; ticks += 1) await sleep(testTiming.live.tickMs + 2);
  while (calls.some(({ status }) => status === 0)) await sleep(5);
  await sleep(testTiming.live.tickMs + 2);
}

/** Waits until the server has noticed the end of every stream. */
export async function waitForStreamsToEnd(keys: Turntable['keys']): Promise<void> {
  await until(async () => !(await keys()).some((key) => key.startsWith('streams:')));
}

/** Starts Turntable with a signed-in listener who plays the first track from its start and may control the player. */
export async function startLiveListener(
  t: Parameters<typeof startTurntable>[0],
  options: Parameters<typeof startTurntable>[1] = {},
) {
  const turntable = await startTurntable(t, options);
  turntable.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = turntable.browser();
  await mara.signIn('mara', '?allow=user-modify-playback-state');
  const { body } = await mara.getJson('/now-playing').expect(200);
  // The observation is stored after the response; another process that finds none would ask Spotify itself.
  await until(async () => (await turntable.keys()).some((key) => key.startsWith('now-playing:')));
  turntable.simulator.forgetCalls();
  const durationMs: number = body.item.durationMs;
  return { ...turntable, mara, name: body.item.name as string, durationMs };
}

/** Records in the ledger that Spotify refused a call about the player, after this many in a day. */
export async function refusedAfter(
  { redisUrl, clock }: Pick<Turntable, 'redisUrl' | 'clock'>,
  calls: number,
): Promise<void> {
  const redis = connectAsServer(redisUrl);
  await redis.hset(keys.ledger(clientId), 'refused player-read', `${calls} ${clock.now()}`);
  redis.disconnect();
}
