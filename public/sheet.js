/*
 * Opens pages such as Devices in a sheet over this page, which stays as it is. Without JavaScript their links lead there. If Play finds no
 * device, the sheet asks for one. It is loaded by wait.js for a link, and by send.js for a refusal.
 */
const sheet = document.getElementById('sheet');
const content = sheet.querySelector('div');
const closeButton = sheet.querySelector('form[method=dialog] button');
const { devices } = sheet.dataset;
const startFields = ['uri', 'context', 'list', 'offset', 'positionMs', 'shuffle'];
/** The address of the link that opened it, and of its content. */
let opener = '';
let shown = '';
let request = new AbortController();

/** Shows the content of this page after words that say why. `name`: that of what will be played. */
async function open(url, words = '', name = '') {
  request.abort();
  request = new AbortController();
  const mine = request;
  shown = url;
  show([paragraph('Loading…')], words);
  if (!sheet.open) sheet.showModal();
  try {
    const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(20_000)]);
    const response = await fetch(url, { headers: { Accept: 'text/html' }, signal });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const parts = page.querySelector(response.ok ? '[data-sheet-content]' : '.prose');
    // Signed out, for example: the page itself says what to do.
    if (!parts || response.redirected) return location.assign(url);
    if (parts.dataset.module) import(parts.dataset.module);
    show(parts.childNodes, words);
    const what = content.querySelector('[data-what]');
    if (what && name) what.textContent = name;
    (content.querySelector('.choices input, button') ?? closeButton).focus();
  } catch {
    if (!mine.signal.aborted) show([paragraph('This site isn’t responding. Check your connection.')], words);
  }
}

/** Shows these parts, after words that say why. Their links and forms lead back to this page. */
function show(parts, words) {
  content.replaceChildren(...parts);
  const title = content.querySelector('h1, h2');
  if (title) title.id = 'sheet-title';
  if (words) complain(words);
  const here = location.pathname + location.search;
  for (const field of content.querySelectorAll('[name=returnTo]')) field.value = here;
  for (const link of content.querySelectorAll('.pagination a')) link.dataset.sheet = '';
  for (const link of content.querySelectorAll('a[href*="returnTo="]')) {
    const url = new URL(link.href);
    url.searchParams.set('returnTo', here);
    link.href = url;
  }
  if (sheet.open && !sheet.contains(document.activeElement)) closeButton.focus();
}

/** The name of what a button plays, from its label, or else the title of the page; empty for a selection. */
function nameOf(button) {
  if (button.form.id === 'selection') return '';
  const [, name] = /^Play (.+)/.exec(button.textContent.trim()) ?? [];
  return name ?? document.querySelector('h1').textContent.trim();
}

function paragraph(text) {
  const element = document.createElement('p');
  element.textContent = text;
  return element;
}

/** `undo`: the address that undoes what was done nevertheless. */
function complain(words, undo) {
  content.querySelector('[role=alert]')?.remove();
  const alert = paragraph(words);
  alert.className = 'notice';
  alert.setAttribute('role', 'alert');
  // By its address with the version: under another one it would run twice, and send each form twice.
  if (undo) import(sheet.dataset.send).then(({ undoForm }) => alert.append(' ', undoForm(undo)));
  const title = content.querySelector('#sheet-title');
  if (title) title.after(alert);
  else content.prepend(alert);
}

/** Opens the page that a link leads to. A link in the sheet itself loads it again. */
export function openLink(link) {
  if (!sheet.contains(link)) opener = link.href;
  open(link.href);
}

document.addEventListener('done', ({ target, detail }) => {
  if (sheet.contains(target)) return sheet.close();
  // Pressing it again would add everything a second time.
  for (const box of target.querySelectorAll('[name=playlist]')) box.checked = false;
  if (!target.closest('.devices')) return;
  // The page of the devices shows which one plays now, or leads back.
  const url = new URL(target.elements.returnTo.value, location);
  if (detail.action.endsWith('/play')) url.searchParams.set('notice', 'playback-started');
  location.assign(url);
});
document.addEventListener('refused', ({ target, detail }) => {
  const { reason, text, fields, action, submitter, undo, body } = detail;
  const isMissing = /^(no-active-device|device-gone|device-uncontrollable)$/.test(reason);
  // The next press is only for the playlists that haven't got it.
  for (const box of target.querySelectorAll('[name=playlist]'))
    if (body?.added?.includes(box.value) || body?.unsure?.includes(box.value)) box.checked = false;
  // safeguard: refusal-in-sheet
  if (sheet.contains(target)) return isMissing ? open(shown, text) : complain(text, undo);
  const start = new URLSearchParams([...fields].filter(([name]) => startFields.includes(name)));
  // safeguard: choose-device-in-sheet
  if (start.size > 0 && isMissing && action.endsWith('/play'))
    open(`${devices}?${start}`, text, nameOf(submitter));
});
sheet.addEventListener('close', () => {
  // safeguard: closed-sheet-stays-closed
  request.abort();
  const { activeElement } = document;
  // If an update has replaced what opened it, or taken it away, the focus is lost. The browser may not have taken it from the sheet yet.
  if (activeElement !== document.body && !sheet.contains(activeElement)) return;
  // safeguard: focus-after-sheet
  const link = [...document.querySelectorAll('a[data-sheet]')].find(({ href }) => href === opener);
  // Opening the sheet has closed the menu that the link is in.
  const menu = link?.closest('[popover]');
  const menuButton = menu && document.querySelector(`[popovertarget="${menu.id}"]`);
  const target = link?.checkVisibility() ? link : menuButton;
  (target ?? document.getElementById('main')).focus({ preventScroll: true });
});
// A click beside the sheet closes it: the sheet's own content never is the target.
sheet.addEventListener('click', ({ target }) => target === sheet && sheet.close());
