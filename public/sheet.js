/*
 * Opens pages such as Devices in a sheet over this page, which stays as it is. Without JavaScript their links lead there. If something should have
 * been played and there is no device to play it on, the sheet asks for one.
 */
const sheet = document.getElementById('sheet');
const content = sheet.querySelector('div');
const { devices } = sheet.dataset;
const startFields = ['uri', 'context', 'offset'];
/** The address of the link that opened it. */
let opener = '';

async function open(url, words = '') {
  content.replaceChildren(paragraph('Loading…'));
  if (!sheet.open) sheet.showModal();
  try {
    const options = { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(20_000) };
    const response = await fetch(url, options);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const parts = page.querySelector(response.ok ? '[data-sheet-content]' : '.prose');
    // Signed out, for example: the page itself says what to do.
    if (!parts || response.redirected) return location.assign(url);
    content.replaceChildren(...(words ? [paragraph(words)] : []), ...parts.childNodes);
    for (const field of content.querySelectorAll('[name=returnTo]'))
      field.value = location.pathname + location.search;
    (content.querySelector('button') ?? sheet.querySelector('form[method=dialog] button')).focus();
  } catch {
    content.replaceChildren(paragraph('This site isn’t responding. Check your connection.'));
  }
}

function paragraph(text) {
  const element = document.createElement('p');
  element.textContent = text;
  return element;
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-sheet]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (!sheet.contains(link)) opener = link.href;
  // A link in the sheet itself loads it again.
  open(link.href);
});
document.addEventListener('done', ({ target }) => {
  if (sheet.contains(target)) sheet.close();
  // The page of the devices shows which one plays now, or leads back.
  else if (target.closest('.devices')) location.assign(target.elements.returnTo.value);
});
document.addEventListener('refused', ({ detail: { reason, text, fields } }) => {
  const start = new URLSearchParams([...fields].filter(([name]) => startFields.includes(name)));
  // safeguard: choose-device-in-sheet
  if (start.size > 0 && ['no-active-device', 'device-gone'].includes(reason))
    open(`${devices}?${start}`, text);
});
// An update may have replaced the link that opened it.
sheet.addEventListener('close', () => {
  if (document.activeElement === document.body)
    [...document.querySelectorAll('a[data-sheet]')].find(({ href }) => href === opener)?.focus();
});
// A click beside the sheet, which covers none of it, closes it.
sheet.addEventListener('click', ({ target }) => target === sheet && sheet.close());
