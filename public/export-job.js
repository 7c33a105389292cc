// Keeps the page of an export job up to date. Without scripts, the page reloads itself.
const pollEveryMs = 2_000;

async function poll() {
  const html = await fetch(location.href, { headers: { Accept: 'text/html' } })
    .then((response) => (response.ok ? response.text() : ''))
    .catch(() => '');
  const latest = new DOMParser().parseFromString(html, 'text/html').getElementById('job');
  const shown = document.getElementById('job');
  // A button that has the focus keeps it, and nothing is announced, unless something has changed.
  if (latest && latest.innerHTML !== shown.innerHTML) {
    if (latest.dataset.state !== shown.dataset.state) shown.replaceWith(latest);
    else shown.querySelector('.lead').replaceWith(latest.querySelector('.lead'));
    if (latest.querySelector('time') || document.querySelector('#job time')) import(shown.dataset.clock);
  }
  if (['running', 'paused'].includes((latest ?? shown).dataset.state)) setTimeout(poll, pollEveryMs);
}

setTimeout(poll, pollEveryMs);
