// Says so where the next page takes longer than a moment, because Spotify does. Without this the browser shows by itself that it
// waits.
const afterMs = 1_000;
// Whoever still waits then has stopped it, or has it come in another window.
const longestMs = 30_000;
const note = document.createElement('p');
note.className = 'notice waiting';
note.hidden = true;
note.setAttribute('role', 'status');
document.getElementById('main').prepend(note);
let timer;

function wait() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    note.hidden = false;
    note.textContent = 'Still waiting for Spotify.';
    timer = setTimeout(stop, longestMs);
  }, afterMs);
}

function stop() {
  clearTimeout(timer);
  note.hidden = true;
  note.textContent = '';
}

// With these keys a link or a form opens another window, and this one stays.
let elsewhere = false;
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || elsewhere || event.defaultPrevented || link.origin !== location.origin) return;
  // A file comes beside the page, which stays; so it does where a link leads to a place on it.
  if (/\/export\.\w+$/.test(link.pathname) || link.getAttribute('href').startsWith('#')) return;
  wait();
});
document.addEventListener('submit', (event) => event.defaultPrevented || elsewhere || wait());
addEventListener('keydown', ({ key }) => key === 'Escape' && stop());
// Who comes back finds the page as it was left.
addEventListener('pagehide', stop);
