// Shows the progress of an export on the page that started it, because a download looks the same whether it is reading or waiting for Spotify.
// Without scripts, the page of the export shows its progress when it is loaded.
const container = document.getElementById('export-state');
const announcement = document.getElementById('export-announcement');
const pollEveryMs = 2_000;
/** An export that hasn't been seen after this many polls never began, or ended in another window. */
const maxMisses = 15;
let timer;
let misses = 0;

async function poll() {
  const html = await fetch(container.dataset.progress, { headers: { Accept: 'text/html' } })
    .then((response) => (response.ok ? response.text() : ''))
    .catch(() => '');
  const progress = new DOMParser().parseFromString(html, 'text/html').querySelector('[data-state]');
  const isOurs = progress?.dataset.export === container.dataset.export;
  misses = isOurs ? 0 : misses + 1;
  if (isOurs) show(progress);
  const hasEnded = isOurs && ['complete', 'incomplete', 'stopped'].includes(progress.dataset.state);
  if (!hasEnded && misses < maxMisses) timer = setTimeout(poll, pollEveryMs);
  else if (!hasEnded) container.replaceChildren();
}

function show(progress) {
  const before = container.querySelector('[data-state]')?.dataset.state;
  container.replaceChildren(progress);
  if (progress.querySelector('time')) import(container.dataset.clock);
  // Screen readers announce each new state, but not each row.
  if (before !== progress.dataset.state)
    announcement.textContent = progress.textContent.trim().replace(/\s+/g, ' ');
}

function start() {
  clearTimeout(timer);
  misses = 0;
  // The result of an earlier export says nothing about this one.
  const starting = document.createElement('p');
  starting.className = 'small';
  starting.textContent = 'Starting…';
  container.replaceChildren(starting);
  // The page that asked whether to start the export has its answer.
  for (const part of document.querySelectorAll('[data-before-start]')) part.hidden = true;
  for (const part of document.querySelectorAll('[data-after-start]')) part.hidden = false;
  timer = setTimeout(poll, pollEveryMs);
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  if (link && /\/export\.\w+$/.test(link.pathname)) start();
});
if (container.querySelector('[data-state="running"], [data-state="paused"]'))
  timer = setTimeout(poll, pollEveryMs);
// On the page of a paused download: starts it when the pause is over.
const download = document.querySelector('[data-start-seconds]');
if (download) setTimeout(() => download.click(), download.dataset.startSeconds * 1000);
