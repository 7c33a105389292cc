// Says that the page is waiting for Spotify if the next page takes longer than a moment. Without scripts, only the browser shows that it is loading.
const noticeAfterMs = 1_000;
// By then the page was stopped, or opened in another window.
const hideAfterMs = 30_000;
const { worker } = document.getElementById('wait').dataset;
const notice = document.createElement('p');
notice.className = 'notice waiting';
notice.hidden = true;
notice.setAttribute('role', 'status');
document.getElementById('main').prepend(notice);
let timer;

function show(text) {
  notice.hidden = false;
  notice.textContent = text;
}

function wait() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    show('Still waiting for Spotify.');
    timer = setTimeout(stop, hideAfterMs);
  }, noticeAfterMs);
}

function stop() {
  clearTimeout(timer);
  show('');
  notice.hidden = true;
}

// With these keys, a link or form opens another window and this page stays.
let opensElsewhere = false;
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  opensElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || opensElsewhere || event.defaultPrevented || link.origin !== location.origin) return;
  if ('sheet' in link.dataset) {
    event.preventDefault();
    import(document.getElementById('sheet').dataset.later).then(
      ({ openLink }) => openLink(link),
      () => location.assign(link.href),
    );
    return;
  }
  // This page also stays for a download, and for a link to a place on it.
  if (/\/export\.\w+$/.test(link.pathname) || link.getAttribute('href').startsWith('#')) return;
  wait();
});

/** Whether this site has answered although the device is offline: it may run on the same one. */
let isReachable = false;
document.addEventListener('submit', (event) => {
  const { target: form, submitter, defaultPrevented } = event;
  if (defaultPrevented || opensElsewhere) return;
  if (navigator.onLine || isReachable || form.method === 'get') return wait();
  // The browser would replace this page, and what was entered in it, by its own page about the connection.
  // safeguard: keep-form-while-offline
  event.preventDefault();
  fetch(worker, { method: 'HEAD' }).then(
    () => {
      isReachable = true;
      form.requestSubmit(submitter);
    },
    () => show('You’re offline, so nothing was sent.'),
  );
});
addEventListener('keydown', ({ key }) => key === 'Escape' && stop());
// The browser may restore this page when the visitor comes back to it.
addEventListener('pagehide', stop);

// Shows a page of this site if the server can't be reached. Browsers allow it on https and on this machine only.
const register = () => navigator.serviceWorker?.register(worker).catch(() => undefined);
// Registered after everything that this page needs has loaded.
if (document.readyState === 'complete') register();
else addEventListener('load', register);
