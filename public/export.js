// Shows how far an export is, on the page that started it: its download says nothing while it waits for Spotify. Without this the page of the
// export shows the same when it is loaded.
const place = document.getElementById('export-state');
const said = document.getElementById('export-said');
const everyMs = 2_000;
/** An export that cannot be seen for so long was never begun, or ended in another window. */
const mostMisses = 15;
let timer;
let misses = 0;

async function look() {
  const html = await fetch(place.dataset.progress, { headers: { Accept: 'text/html' } })
    .then((answer) => (answer.ok ? answer.text() : ''))
    .catch(() => '');
  const shown = new DOMParser().parseFromString(html, 'text/html').querySelector('[data-state]');
  const isOurs = shown?.dataset.what === place.dataset.what;
  misses = isOurs ? 0 : misses + 1;
  if (isOurs) show(shown);
  const isOver = isOurs && ['complete', 'incomplete', 'stopped'].includes(shown.dataset.state);
  if (!isOver && misses < mostMisses) timer = setTimeout(look, everyMs);
  else if (!isOver) place.replaceChildren();
}

function show(shown) {
  const before = place.querySelector('[data-state]')?.dataset.state;
  place.replaceChildren(shown);
  if (shown.querySelector('time')) import(place.dataset.clock);
  // Screen readers are told what has changed, and not each row.
  if (before !== shown.dataset.state) said.textContent = shown.textContent.trim().replace(/\s+/g, ' ');
}

function start() {
  clearTimeout(timer);
  misses = 0;
  // The result of an earlier export says nothing about this one.
  const starting = document.createElement('p');
  starting.className = 'small';
  starting.textContent = 'Starting…';
  place.replaceChildren(starting);
  // The page that asked whether to start has its answer.
  for (const part of document.querySelectorAll('[data-before-start]')) part.hidden = true;
  for (const part of document.querySelectorAll('[data-after-start]')) part.hidden = false;
  timer = setTimeout(look, everyMs);
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  if (link && /\/export\.\w+$/.test(link.pathname)) start();
});
if (place.querySelector('[data-state="running"], [data-state="paused"]')) timer = setTimeout(look, everyMs);
// A download that could not begin yet.
const later = document.querySelector('[data-start-seconds]');
if (later) setTimeout(() => later.click(), later.dataset.startSeconds * 1000);
