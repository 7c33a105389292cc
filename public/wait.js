// Says that the page is waiting for Spotify if the next page takes longer than a moment. Without scripts, only the browser shows that it is loading.
const noticeAfterMs = 1_000;
// By then the page was stopped, or opened in another window.
const hideAfterMs = 30_000;
const notice = document.createElement('p');
notice.className = 'notice waiting';
notice.hidden = true;
notice.setAttribute('role', 'status');
document.getElementById('main').prepend(notice);
let timer;

function wait() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    notice.hidden = false;
    notice.textContent = 'Still waiting for Spotify.';
    timer = setTimeout(stop, hideAfterMs);
  }, noticeAfterMs);
}

function stop() {
  clearTimeout(timer);
  notice.hidden = true;
  notice.textContent = '';
}

// With these keys, a link or form opens another window and this page stays.
let opensElsewhere = false;
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  opensElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || opensElsewhere || event.defaultPrevented || link.origin !== location.origin) return;
  // This page also stays for a download, and for a link to a place on it.
  if (/\/export\.\w+$/.test(link.pathname) || link.getAttribute('href').startsWith('#')) return;
  wait();
});
document.addEventListener('submit', (event) => event.defaultPrevented || opensElsewhere || wait());
addEventListener('keydown', ({ key }) => key === 'Escape' && stop());
// The browser may restore this page when the visitor comes back to it.
addEventListener('pagehide', stop);

// Shows a page of this site if the server can't be reached. Browsers allow it on https and on this machine only.
const { worker } = document.getElementById('wait').dataset;
const register = () => navigator.serviceWorker?.register(worker).catch(() => undefined);
// Registered after everything that this page needs has loaded.
if (document.readyState === 'complete') register();
else addEventListener('load', register);
