/*
 * Keeps the page of an export job up to date, even when another tab resumes a job that was canceled. Without scripts, the page of one that runs reloads
 * itself.
 */
const pollEveryMs = 2_000;
const slowlyEveryMs = 30_000;
const running = ['running', 'paused'];
let timer;

async function poll() {
  clearTimeout(timer);
  const html = await fetch(location.href, { headers: { Accept: 'text/html' } })
    .then((response) => (response.ok ? response.text() : ''))
    .catch(() => '');
  const latest = new DOMParser().parseFromString(html, 'text/html').getElementById('job');
  const shown = document.getElementById('job');
  // A button that has the focus keeps it, and nothing is announced, unless something has changed.
  if (latest && latest.innerHTML !== shown.innerHTML) {
    const parts = ['.lead', 'progress'].map((part) => [
      shown.querySelector(part),
      latest.querySelector(part),
    ]);
    if (latest.dataset.state !== shown.dataset.state || parts.some(([before, now]) => !before !== !now))
      shown.replaceWith(latest);
    else for (const [before, now] of parts) before?.replaceWith(now);
    if (latest.querySelector('time') || document.querySelector('#job time')) import(shown.dataset.clock);
  }
  wait((latest ?? shown).dataset.state);
}

function wait(state) {
  clearTimeout(timer);
  if (running.includes(state)) timer = setTimeout(poll, pollEveryMs);
  else if (!document.hidden) timer = setTimeout(poll, slowlyEveryMs);
}

document.addEventListener('visibilitychange', () => document.hidden || poll());
wait(document.getElementById('job').dataset.state);
