/*
 * Keeps what is playing up to date: one stream of events for all tabs of this browser that can be seen, a progress bar that moves
 * between them, and words for screen readers when another track begins. Without it the page is whole, and loads itself anew.
 */
const place = document.getElementById('live');
const state = document.getElementById('live-state');
const said = document.getElementById('live-said');
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const others = 'BroadcastChannel' in window ? new BroadcastChannel('turntable now playing') : null;
const longestPauseMs = 60_000;

const shown = {
  uri: place.dataset.uri,
  playing: place.dataset.playing === 'true',
  progressMs: Number(place.dataset.progress || Number.NaN),
  durationMs: Number(place.dataset.duration || Number.NaN),
  at: performance.now(),
};
let latest = null;

function show(card) {
  latest = card;
  const { activeElement } = document;
  const focused = place.contains(activeElement) ? nameOf(activeElement) : null;
  place.innerHTML = card.html;
  if (focused) [...place.querySelectorAll('a, button')].find((one) => nameOf(one) === focused)?.focus();

  const another = (card.uri ?? '') !== shown.uri;
  Object.assign(shown, {
    uri: card.uri ?? '',
    playing: card.playing,
    progressMs: card.progressMs ?? Number.NaN,
    durationMs: card.durationMs ?? Number.NaN,
    at: performance.now(),
  });
  document.title = `${card.what ?? 'Now playing'} · Turntable`;
  if (another && card.what)
    said.textContent = card.by ? `Now playing: ${card.what}, ${card.by}` : `Now playing: ${card.what}`;
  move();
}

/** What a button or link does, to find the same one in the next card. */
function nameOf(element) {
  return element.form ? `${element.form.action} ${element.name}` : element.href;
}

function move() {
  const bar = document.getElementById('live-bar');
  if (!bar || Number.isNaN(shown.progressMs) || Number.isNaN(shown.durationMs)) return;
  const since = shown.playing ? performance.now() - shown.at : 0;
  const now = Math.min(shown.progressMs + since, shown.durationMs);
  bar.value = now;
  const time = clock(now);
  const label = document.getElementById('live-time');
  if (label.textContent !== time) label.textContent = time;
}

function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (value) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function tell(words) {
  state.textContent = words;
  state.hidden = words === '';
}

/** Holds a stream open until told to stop, and comes back when it breaks, ever more slowly. */
function stream(look) {
  let source;
  let timer;
  let failures = 0;

  const open = (lookNow) => {
    const url = new URL(place.dataset.stream, location);
    if (lookNow) url.searchParams.set('look', 'now');
    source = new EventSource(url);
    source.addEventListener('card', ({ data }) => {
      failures = 0;
      tell('');
      const card = JSON.parse(data);
      show(card);
      others?.postMessage({ card });
    });
    source.addEventListener('end', () => {
      stop();
      others?.postMessage({ over: true });
      begin();
    });
    source.addEventListener('open', () => tell(''));
    source.addEventListener('error', () => {
      source.close();
      failures += 1;
      const pause = Math.min(longestPauseMs, 2_000 * 2 ** failures) * (0.5 + Math.random());
      tell(`Not connected: this may be out of date. Trying again in ${Math.round(pause / 1000)} seconds.`);
      timer = setTimeout(open, pause, true);
    });
  };
  const stop = () => {
    clearTimeout(timer);
    source.close();
  };
  open(look);
  return stop;
}

/** Whoever holds the lock holds the stream; the others listen to them. Hidden tabs hold nothing. */
let letGo = null;
let comesBack = false;

function attend() {
  if (document.hidden) {
    comesBack = true;
    letGo?.();
    letGo = null;
    return;
  }
  if (letGo) return;
  const asking = new AbortController();
  let stop = null;
  let release = () => undefined;
  letGo = () => {
    asking.abort();
    stop?.();
    release();
  };
  const hold = () =>
    new Promise((resolve) => {
      release = resolve;
      stop = stream(comesBack);
    });
  if (others && navigator.locks) {
    others.postMessage({ hello: true });
    navigator.locks.request('turntable now playing', { signal: asking.signal }, hold).catch(() => undefined);
  } else {
    hold();
  }
}

others?.addEventListener('message', ({ data }) => {
  if (data.card) show(data.card);
  if (data.over) begin();
  if (data.hello && latest && letGo) others.postMessage({ card: aged(latest) });
});

/** Loads the page anew, where the sign-in has ended; not over a form that was sent, such as the one that ended it: it leads on. */
let sent = false;
function begin() {
  if (!sent) location.reload();
}

/** The same card as it is by now. */
function aged(card) {
  if (!card.playing || card.progressMs === null) return card;
  return {
    ...card,
    progressMs: Math.min(
      card.progressMs + performance.now() - shown.at,
      card.durationMs ?? Number.POSITIVE_INFINITY,
    ),
  };
}

document.addEventListener('submit', () => {
  sent = true;
});
document.addEventListener('visibilitychange', attend);
addEventListener('pagehide', () => letGo?.());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
setInterval(move, calm.matches ? 5_000 : 250);
attend();
