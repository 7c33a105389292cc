/*
 * Keeps the card current: by a stream of events or, if something between browser and server buffers streams, by fetching the card as
 * often as the server says.
 */
const maxPauseMs = 120_000;
/** After this many missing heartbeats a stream counts as dead, even if no error was reported: a laptop slept, a phone changed networks. */
const missedHeartbeats = 3;
/** The server sends the first heartbeat at once. A stream without one for this long is being buffered. */
const maxFirstHeartbeatMs = 5_000;
/**
 * After this many streams in a row without a heartbeat, the card is fetched instead. More if one has worked on this page: then it is
 * likelier that connections have died, including those that the browser keeps open for reuse.
 */
const fewStreams = { atFirst: 3, onceWorked: 9 };
/** The longest time that the server asks a browser to wait before it reconnects. */
const maxRetryMs = 11_000;
const lost = 'Connection lost, so this may be out of date. Reconnecting…';

/** Streams in a row without a heartbeat. Stored, so that the next page of this tab need not find out again. */
let failedStreams = Number(sessionStorage.getItem('failed streams'));
function setFailedStreams(count) {
  failedStreams = count;
  sessionStorage.setItem('failed streams', count);
}

const jsonRequest = () => ({ headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(10_000) });

/**
 * Follows until the returned function is called. `data` holds the URLs and the time between heartbeats; `isBar` says that ends of tracks are
 * enough; `version()` is the version of the card on the page; `onCard` is called with each card, `report` with the connection's status (empty
 * if all is well), and `onEnd` when the sign-in has ended. With `pollNow` the server is asked to poll the player: the listener has just
 * returned to the page.
 */
export function follow({ data, isBar, version, onCard, report, onEnd }, pollNow) {
  const stream = { source: null, isAlive: false, deadline: Number.POSITIVE_INFINITY };
  const timers = { open: 0, fetch: 0, check: 0 };
  let heartbeatMs = Number(data.heartbeat);
  /** Whether to ask for a poll, until a stream or fetch that asked for one has been answered. */
  let isPollWanted = pollNow;
  let isFetching = false;
  let hasWorked = false;
  let failedFetches = 0;
  let probes = 0;
  let isStopped = false;

  const firstHeartbeatMs = () => Math.min(maxFirstHeartbeatMs, missedHeartbeats * heartbeatMs);
  const expectWithin = (ms) => {
    stream.deadline = performance.now() + ms;
  };
  const urlOf = (path, query) =>
    `${path}?${new URLSearchParams({ signIn: data.signIn, ...(isBar && { for: 'bar' }), ...query })}`;
  const pollQuery = () => isPollWanted && { poll: 'now' };

  function open() {
    stream.isAlive = false;
    expectWithin(firstHeartbeatMs());
    const source = new EventSource(urlOf(data.stream, pollQuery()));
    stream.source = source;
    source.addEventListener('heartbeat', (heartbeat) => {
      heartbeatMs = Number(heartbeat.data);
      expectWithin(missedHeartbeats * heartbeatMs);
      if (!stream.isAlive) stopFetching();
      isPollWanted = false;
      stream.isAlive = true;
      hasWorked = true;
      report('');
    });
    source.addEventListener('card', (card) => onCard(JSON.parse(card.data)));
    source.addEventListener('end', end);
    source.addEventListener('error', () => {
      const isRefused = source.readyState === EventSource.CLOSED;
      if (!stream.isAlive || isRefused) return failed({ isRefused, isCut: true });
      // The browser reconnects by itself.
      stream.isAlive = false;
      expectWithin(maxRetryMs + firstHeartbeatMs());
      report(lost);
    });
  }

  /** A stream was refused, was cut before its first heartbeat, or had none in time. */
  async function failed({ isRefused, isCut }) {
    stream.source.close();
    stream.deadline = Number.POSITIVE_INFINITY;
    // A buffered stream is not worth a message: the page is as current as a moment ago.
    // safeguard: no-message-for-buffered-streams
    if (isCut && !isFetching) report(lost);
    // EventSource does not tell why a stream was refused; a HEAD request does.
    if (isRefused && (await hasEnded(fetch(urlOf(data.stream), { method: 'HEAD', ...jsonRequest() }))))
      return;
    if (isStopped) return;
    setFailedStreams(failedStreams + 1);
    if (failedStreams >= (hasWorked ? fewStreams.onceWorked : fewStreams.atFirst)) startFetching();
    else timers.open = setTimeout(open, isCut ? 5_000 * (0.5 + Math.random()) : 0);
  }

  /** Fetches the card, and tries a stream every so often, less and less. */
  function startFetching() {
    probes += 1;
    // safeguard: return-to-streams
    timers.open = setTimeout(open, Math.min(40, 4 * 2 ** probes) * heartbeatMs);
    if (isFetching) return;
    isFetching = true;
    fetchCard();
  }

  function stopFetching() {
    isFetching = false;
    failedFetches = 0;
    probes = 0;
    clearTimeout(timers.fetch);
    setFailedStreams(0);
  }

  async function fetchCard() {
    const response = fetch(urlOf(data.card, { version: version(), ...pollQuery() }), jsonRequest());
    if (await hasEnded(response)) return;
    const card = await response.then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    if (isStopped || !isFetching) return;
    if (card === null) {
      report(lost);
      failedFetches += 1;
      const pauseMs = Math.min(maxPauseMs, 5_000 * 2 ** failedFetches) * (0.5 + Math.random());
      timers.fetch = setTimeout(fetchCard, pauseMs);
      return;
    }
    if (card.version) onCard(card);
    isPollWanted = false;
    report('');
    timers.fetch = setTimeout(fetchCard, card.nextMs);
    if (failedFetches === 0) return;
    // The server was down, which may be the only reason that streams failed.
    failedFetches = 0;
    probes = 0;
    clearTimeout(timers.open);
    stream.source?.close();
    open();
  }

  /** Whether this response says that the sign-in has ended. If so, `onEnd` has been called. */
  async function hasEnded(response) {
    const status = await response.then(
      (answer) => answer.status,
      () => 0,
    );
    if (isStopped || (status !== 401 && status !== 403)) return false;
    end();
    return true;
  }

  function end() {
    stop();
    onEnd();
  }

  function stop() {
    isStopped = true;
    for (const timer of Object.values(timers)) clearTimeout(timer);
    stream.source?.close();
  }

  timers.check = setInterval(() => {
    if (performance.now() < stream.deadline) return;
    // safeguard: fetch-without-heartbeat
    if (!stream.isAlive) return failed({ isRefused: false, isCut: false });
    report(lost);
    stream.source.close();
    isPollWanted = true;
    open();
  }, 1_000);
  if (failedStreams >= fewStreams.atFirst) startFetching();
  else open();
  return stop;
}
