import type { Interest, NextPoll } from './cadence.ts';
import { type Feed, interestIn } from './feed.ts';
import type { Observation } from './observation.ts';
import { freshObservation, type LiveState, unknownState } from './state.ts';
import type { StoredObservations } from './stored-observations.ts';

type Deps = {
  feeds: ReadonlyMap<string, Feed>;
  stored: StoredObservations;
  holdsLease: (feed: Feed) => boolean;
  nextPollFor: (observation: Observation | null, interest: Interest) => Promise<NextPoll>;
  reload: (feed: Feed) => Promise<void>;
  now: () => number;
};

/** Questions about a listener that can be answered without a call to Spotify. */
export function createQueries({ feeds, stored, holdsLease, nextPollFor, reload, now }: Deps) {
  return {
    knownState,

    /** The latest observation of any process; null if there is none from the last few hours. Throws RedisUnavailable. */
    async latestObservation(accountId: string): Promise<Observation | null> {
      return knownState(accountId).observation ?? (await stored.read(accountId));
    },

    /** An observation so recent that Spotify need not be asked again; null if this process has none. */
    freshObservation(accountId: string): Observation | null {
      const feed = feeds.get(accountId);
      return feed ? freshObservation(feed.state, now()) : null;
    },

    /** The live state that subscribers of this process see. */
    async liveState(accountId: string): Promise<LiveState> {
      const feed = feeds.get(accountId);
      // A listener who has just subscribed: the stored state has not been read yet.
      if (feed?.state.live.observation === null) await reload(feed);
      return knownState(accountId);
    },

    /**
     * Returns in how many milliseconds the next poll is due. Negative while it is in flight; null if another process plans it and it is overdue.
     * Throws RedisUnavailable.
     */
    async nextPollInMs(accountId: string): Promise<number | null> {
      const feed = feeds.get(accountId);
      if (feed && holdsLease(feed)) return feed.state.nextPollAt - now();
      const { observation, cooldown } = knownState(accountId);
      const next = await nextPollFor(observation, feed ? interestIn(feed) : 'everything');
      const inMs = Math.max(next.at, cooldown?.until ?? 0) - now();
      return inMs >= 0 ? inMs : null;
    },
  };

  function knownState(accountId: string): LiveState {
    return feeds.get(accountId)?.state.live ?? unknownState;
  }
}
