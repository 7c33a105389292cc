/*
 * Sorts and filters the playlists as soon as a choice changes. The server sends the page as it does without scripts; the list is taken from it, so
 * that the field keeps the focus.
 */
const form = document.querySelector('.filter');
const status = document.getElementById('filter-status');
let request;

form.addEventListener('change', ({ target }) => {
  // A name is complete with Enter. Leaving the field may be a click on a card, which must not be replaced.
  if (target.name !== 'q') update();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  update();
});

async function update() {
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  const url = `${form.getAttribute('action')}?${new URLSearchParams(new FormData(form))}`;
  const response = await fetch(url, { headers: { Accept: 'text/html' }, signal }).catch(() => null);
  const html = await response?.text().catch(() => null);
  if (signal.aborted) return;
  const page = html && new DOMParser().parseFromString(html, 'text/html');
  const list = page?.getElementById('playlists');
  // The page says what is wrong.
  if (!list) return location.assign(url);
  for (const id of ['playlists', 'playlist-count'])
    document.getElementById(id).replaceWith(page.getElementById(id));
  document.title = page.title;
  document.documentElement.className = page.documentElement.className;
  status.textContent = list.querySelector('[role=status]')?.textContent ?? '';
  history.replaceState(history.state, '', url);
  document.dispatchEvent(new CustomEvent('replaced'));
}
