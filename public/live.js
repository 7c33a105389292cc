/*
 * Live updates of what is playing: the card, a progress bar that moves between updates, and announcements for screen readers when another track
 * begins. Without JavaScript the page is complete and reloads itself.
 */
const byId = (id) => document.getElementById(id);
const live = byId('live');
const status = byId('live-status');
const announcement = byId('live-announcement');
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
/** A number that the server wrote, or NaN. */
const written = (name) => Number(live.dataset[name] || Number.NaN);

/** The card on the page. */
const shown = {
  version: live.dataset.version,
  uri: live.dataset.uri,
  playing: live.dataset.playing === 'true',
  progressMs: written('progress'),
  durationMs: written('duration'),
  endsInMs: written('endsIn'),
  at: performance.now(),
};
/** The state as received last. The card on the page differs from it while a command isn't confirmed yet. */
const received = {
  ...shown,
  html: live.innerHTML,
  title: live.dataset.title || null,
  saved: live.dataset.saved === '' ? null : live.dataset.saved === 'true',
  askedAt: Number(live.dataset.askedAt),
  shuffle: live.dataset.shuffle === 'true',
  repeat: live.dataset.repeat,
  volume: written('volume'),
};
/** The latest card as received. */
let latest = null;
/** A card that arrived while a slider or button was held. */
let delayed = null;
/** Whether the card on the page was to be replaced in the meantime. */
let isResetDue = false;
/** Called after each update. Replaced once the controls are ready. */
let onUpdate = () => undefined;

function show(card) {
  const { activeElement } = document;
  const focused = activeElement !== live && live.contains(activeElement) && actionOf(activeElement);
  const recent = byId('live-recent');
  const isOpen = live.querySelector('details')?.open;
  live.innerHTML = card.html;
  const details = live.querySelector('details');
  if (details && isOpen) details.open = true;
  // Recently played tracks stay true while nothing is playing, even if the server no longer has them.
  if (recent && live.querySelector('.idle') && !byId('live-recent')) live.append(recent);
  // A notice with a time has appeared.
  if (live.querySelector('.notice time')) import(live.dataset.clock);
  // safeguard: focus-survives-update
  if (focused) {
    const controls = [...live.querySelectorAll('a, button, input, summary')];
    // If it is gone, focus the first button. The page may have been scrolled away from it.
    const next = controls.find((one) => actionOf(one) === focused) ?? live.querySelector('button, a') ?? live;
    next.focus({ preventScroll: true });
  }

  const isOther = (card.uri ?? '') !== shown.uri;
  setProgress(card);
  document.title = `${card.title ?? 'Now playing'} · Turntable`;
  if (isOther && card.title)
    announcement.textContent = card.byline
      ? `Now playing: ${card.title}, ${card.byline}`
      : `Now playing: ${card.title}`;
}

/** Moves on from the progress that the server sent. */
function setProgress(card) {
  latest = { ...card, html: card.html ?? latest?.html ?? null };
  Object.assign(received, {
    ...card,
    html: card.html ?? received.html,
    uri: card.uri ?? '',
    at: performance.now(),
  });
  Object.assign(shown, {
    version: card.version,
    uri: card.uri ?? '',
    playing: card.playing,
    progressMs: card.progressMs ?? Number.NaN,
    durationMs: card.durationMs ?? Number.NaN,
    endsInMs: card.endsInMs ?? Number.NaN,
    at: performance.now(),
  });
  updateProgress();
}

/** Shows a card. One whose version is on the page already has no HTML. */
function receive(card) {
  if (isHeld()) {
    // A color that is found later comes without the card that it belongs to.
    // safeguard: delayed-card-stays-whole
    delayed = { ...card, html: card.html ?? delayed?.html ?? null };
    return;
  }
  delayed = null;
  const isOther = (card.uri ?? '') !== received.uri;
  document.documentElement.className = card.color;
  if (card.html !== null) show(card);
  else if (card.version === shown.version) setProgress(card);
  else return;
  // safeguard: ask-whether-saved
  if (isOther && card.uri && card.saved === null && !document.hidden)
    fetch(live.dataset.savedState).catch(() => undefined);
  onUpdate({ isOther, isRendered: card.html !== null });
  // For queue.js, which may be loaded later.
  Object.assign(live.dataset, {
    uri: card.uri ?? '',
    context: card.context ?? '',
    shuffle: card.shuffle ?? '',
  });
  live.dispatchEvent(new CustomEvent('playback', { detail: card }));
}

/** Whether a slider is held or hasn't been sent yet, or a button or link is being pressed: if it were replaced, the press would be lost. */
function isHeld() {
  // safeguard: hold-pressed-button
  return live.querySelector('[data-held], :is(a, button, summary):active') !== null;
}

/** Identifies a control in the next card by its action, and one of a list by its value. Play and Pause are one. */
function actionOf(element) {
  const { form, localName, name, value, className, href } = element;
  if (!form) return `${localName} ${className} ${href}`;
  // safeguard: rows-keep-focus
  // safeguard: play-and-pause-are-one
  return `${form.action.replace(/\/(pause|remove)$/, (end) => (end === '/pause' ? '/play' : '/save'))} ${name} ${form.id && value + className}`;
}

function updateProgress() {
  const bar = byId('live-bar');
  if (!bar || Number.isNaN(shown.progressMs) || Number.isNaN(shown.durationMs)) return;
  updateLabel();
  const isMoved = bar.matches(':active, [data-held]');
  const progressMs = isMoved ? Number(bar.value) : currentProgress();
  if (!isMoved) bar.value = progressMs;
  const time = format(progressMs);
  const label = byId('live-time');
  if (label.textContent !== time) label.textContent = time;
  const text = `${time} of ${format(shown.durationMs)}`;
  // A screen reader would say each new text while the slider has the focus.
  const isQuiet = document.activeElement === bar && !isMoved;
  // safeguard: quiet-slider
  if (!isQuiet && bar.getAttribute('aria-valuetext') !== text) bar.setAttribute('aria-valuetext', text);
}

/** A track that should have ended a while ago isn't shown as playing until the server has asked Spotify. */
function updateLabel() {
  const playing = byId('live-playing');
  if (!playing) return;
  const overdue = byId('live-overdue');
  const overdueMs = performance.now() - shown.at - shown.endsInMs;
  const isOverdue = overdueMs > Number(overdue.dataset.after);
  playing.hidden = isOverdue;
  overdue.hidden = !isOverdue;
}

/** Formats a duration as the server does for this locale: 3:05, or 3.05. */
function format(ms) {
  const { locale, timeSeparator } = live.dataset;
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const write = (value, minimumIntegerDigits) => value.toLocaleString(locale, { minimumIntegerDigits });
  const parts = h > 0 ? [write(h, 1), write(m, 2)] : [write(m, 1)];
  return [...parts, write(s, 2)].join(timeSeparator);
}

function setStatus(text) {
  status.textContent = text;
  status.hidden = text === '';
}

let isSubmitting = false;
let isReloadDue = false;
/** Reloads the page when the sign-in has ended, unless a form was submitted, which leads on: it may be the one that ended it. */
function reload() {
  isReloadDue = true;
  if (!isSubmitting) location.reload();
}

function withCurrentProgress(card) {
  if (!card.playing || !Number.isFinite(card.progressMs)) return card;
  const elapsedMs = performance.now() - received.at;
  return {
    ...card,
    progressMs: Math.min(card.progressMs + elapsedMs, card.durationMs ?? Number.POSITIVE_INFINITY),
    endsInMs: card.endsInMs === null ? null : card.endsInMs - elapsedMs,
  };
}

document.addEventListener('submit', ({ target, defaultPrevented }) => {
  if (target.method !== 'post' || defaultPrevented) return;
  isSubmitting = true;
  // It may have been stopped, or have opened another tab.
  setTimeout(() => {
    isSubmitting = false;
    if (isReloadDue) reload();
  }, 10_000);
});
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
setInterval(updateProgress, reducedMotion.matches || document.documentElement.dataset.motion ? 5_000 : 250);
setInterval(updateLabel, 1_000);

/** Sets the progress as of now. */
function moveTo(progressMs) {
  Object.assign(shown, { progressMs, endsInMs: shown.durationMs - progressMs, at: performance.now() });
}

function currentProgress() {
  const elapsedMs = shown.playing ? performance.now() - shown.at : 0;
  return Math.min(shown.progressMs + elapsedMs, shown.durationMs);
}

/** The part of this page that `controlPlayer` uses. */
const player = {
  state: () => ({ ...withCurrentProgress(received) }),
  show({ playing = shown.playing, progressMs = currentProgress() }) {
    moveTo(progressMs);
    shown.playing = playing;
    if (!playing) shown.endsInMs = Number.NaN;
    updateProgress();
  },
  reset() {
    if (isHeld()) isResetDue = true;
    else show(withCurrentProgress(received));
  },
  release() {
    if (isHeld()) return;
    const card = delayed;
    const mustReset = isResetDue;
    isResetDue = false;
    if (mustReset) show(withCurrentProgress(received));
    if (card) receive(card);
    else if (mustReset) onUpdate({ isOther: false, isRendered: true });
  },
  async refetch() {
    const url = `${live.dataset.card}?${new URLSearchParams({ signIn: live.dataset.signIn })}`;
    const options = { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(10_000) };
    const response = await fetch(url, options).catch(() => null);
    const card = response?.ok ? await response.json().catch(() => null) : null;
    if (card?.version) receive(card);
  },
};
// "Up next" is loaded where there is room for it, or when it is opened, or was when the page was left.
const queue = byId('live-queue');
const loadQueue = () => import(queue.dataset.queue);
if (queue && (sessionStorage.getItem('up next') || matchMedia(queue.dataset.room).matches)) loadQueue();
else queue?.addEventListener('toggle', loadQueue, { once: true });
// Browsers report the click itself after the end of a touch.
for (const type of ['pointerup', 'pointercancel', 'keyup', 'dragend'])
  document.addEventListener(type, () => setTimeout(player.release, 100));
const { send, say } = await import(live.dataset.send);
const { controlPlayer } = await import(live.dataset.player);
onUpdate = controlPlayer(live, { ...player, send, say });
// After the listener of player.js, which marks the slider as held.
live.addEventListener('input', updateProgress);
const { follow } = await import(live.dataset.follow);
const { shareStream } = await import(live.dataset.tabs);
shareStream({
  data: live.dataset,
  isBar: false,
  version: () => shown.version,
  latest: () => latest && withCurrentProgress(latest),
  onCard: receive,
  onStatus: setStatus,
  onEnd: reload,
  follow,
});
