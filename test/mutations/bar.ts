import type { Mutation } from './mutation.ts';

/** The playback bar, and what it costs. */
export const mutations: Mutation[] = [
  {
    what: 'polling for a bar at ends of tracks only',
    safeguard: 'only-ends-for-bars',
    from: 'midTrackMs: Number.POSITIVE_INFINITY,',
    to: 'midTrackMs: policy.midTrackMs,',
    test: 'test/live/cadence',
    named: 'a bar: a part of an hour',
  },
  {
    what: 'the interest of subscribers of other processes',
    safeguard: 'interest-of-other-processes',
    from: 'lease.isWatched || ',
    to: '',
    test: 'test/live/bar',
    named: 'while another process has a page that shows everything',
  },
  {
    what: 'planning anew when a page that shows everything is opened',
    safeguard: 'replan-for-interest',
    from: 'feed.plannedInterest !== interestIn(feed)',
    to: 'false',
    test: 'test/live/bar',
    named: 'while another process has a page that shows everything',
  },
  {
    what: 'ignoring a watched mark that never expires',
    safeguard: 'longest-watched-mark',
    from: 'watched > 0 and watched <= ARGV[2] + 1000',
    to: 'watched ~= -2',
    test: 'test/live/bar',
    named: 'a mark of another process that never expires',
  },
  {
    what: 'the lower interest of bars that fetch',
    safeguard: 'bars-that-fetch',
    from: "now() < everythingUntil ? 'everything' : 'track-ends'",
    to: "'everything'",
    test: 'test/live/bar',
    named: 'a page that fetches for a bar',
  },
  {
    what: 'no bar without the scope',
    safeguard: 'bar-with-scope-only',
    from: 'listenerApi.canSeePlayer(req.grant)',
    to: 'true',
    test: 'test/live/bar',
    named: 'every page but now playing has a bar',
  },
  {
    what: 'a stream for everything while a window shows everything',
    safeguard: 'full-stream-for-card',
    from: 'if (shows) others.add(shows);',
    to: '',
    test: 'test/browser/bar',
    named: 'while now playing is open in another window',
  },
];
