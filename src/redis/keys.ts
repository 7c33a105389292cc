/*
 * Every key that Turntable writes to Redis. REDIS_PREFIX goes before each of them, and before the channel.
 *
 * The part in braces is the hash tag (Redis Cluster specification, "Hash tags"): keys with the same tag share a slot, so one script may
 * use them together.
 */

export const keys = {
  /** One browser's sign-in, and what belongs to it. */
  session: (sessionId: string) => `session:{${sessionId}}`,
  grant: (sessionId: string) => `grant:{${sessionId}}`,
  streams: (sessionId: string) => `streams:{${sessionId}}`,

  /** A listener: the browsers they are signed in with, and what pages and other processes show of them. */
  browsers: (accountId: string) => `browsers:{${accountId}}`,
  nowPlaying: (accountId: string) => `now-playing:{${accountId}}`,
  recentlyPlayed: (accountId: string) => `recently-played:{${accountId}}`,
  recentPlaylists: (accountId: string) => `recent-playlists:{${accountId}}`,
  exportProgress: (accountId: string) => `export:{${accountId}}`,
  /** An export job, the lease of the process that works on it, and what it has read. */
  exportJob: (accountId: string) => `export-job:{${accountId}}`,
  exportLease: (accountId: string) => `export-lease:{${accountId}}`,
  exportChunk: (accountId: string, jobId: string, chunk: string) =>
    `export-chunk:{${accountId}}:${jobId}:${chunk}`,
  /** Held by the process that polls for this listener. */
  lease: (accountId: string) => `lease:{${accountId}}`,
  /** Exists while any process has a subscriber who is interested in more than ends of tracks. */
  fullInterest: (accountId: string) => `watched:{${accountId}}`,

  /** The app at Spotify, for all processes. */
  accountsCooldown: (clientId: string) => `cooldown-accounts:{${clientId}}`,
  setupCheck: (clientId: string) => `setup-check:{${clientId}}`,
  appToken: (clientId: string) => `app-token:{${clientId}}`,
  apiVersion: (clientId: string) => `api-version:{${clientId}}`,
  artistFollowing: (clientId: string) => `artist-following:{${clientId}}`,
  /** When grants expire that do so soon, by hashes of their sessions. */
  expiringGrants: (clientId: string) => `expiring-grants:{${clientId}}`,
  /** The listeners who use this site, for its owners, and those whose access they have ended. */
  people: (clientId: string) => `people:{${clientId}}`,
  exportJobs: (clientId: string) => `export-jobs:{${clientId}}`,
  /** The listeners that are being polled, by any process. */
  polled: (clientId: string) => `subscribed:{${clientId}}`,
  /** Not a key but a pub/sub channel: the processes of an app notify each other of changes. */
  channel: (clientId: string) => `live:{${clientId}}`,

  /** The quota ledger of an app, or of all apps of a developer account. */
  ledger: (name: string) => `ledger:{${name}}`,
  /** Calls to the Web API, counted by family and hour. */
  usage: (name: string) => `calls:{${name}}`,

  /** A sign-in that has come back from Spotify; a hash, because its `state` is as good as a password for ten minutes. */
  usedState: (stateHash: string) => `used-state:{${stateHash}}`,
  /** A submitted form, so that submitting it again does nothing. */
  idempotency: (formHash: string) => `idempotency:{${formHash}}`,
  /** A record of how to undo an action; the id begins with that of the session. */
  undo: (id: string) => `undo:{${id}}`,
  /** The requests of a client, an address or a listener, in the window of one limit. */
  rateLimit: (limit: string, client: string) => `limit:${limit}:{${client}}`,
  /** Held while one process refreshes what is under `key`. */
  lock: (key: string) => `lock:${key}`,
  /** Never written. It picks the cluster node whose clock all processes use. */
  clock: (name: string) => `clock:{${name}}`,
  /** Written and removed immediately, to check that Redis accepts writes. */
  check: (uuid: string) => `check:{${uuid}}`,
};

/** The keys before version 0.2.0, without a prefix, of the records that must survive an upgrade. To be removed in 0.3.0. */
export const formerKeys = {
  session: (sessionId: string) => `session:${sessionId}`,
  grant: (sessionId: string) => `grant:${sessionId}`,
  browsers: (accountId: string) => `browsers:${accountId}`,
};
