/*
 * "Up next" beside what is playing. It is asked for while it is open and seen, at most once for each list that plays: a track that was next is taken
 * off it instead. While calls are scarce, it waits to be asked for. Without JavaScript it is a page of its own.
 */
const place = document.getElementById('live');
const details = document.getElementById('live-queue');
const content = details.querySelector('div');
const { automatic, manual } = details.dataset;
const storageKey = 'up next';

let playing = { uri: place.dataset.uri, context: place.dataset.context };
/** What was playing when the list was asked for, or when its first entry was last taken off. */
let known = null;

const isSeen = () => details.open && !document.hidden;
const entries = () => [...content.querySelectorAll('.track-list > li')];

async function update() {
  // safeguard: queue-while-seen
  if (!isSeen()) return;
  if (known && known.uri === playing.uri && known.context === playing.context) return;
  const isSameList = known?.context === playing.context;
  known = { ...playing };
  if (!playing.uri) content.replaceChildren();
  // safeguard: shift-known-queue
  else if (!isSameList) await load(automatic);
  else takeOff(playing.uri);
}

/** Takes off the entries up to the one that plays now. If it isn't there, the list has changed. */
function takeOff(uri) {
  const rows = entries();
  const index = rows.findIndex((row) => row.querySelector('button[name=uri]')?.value === uri);
  if (index === -1 || index === rows.length - 1) return offer('Up next may have changed.');
  for (const row of rows.slice(0, index + 1)) row.remove();
}

function offer(words) {
  const text = document.createElement('p');
  text.className = 'small';
  text.append(`${words} `);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'secondary small-button';
  button.textContent = 'Show what’s next';
  button.addEventListener('click', () => load(manual));
  text.append(button);
  content.replaceChildren(text);
}

async function load(url) {
  const options = { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(20_000) };
  const response = await fetch(url, options).catch(() => null);
  if (response?.status === 204) return offer('To save calls to Spotify, this isn’t updated right now.');
  const html = response?.ok ? await response.text() : '';
  const main = new DOMParser().parseFromString(html, 'text/html').getElementById('main');
  const parts = main?.querySelectorAll('form[data-done], .track-list');
  if (!main) return offer('Up next couldn’t be loaded.');
  if (parts.length > 0) return content.replaceChildren(...parts);
  const text = document.createElement('p');
  text.className = 'small';
  text.textContent = 'Nothing is up next.';
  content.replaceChildren(text);
}

place.addEventListener('playback', ({ detail: { uri, context } }) => {
  playing = { uri: uri ?? '', context: context ?? '' };
  update();
});
document.addEventListener('visibilitychange', update);
details.addEventListener('toggle', () => {
  sessionStorage.setItem(storageKey, details.open ? 'open' : '');
  update();
});
details.open = sessionStorage.getItem(storageKey) === 'open';
