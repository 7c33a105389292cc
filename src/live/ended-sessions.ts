import type { Grants } from '../access/grants.ts';
import type { SessionRecords } from '../access/session-records.ts';
import type { BackgroundTasks } from '../ops/background.ts';
import { nullIfUnavailable } from '../redis/errors.ts';
import type { Feed } from './feed.ts';

type Deps = {
  grants: Grants;
  sessionRecords: SessionRecords;
  feeds: ReadonlyMap<string, Feed>;
  /** Whether messages of other processes arrive. */
  isJoined: () => boolean;
  endStreamsHere: (sessionIds: readonly string[]) => void;
  background: Pick<BackgroundTasks, 'run'>;
};

const sweepEveryMs = 60_000;
/** While no messages arrive, a sign-out in another process should still end streams within seconds. */
const sweepUnjoinedEveryMs = 5_000;
/** How many sessions are read at a time. */
const batchSize = 500;

/** Finds the streams of sign-ins that have ended without a message: they expired, or the message was lost. */
export function createEndedSessions(deps: Deps) {
  const { grants, sessionRecords, feeds, isJoined, endStreamsHere, background } = deps;
  let sweepDueAt = performance.now() + sweepEveryMs;
  const sweepTimer = setInterval(() => {
    // safeguard: sweep-without-channel
    if (!isJoined() || performance.now() >= sweepDueAt) sweepNow();
  }, sweepUnjoinedEveryMs).unref();

  return {
    /** Ends the streams of a session that has just subscribed if its sign-in ended in the meantime. */
    async check(sessionId: string): Promise<void> {
      // If Redis is down, a sweep finds it later.
      const existing = await grants.findExisting([sessionId]).catch(nullIfUnavailable);
      if (existing && !existing.has(sessionId)) endStreamsHere([sessionId]);
    },

    sweepNow,

    close: () => clearInterval(sweepTimer),
  };

  function sweepNow(): void {
    sweepDueAt = performance.now() + sweepEveryMs;
    background.run('sweep streams', sweep());
  }

  async function sweep(): Promise<void> {
    const subscribers = [...feeds.values()].flatMap((feed) => [...feed.subscribers.keys()]);
    const sessionIds = [...new Set(subscribers.map(({ sessionId }) => sessionId))];
    for (let from = 0; from < sessionIds.length; from += batchSize) {
      const batch = sessionIds.slice(from, from + batchSize);
      const existing = await grants.findExisting(batch);
      const sessions = await Promise.all(batch.map(sessionRecords.readText));
      endStreamsHere(batch.filter((one, index) => !existing.has(one) || sessions[index] === null));
    }
  }
}
