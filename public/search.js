/*
 * Searches while someone types: a moment after the last key, the results are replaced, and the field keeps the focus and the caret. The server sends
 * the page as it does without scripts; its results are taken from it. The user hasn't submitted these searches yet, so they wait as soon as a limit is near,
 * and never show an error. Enter always searches.
 */
const form = document.querySelector('.search-form');
const field = form.elements.q;
const results = document.getElementById('results');
const announcement = document.getElementById('search-announcement');
const kinds = document.querySelectorAll('#search-kinds a');
const waitMs = Number(form.dataset.wait);
const minCharacters = 2;
/** Searches of a limit that are reserved for Enter. */
const reserve = 5;
/** The minimum time until the next search after an error, and the maximum that a search waits for its turn. */
const minPauseMs = 5_000;
const maxDelayMs = 2 * 60_000;
const timeoutMs = 20_000;
const sayWaitingAfterMs = 1_000;
/** How long, and how many, pages of results are stored. */
const ttlMs = 5 * 60_000;
const maxStored = 40;

/** Pages by the search, the latest one last. */
const stored = new Map();
/** The search whose results are shown, and the line above them. */
let shown = searchIn(field.defaultValue);
let statusOfShown = statusLine().textContent;
/** The request that is running: its search, and whether Enter was pressed for it. */
let request = null;
let timer;
/** No search is made by itself before then. */
let pausedUntil = 0;

/** The same for queries that find the same: spaces and case make no difference. */
function searchIn(text) {
  // safeguard: no-search-for-space-or-case
  return text.trim().replace(/\s+/g, ' ').toLowerCase();
}

function cancel() {
  clearTimeout(timer);
  request?.abort.abort();
  request = null;
}

/** Searches for what is in the field, a moment from now. */
function update() {
  const search = searchIn(field.value);
  if (request?.search === search) return;
  // safeguard: abort-outdated-search
  cancel();
  statusLine().textContent = statusOfShown;
  // safeguard: two-characters-to-search
  if (search === shown || (search !== '' && [...search].length < minCharacters)) return;
  const page = cached(search);
  if (page) return show(page, search, addressOf(field.value));
  // safeguard: wait-between-searches
  const delayMs = Math.max(waitMs, pausedUntil - performance.now());
  if (delayMs <= maxDelayMs) timer = setTimeout(load, delayMs, search);
  // safeguard: say-that-enter-searches
  else say('Press Enter to search.');
}

function statusLine() {
  return document.getElementById('search-status');
}

/** Says this above the results, until the results change or match the field again. */
function say(text) {
  const line = statusLine();
  line.textContent = announcement.textContent = text;
  line.className = 'small';
}

/** The address of the page that the form leads to. */
function addressOf(text) {
  const fields = new URLSearchParams(new FormData(form));
  const query = text.trim().replace(/\s+/g, ' ');
  if (query) fields.set('q', query);
  else fields.delete('q');
  return [form.getAttribute('action'), ...(fields.size > 0 ? [fields] : [])].join('?');
}

async function load(search, isEntered = false) {
  const mine = { search, isEntered, abort: new AbortController() };
  request = mine;
  const url = addressOf(field.value);
  const waiting = setTimeout(say, sayWaitingAfterMs, 'Searching…');
  let response;
  let html;
  try {
    const signal = AbortSignal.any([mine.abort.signal, AbortSignal.timeout(timeoutMs)]);
    const target = isEntered || search === '' ? url : `${url}&automatic=yes`;
    response = await fetch(target, { headers: { Accept: 'text/html' }, signal });
    html = await response.text();
    pausedUntil = Math.max(pausedUntil, performance.now() + pauseAfter(response));
    if (response.ok) cache(search, html);
  } catch {
    if (mine === request) pausedUntil = performance.now() + minPauseMs;
  } finally {
    clearTimeout(waiting);
  }
  if (mine !== request) return;
  request = null;
  statusLine().textContent = statusOfShown;
  if (html !== undefined && response.ok) show(html, search, url);
  else if (mine.isEntered) location.assign(url);
  // Its turn comes later.
  else if (response?.headers.has('Retry-After')) update();
}

/** For how many milliseconds no search may be made by itself: by Retry-After after an error, or until a limit that is almost reached starts again. */
function pauseAfter({ ok, headers }) {
  // safeguard: wait-as-asked
  if (!ok) return Math.max(minPauseMs, Number(headers.get('Retry-After')) * 1000);
  // safeguard: leave-searches-for-enter
  const near = (headers.get('RateLimit') ?? '').split(', ').filter((limit) => leftOf(limit, 'r') <= reserve);
  return Math.max(0, ...near.map((limit) => leftOf(limit, 't') * 1000));
}

/** A parameter of a limit such as `"search";r=50;t=30`: the requests or seconds that are left. */
function leftOf(limit, name) {
  return Number(limit.split(`;${name}=`)[1]?.split(';')[0] ?? Number.NaN);
}

function cache(search, html) {
  stored.delete(search);
  stored.set(search, { html, at: performance.now() });
  if (stored.size > maxStored) stored.delete(stored.keys().next().value);
}

function cached(search) {
  const page = stored.get(search);
  // safeguard: keep-results-of-visit
  return page && performance.now() - page.at < ttlMs ? page.html : null;
}

function show(html, search, url) {
  // A person who is using the results must not lose them.
  // safeguard: results-in-use-stay
  if (results.matches(':active, :focus-within')) return;
  const page = new DOMParser().parseFromString(html, 'text/html');
  const parts = page.getElementById('results');
  if (!parts) return location.assign(url);
  results.replaceChildren(...parts.childNodes);
  for (const [index, link] of page.querySelectorAll('#search-kinds a').entries())
    kinds[index].setAttribute('href', link.getAttribute('href'));
  document.title = page.title;
  document.documentElement.className = page.documentElement.className;
  // safeguard: search-in-address
  history.replaceState(history.state, '', url);
  shown = search;
  statusOfShown = announcement.textContent = statusLine().textContent;
  document.dispatchEvent(new CustomEvent('replaced'));
  // Scripts in a page that was parsed don't run. One that has run before handles the event.
  const script = results.querySelector('script');
  if (script) import(script.src);
}

field.addEventListener('input', (event) => {
  // Text that is being composed isn't a word yet.
  if (!event.isComposing) update();
});
field.addEventListener('compositionend', update);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const search = searchIn(field.value);
  if (search === '') return;
  // On a phone, the keyboard covers the results.
  if (matchMedia('(pointer: coarse)').matches) field.blur();
  if (request?.search === search) request.isEntered = true;
  // Later pages have the same search, and pressing Enter begins again.
  else if (search !== shown || new URLSearchParams(location.search).has('page')) {
    cancel();
    load(search, true);
  }
});
// The browser may have restored what was typed, or someone was faster than this script.
addEventListener('pageshow', update);
