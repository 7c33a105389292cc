/*
 * The wall follows what is playing by the one stream of this browser, as now playing does. When an update brings a change, the wall gets its part of
 * the page from the server. It also shows the time, what's up next, and keeps the screen on. Without scripts the page reloads itself.
 */
const container = document.getElementById('wall');
const status = document.getElementById('wall-status');
const announcement = document.getElementById('wall-announcement');
const root = document.documentElement;
const { dataset } = container;

/** A new cover is given this long to arrive, so that it changes together with the title. */
const maxDecodeMs = 2_000;
const retryMs = { first: 2_000, longest: 60_000 };
/** The pointer and the buttons disappear when the pointer has rested for this long. */
const restMs = 4_000;
const shownEntries = 2;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const numberIn = (text) => (text ? Number(text) : null);

/** The playback as of `at`. */
let playback = {
  uri: dataset.uri || null,
  context: dataset.context || null,
  shuffle: dataset.shuffle ? dataset.shuffle === 'true' : null,
  playing: dataset.playing === 'true',
  progressMs: numberIn(dataset.progress),
  durationMs: numberIn(dataset.duration),
  endsInMs: numberIn(dataset.endsIn),
  at: performance.now(),
};
/** The latest update, for other tabs; null before the first one. */
let latest = null;
/** The item of the part on the page, and the version of the update that it was fetched for. */
let shown = { uri: playback.uri, version: dataset.version };
let loads = 0;

function receive(card) {
  latest = { ...card, html: card.html ?? latest?.html ?? null };
  playback = { ...card, at: performance.now() };
  if (card.version !== shown.version) return load(card);
  // The color of a new cover is found a moment later.
  if (card.color) root.className = card.color;
  updateProgress();
  updateNext();
}

/** Gets the part for an update and shows it, unless another update has arrived by then. */
async function load(card) {
  loads += 1;
  const mine = loads;
  for (let pauseMs = retryMs.first; ; pauseMs = Math.min(2 * pauseMs, retryMs.longest)) {
    const part = await fetchPart();
    // Another process may not know of the update yet.
    // safeguard: no-older-wall
    if (part?.html && part.askedAt >= card.askedAt) {
      const content = document.createElement('div');
      content.innerHTML = part.html;
      await Promise.race([
        content
          .querySelector('img')
          ?.decode()
          .catch(() => undefined),
        wait(maxDecodeMs),
      ]);
      // safeguard: latest-wall-only
      if (mine === loads) show(content, card);
      return;
    }
    await wait(pauseMs);
    if (mine !== loads || document.hidden) return;
  }
}

async function fetchPart() {
  const options = { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(10_000) };
  const url = `${dataset.part}?${new URLSearchParams({ signIn: dataset.signIn })}`;
  const response = await fetch(url, options).catch(() => null);
  return response?.ok ? response.json().catch(() => null) : null;
}

function show(content, card) {
  const { activeElement } = document;
  const focused =
    activeElement !== container && container.contains(activeElement) ? activeElement.className : null;
  const [before, after] = [container, content].map((one) => one.querySelector('img.cover'));
  // The same cover stays, so that it doesn't flicker.
  if (before && before.src === after?.src) after.replaceWith(before);
  container.replaceChildren(...content.childNodes);
  root.className = latest.color;
  if (focused !== null)
    (container.querySelector(`a[class="${focused}"]`) ?? container).focus({ preventScroll: true });
  // A notice with a time has appeared.
  if (container.querySelector('.notice time')) import(dataset.clock);
  document.title = `${card.title ?? 'Wall'} · Turntable`;
  if (card.title && card.uri !== shown.uri)
    announcement.textContent = `Now playing: ${[card.title, card.byline].filter(Boolean).join(', ')}`;
  shown = { uri: card.uri, version: card.version };
  updateClock();
  updateProgress();
  updateNext();
}

/** The progress and the time to the end, as of now. */
function current() {
  const { playing, progressMs, durationMs, endsInMs, at } = playback;
  const elapsedMs = performance.now() - at;
  return {
    progressMs:
      progressMs === null ? null : Math.min(progressMs + (playing ? elapsedMs : 0), durationMs ?? progressMs),
    endsInMs: endsInMs === null ? null : endsInMs - elapsedMs,
  };
}

/** A track that should have ended a while ago isn't shown as playing until the server has asked Spotify. */
function updateProgress() {
  // A new track is about to be shown.
  if (latest && latest.version !== shown.version) return;
  const { progressMs, endsInMs } = current();
  const bar = document.getElementById('live-bar');
  if (bar && progressMs !== null) bar.value = progressMs;
  const overdue = document.getElementById('live-overdue');
  if (!overdue) return;
  const isOverdue = endsInMs !== null && -endsInMs > Number(overdue.dataset.after);
  document.getElementById('live-playing').hidden = isOverdue;
  overdue.hidden = !isOverdue;
}

const time = new Intl.DateTimeFormat(navigator.languages, { timeStyle: 'short' });
function updateClock() {
  const clock = document.getElementById('wall-clock');
  const text = time.format(new Date());
  if (clock.textContent !== text) clock.textContent = text;
}

/*
 * Up next is fetched once for each list that plays, while the page is seen, and not at all while calls are scarce. A track that was next is
 * taken off it. When it may have changed, it isn't shown anymore.
 */
const storageKey = 'wall up next';
let next = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
// safeguard: wall-queue-of-this-sign-in
if (next?.signIn !== dataset.signIn) next = null;

async function updateNext() {
  const { uri, context, shuffle } = playback;
  // safeguard: wall-queue-while-seen
  if (!dataset.queue || document.hidden || !uri) return showNext();
  // safeguard: wall-queue-once-per-list
  if (next?.context !== context) {
    setNext({ signIn: dataset.signIn, context, shuffle, uri, entries: [] });
    const mine = next;
    const entries = await fetchQueue();
    if (next.context === context) setNext({ ...mine, entries });
  }
  takeOff();
  showNext();
}

/** Takes off the entries up to the one that plays now. If it isn't there, or shuffle was switched, the list has changed. */
function takeOff() {
  const { uri, shuffle } = playback;
  if (!uri || (uri === next.uri && shuffle === next.shuffle)) return;
  const index = shuffle === next.shuffle ? next.entries.findIndex((entry) => entry.uri === uri) : -1;
  // safeguard: no-outdated-wall-queue
  setNext({ ...next, uri, shuffle, entries: index === -1 ? [] : next.entries.slice(index + 1) });
}

function setNext(changed) {
  next = changed;
  sessionStorage.setItem(storageKey, JSON.stringify(next));
}

async function fetchQueue() {
  const options = { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(20_000) };
  const response = await fetch(dataset.queue, options).catch(() => null);
  const { queue = [] } = (response?.status === 200 && (await response.json().catch(() => null))) || {};
  return queue
    .filter(({ name }) => name)
    .map(({ uri, name, artists, show }) => ({
      uri,
      name,
      by: (artists ?? [show ?? {}])
        .map((one) => one.name)
        .filter(Boolean)
        .join(', '),
    }));
}

function showNext() {
  const section = document.getElementById('wall-next');
  if (!section) return;
  const entries = (playback.uri && next?.entries.slice(0, shownEntries)) || [];
  section.hidden = entries.length === 0;
  if (section.hidden) return;
  const heading = document.createElement('h2');
  heading.className = 'eyebrow';
  heading.textContent = 'Up next';
  const list = document.createElement('ol');
  for (const { name, by } of entries) {
    const entry = document.createElement('li');
    entry.append(
      ...[name, by].map((text) => Object.assign(document.createElement('bdi'), { textContent: text })),
    );
    entry.firstChild.className = 'name';
    entry.lastChild.className = 'small';
    list.append(entry);
  }
  section.replaceChildren(heading, list);
}

/** The browser lets the screen sleep again when the page is hidden, and may not be able to keep it on: then it says so, beside the buttons. */
async function keepScreenOn() {
  if (document.hidden) return;
  const isOn = await navigator.wakeLock?.request('screen').catch(() => null);
  document.getElementById('wall-sleeps').hidden = Boolean(isOn);
}

let restTimer;
function showButtons() {
  document.body.classList.remove('is-resting');
  clearTimeout(restTimer);
  restTimer = setTimeout(() => document.body.classList.add('is-resting'), restMs);
}

function setStatus(text) {
  status.textContent = text;
  status.hidden = text === '';
}

const full = document.getElementById('wall-full');
full.hidden = !document.fullscreenEnabled;
full.addEventListener('click', () => {
  const done = document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen();
  done.catch(() => undefined);
});
for (const type of ['pointermove', 'pointerdown', 'keydown']) addEventListener(type, showButtons);
showButtons();

document.addEventListener('visibilitychange', () => {
  keepScreenOn();
  updateClock();
  updateNext();
});
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches || root.dataset.motion;
setInterval(updateProgress, isStill ? 5_000 : 250);
setInterval(updateClock, 1_000);
updateClock();
keepScreenOn();
updateNext();

const { follow } = await import(dataset.follow);
const { shareStream } = await import(dataset.tabs);
shareStream({
  data: dataset,
  isBar: false,
  version: () => latest?.version ?? dataset.version,
  latest: () => latest && { ...latest, ...current() },
  onCard: receive,
  onStatus: setStatus,
  onEnd: () => location.reload(),
  follow,
});
