import type { Episode } from './catalog.ts';
import type { JsonObject } from './json.ts';
import { createRandom } from './random.ts';

/** Returns how far a listener has got in an episode (Spotify: `ResumePointObject`): some are finished, some begun, most not started. */
export function resumePointOf(listenerId: string, { id, durationMs }: Episode): JsonObject {
  const random = createRandom(`resume point ${listenerId} ${id}`);
  const state = random.between(1, 4);
  const begunMs = random.between(60_000, durationMs - 60_000);
  return { fully_played: state === 1, resume_position_ms: state === 2 ? begunMs : 0 };
}
