/*
 * "Up next" below what is playing: open from the start in a window with room for it, else once it is pressed. It is fetched while it is open and
 * seen, once for each list that plays, even if the page is loaded again: a track that was next is taken off it. While calls are scarce, and when it may have changed, it waits for a press. Without JavaScript it has its own page.
 */
const container = document.getElementById('live');
const details = document.getElementById('live-queue');
const summary = details.querySelector('summary');
const content = details.querySelector('div');
const { automatic, manual } = details.dataset;
const { signIn } = container.dataset;
const storageKey = 'up next';

let playing = {
  uri: container.dataset.uri,
  context: container.dataset.context,
  shuffle: container.dataset.shuffle,
};
/** The playback when the list was fetched, or when its first entry was last taken off; null before that. */
let known = null;
/** The number of the latest request. The answer to an earlier one is out of date. */
let latest = 0;

const isSeen = () => details.open && !document.hidden;

async function update() {
  // safeguard: queue-while-seen
  if (!isSeen()) return;
  const before = known;
  if (before && Object.keys(playing).every((name) => before[name] === playing[name])) return;
  known = { ...playing };
  if (!playing.uri) show();
  // safeguard: shift-known-queue
  else if (before?.context !== playing.context) await load(automatic);
  else takeOff(playing.uri);
}

/** Takes off the entries up to the one that plays now. If it isn't there, the list has changed, or will after shuffle was switched. */
function takeOff(uri) {
  const rows = [...content.querySelectorAll('.track-list > li')];
  const index = rows.findIndex((row) => row.dataset.uri === uri);
  if (index === -1 || index === rows.length - 1) return offer('Up next may have changed.');
  keepFocus(() => {
    for (const row of rows.slice(0, index + 1)) row.remove();
  });
  // safeguard: renumber-queue
  for (const [position, row] of rows.slice(index + 1).entries())
    row.querySelector('.number').textContent = (position + 1).toLocaleString(document.documentElement.lang);
  store();
}

/** If what had the focus is gone after a change, the summary gets it. */
function keepFocus(change) {
  const hadFocus = content.contains(document.activeElement);
  change();
  if (hadFocus && !content.contains(document.activeElement)) summary.focus();
}

function show(...parts) {
  keepFocus(() => content.replaceChildren(...parts));
  store();
}

function paragraph(text) {
  const element = document.createElement('p');
  element.className = 'small';
  element.textContent = text;
  return element;
}

function offer(words) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'secondary small-button';
  button.textContent = 'Show what’s next';
  button.addEventListener('click', () => load(manual));
  const text = paragraph(`${words} `);
  text.append(button);
  show(text);
}

async function load(url) {
  latest += 1;
  const mine = latest;
  const options = { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(20_000) };
  const response = await fetch(url, options).catch(() => null);
  const html = response?.ok ? await response.text().catch(() => '') : '';
  // safeguard: latest-queue-only
  if (mine !== latest) return;
  if (response?.status === 204) return offer('Up next isn’t updating automatically right now.');
  const queue = new DOMParser().parseFromString(html, 'text/html').querySelector('[data-queue]');
  if (!queue) return offer('Up next couldn’t be loaded.');
  const parts = queue.querySelectorAll('form[data-done], .track-list');
  show(...(parts.length > 0 ? parts : [paragraph('Nothing is up next.')]));
}

/** Stores the list for this tab, so that loading the page again needs no call. */
function store() {
  const list = content.querySelector('.track-list') && content.innerHTML;
  sessionStorage.setItem(storageKey, JSON.stringify({ signIn, isOpen: details.open, known, list }));
}

function restore() {
  const stored = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
  // safeguard: queue-of-this-sign-in
  if (stored?.signIn !== signIn) {
    sessionStorage.removeItem(storageKey);
    details.open ||= matchMedia(details.dataset.room).matches;
    return;
  }
  if (stored.list && stored.known) {
    const { body } = new DOMParser().parseFromString(stored.list, 'text/html');
    content.replaceChildren(...body.childNodes);
    known = stored.known;
  }
  details.open = stored.isOpen;
}

container.addEventListener('playback', ({ detail: { uri, context, shuffle } }) => {
  // safeguard: offer-changed-queue
  playing = { uri: uri ?? '', context: context ?? '', shuffle: String(shuffle ?? '') };
  update();
});
document.addEventListener('done', ({ detail: { action } }) => {
  if (action.endsWith('/player/queue') && content.querySelector('.track-list')) offer('Up next has changed.');
});
document.addEventListener('visibilitychange', update);
restore();
details.addEventListener('toggle', () => {
  store();
  update();
});
update();
