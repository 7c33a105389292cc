import { setTimeout as sleep } from 'node:timers/promises';
import { startTurntable } from './turntable.ts';

/** What is asked of Spotify to see what plays. */
export const player = '/v1/me/player';

/** The hub looks at the clock this often; a look that is not due by then is not made. */
export const severalTicks = () => sleep(700);

/** Somebody who plays the first track from its start, signed in, with the page in front of them, and allowed to control the player. */
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
