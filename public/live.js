/*
 * Keeps what is playing up to date: one stream of events for all tabs of this browser that can be seen, a progress bar that moves
 * between them, and words for screen readers when another track begins. Without it the page is whole, and loads itself anew.
 */
const place = document.getElementById('live');
const state = document.getElementById('live-state');
const said = document.getElementById('live-said');
const calm = matchMedia('(prefers-reduced-motion: reduce)');
// Of this sign-in alone: a window that still shows somebody else is not spoken to.
const room = `turntable now playing ${place.dataset.who}`;
const others = 'BroadcastChannel' in window ? new BroadcastChannel(room) : null;

const shown = {
  version: place.dataset.version,
  uri: place.dataset.uri,
  playing: place.dataset.playing === 'true',
  progressMs: Number(place.dataset.progress || Number.NaN),
  durationMs: Number(place.dataset.duration || Number.NaN),
  at: performance.now(),
};
let latest = null;

function show(card) {
  const { activeElement } = document;
  const focused = place.contains(activeElement) ? nameOf(activeElement) : null;
  const recent = document.getElementById('live-recent');
  place.innerHTML = card.html;
  // What was played before stays true while nothing plays, also where the server has forgotten it.
  if (recent && place.querySelector('.idle') && !document.getElementById('live-recent')) place.append(recent);
  // A notice has come that names a moment.
  if (place.querySelector('.notice time')) import(place.dataset.clock);
  if (focused) {
    const all = [...place.querySelectorAll('a, button')];
    // Where it is gone (Pause has become Play), the next best is the first of the buttons.
    (all.find((one) => nameOf(one) === focused) ?? place.querySelector('button, a'))?.focus();
  }

  const another = (card.uri ?? '') !== shown.uri;
  adjust(card);
  document.title = `${card.what ?? 'Now playing'} · Turntable`;
  if (another && card.what)
    said.textContent = card.by ? `Now playing: ${card.what}, ${card.by}` : `Now playing: ${card.what}`;
}

/** Goes on from where the server says it is. */
function adjust(card) {
  latest = { ...card, html: card.html ?? latest?.html ?? null };
  Object.assign(shown, {
    version: card.version,
    uri: card.uri ?? '',
    playing: card.playing,
    progressMs: card.progressMs ?? Number.NaN,
    durationMs: card.durationMs ?? Number.NaN,
    at: performance.now(),
  });
  move();
}

/** Shows a card; one whose version is shown already comes without its HTML. */
function take(card) {
  if (card.html !== null) show(card);
  else if (card.version === shown.version) adjust(card);
}

/** What a button or link does, to find the same one in the next card. */
function nameOf(element) {
  return element.form ? `${element.form.action} ${element.name}` : `${element.className} ${element.href}`;
}

function move() {
  const bar = document.getElementById('live-bar');
  if (!bar || Number.isNaN(shown.progressMs) || Number.isNaN(shown.durationMs)) return;
  const since = shown.playing ? performance.now() - shown.at : 0;
  const now = Math.min(shown.progressMs + since, shown.durationMs);
  bar.value = now;
  const time = clock(now);
  const label = document.getElementById('live-time');
  if (label.textContent === time) return;
  label.textContent = time;
  bar.setAttribute('aria-valuetext', `${time} of ${clock(shown.durationMs)}`);
}

/** A length as the server writes it for this reader: 3:05, or 3.05. */
function clock(ms) {
  const { locale, between } = place.dataset;
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const write = (value, minimumIntegerDigits) => value.toLocaleString(locale, { minimumIntegerDigits });
  const parts = h > 0 ? [write(h, 1), write(m, 2)] : [write(m, 1)];
  return [...parts, write(s, 2)].join(between);
}

function tell(words) {
  state.textContent = words;
  state.hidden = words === '';
}

/** Says how it stands, here and in the other windows that depend on this one. */
function report(words) {
  tell(words);
  others?.postMessage({ state: words });
}

/** What following needs of this page; what it brings is for the other windows as well. */
const page = {
  data: place.dataset,
  version: () => shown.version,
  report,
  onCard(card) {
    take(card);
    others?.postMessage({ card });
  },
  onOver() {
    others?.postMessage({ over: true });
    begin();
  },
};

/** Whoever holds the lock follows; the others listen to them. Hidden tabs hold nothing. */
let letGo = null;
let holding = false;
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
    holding = false;
    release();
  };
  const hold = () =>
    new Promise((resolve) => {
      release = resolve;
      holding = true;
      stop = follow(page, comesBack);
    });
  if (!others || !navigator.locks) {
    hold();
    return;
  }
  others.postMessage({ hello: true });
  navigator.locks.request(room, { signal: asking.signal }, hold).catch(() => undefined);
  // Another window has the stream: it is shown there too what is so now.
  if (comesBack)
    setTimeout(() => holding || fetch(place.dataset.look, { method: 'POST' }).catch(() => undefined), 500);
}

others?.addEventListener('message', ({ data }) => {
  if (data.card) take(data.card);
  if (data.state !== undefined) tell(data.state);
  if (data.over) begin();
  if (data.hello && latest && holding) others.postMessage({ card: aged(latest) });
});

/** Loads the page anew, where the sign-in has ended; not over a form that was sent, such as the one that ended it: it leads on. */
let sent = false;
let isOver = false;
function begin() {
  isOver = true;
  if (!sent) location.reload();
}

/** The same card as it is by now. */
function aged(card) {
  if (!card.playing || card.progressMs === null) return card;
  const since = performance.now() - shown.at;
  return {
    ...card,
    progressMs: Math.min(card.progressMs + since, card.durationMs ?? Number.POSITIVE_INFINITY),
  };
}

document.addEventListener('submit', ({ target }) => {
  if (target.method !== 'post') return;
  sent = true;
  // It may have been stopped, or have opened another window.
  setTimeout(() => {
    sent = false;
    if (isOver) begin();
  }, 10_000);
});
addEventListener('pagehide', () => letGo?.());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
setInterval(move, calm.matches ? 5_000 : 250);
const { follow } = await import(place.dataset.follow);
document.addEventListener('visibilitychange', attend);
attend();
