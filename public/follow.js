/*
 * Follows what is playing: by a stream of events, or, where something on the way holds streams back, by fetching the card as often as
 * the server says.
 */
const longestPauseMs = 120_000;
/** So many heartbeats that do not come mean that the stream is dead, though nobody has said so: a laptop that slept, a phone elsewhere. */
const missedBeats = 3;
/** The server sends the first heartbeat at once, so a stream that is silent for so long is held back. */
const longestFirstBeatMs = 5_000;
/**
 * After so many streams in a row that brought nothing, the card is fetched instead; after more where one has worked on this page, for
 * then it is more likely that connections have died, those included that the browser keeps for later.
 */
const fewStreams = { atFirst: 3, onceWorked: 9 };
/** The longest the server asks a browser to wait before it makes a broken stream again. */
const longestRetryMs = 11_000;
const lost = 'Not connected: this may be out of date. Trying again.';

/** Streams in a row that brought nothing: remembered for the next page, so that it does not have to find out again. */
let silent = Number(sessionStorage.getItem('silent streams'));
function countSilent(count) {
  silent = count;
  sessionStorage.setItem('silent streams', count);
}

const asProgram = () => ({ headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(10_000) });

/**
 * Follows until the function it returns is called. `data` holds the addresses and the time between heartbeats, `version` returns
 * that of the card that is shown, `onCard` is called with each card, `report` with words on how it stands, or none, and `onOver` when
 * the sign-in has ended. With `lookNow` the listener has come back to look, and the player is asked.
 */
export function follow({ data, version, onCard, report, onOver }, lookNow) {
  const stream = { source: null, isHeard: false, deadline: Number.POSITIVE_INFINITY };
  const timers = { open: 0, fetch: 0, watch: 0 };
  let beatMs = Number(data.beat);
  /** Whether the player is to be asked: until something has come that was asked for with this wish. */
  let isWished = lookNow;
  let isFetching = false;
  let hasWorked = false;
  let failedFetches = 0;
  let probes = 0;
  let isStopped = false;

  const firstBeatMs = () => Math.min(longestFirstBeatMs, missedBeats * beatMs);
  const expectWithin = (ms) => {
    stream.deadline = performance.now() + ms;
  };
  const at = (path, more) => `${path}?${new URLSearchParams({ who: data.who, ...more })}`;
  const wish = () => isWished && { look: 'now' };

  function open() {
    stream.isHeard = false;
    expectWithin(firstBeatMs());
    const source = new EventSource(at(data.stream, wish()));
    stream.source = source;
    source.addEventListener('beat', (beat) => {
      beatMs = Number(beat.data);
      expectWithin(missedBeats * beatMs);
      if (!stream.isHeard) stopFetching();
      isWished = false;
      stream.isHeard = true;
      hasWorked = true;
      report('');
    });
    source.addEventListener('card', (card) => onCard(JSON.parse(card.data)));
    source.addEventListener('end', over);
    source.addEventListener('error', () => {
      const isRefused = source.readyState === EventSource.CLOSED;
      if (!stream.isHeard || isRefused) return failed({ isRefused, isCut: true });
      // The browser makes it again by itself.
      stream.isHeard = false;
      expectWithin(longestRetryMs + firstBeatMs());
      report(lost);
    });
  }

  /** A stream has brought nothing in its time, was cut before, or was refused. */
  async function failed({ isRefused, isCut }) {
    stream.source.close();
    stream.deadline = Number.POSITIVE_INFINITY;
    // Silence alone is nothing to speak of: the page is as it was a moment ago.
    // safeguard: saying-nothing-streams-held-back
    if (isCut && !isFetching) report(lost);
    // A refused stream does not say why; asked for its head alone, it does.
    if (isRefused && (await isOver(fetch(at(data.stream), { method: 'HEAD', ...asProgram() })))) return;
    if (isStopped) return;
    countSilent(silent + 1);
    if (silent >= (hasWorked ? fewStreams.onceWorked : fewStreams.atFirst)) startFetching();
    else timers.open = setTimeout(open, isCut ? 5_000 * (0.5 + Math.random()) : 0);
  }

  /** Fetches the card, and tries a stream now and then, ever more seldom. */
  function startFetching() {
    probes += 1;
    // safeguard: going-back-to-streams-work-again
    timers.open = setTimeout(open, Math.min(40, 4 * 2 ** probes) * beatMs);
    if (isFetching) return;
    isFetching = true;
    fetchCard();
  }

  function stopFetching() {
    isFetching = false;
    failedFetches = 0;
    probes = 0;
    clearTimeout(timers.fetch);
    countSilent(0);
  }

  async function fetchCard() {
    const answering = fetch(at(data.card, { version: version(), ...wish() }), asProgram());
    if (await isOver(answering)) return;
    const card = await answering.then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    if (isStopped || !isFetching) return;
    if (card === null) {
      report(lost);
      failedFetches += 1;
      const pauseMs = Math.min(longestPauseMs, 5_000 * 2 ** failedFetches) * (0.5 + Math.random());
      timers.fetch = setTimeout(fetchCard, pauseMs);
      return;
    }
    if (card.version) onCard(card);
    isWished = false;
    report('');
    timers.fetch = setTimeout(fetchCard, card.nextMs);
    if (failedFetches === 0) return;
    // The server was away, and streams may well have failed for that alone.
    failedFetches = 0;
    probes = 0;
    clearTimeout(timers.open);
    stream.source?.close();
    open();
  }

  /** Whether this answer says that the sign-in has ended; if so, that is seen to. */
  async function isOver(answering) {
    const status = await answering.then(
      (answer) => answer.status,
      () => 0,
    );
    if (isStopped || (status !== 401 && status !== 403)) return false;
    over();
    return true;
  }

  function over() {
    stop();
    onOver();
  }

  function stop() {
    isStopped = true;
    for (const timer of Object.values(timers)) clearTimeout(timer);
    stream.source?.close();
  }

  timers.watch = setInterval(() => {
    if (performance.now() < stream.deadline) return;
    // safeguard: fetching-card-where-streams-bring-nothing
    if (!stream.isHeard) return failed({ isRefused: false, isCut: false });
    report(lost);
    stream.source.close();
    isWished = true;
    open();
  }, 1_000);
  if (silent >= fewStreams.atFirst) startFetching();
  else open();
  return stop;
}
