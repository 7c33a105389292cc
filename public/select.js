/*
 * Selecting rows of a list: how many are selected, a range with Shift, all of the page, and none once the selection is closed. Without JavaScript
 * the checkboxes and buttons work as well.
 */
const details = document.querySelector('.selection');
const form = details.querySelector('form');
const count = document.getElementById('selection-count');
const boxes = [...document.querySelectorAll('input[form=selection]')];
const queue = form.querySelector('[data-max]');
const { context } = details.dataset;
let lastIndex = -1;

const all = document.createElement('button');
all.type = 'button';
all.className = 'secondary small-button';
all.addEventListener('click', () => checkAll(boxes.some(({ checked }) => !checked)));
count.after(all);

function checkAll(isChecked) {
  for (const box of boxes) box.checked = isChecked;
  update();
}

function update() {
  const checked = boxes.filter((box) => box.checked).length;
  count.textContent = checked > 0 ? `${checked.toLocaleString(document.documentElement.lang)} selected` : '';
  all.textContent = checked < boxes.length ? 'Select all on this page' : 'Select none';
  if (queue) queue.disabled = checked > Number(queue.dataset.max);
}

document.addEventListener('click', ({ target, shiftKey }) => {
  const index = boxes.indexOf(target);
  if (index === -1) return;
  if (shiftKey && lastIndex !== -1)
    for (const box of boxes.slice(Math.min(index, lastIndex), Math.max(index, lastIndex)))
      box.checked = target.checked;
  lastIndex = index;
  update();
});

/** The button that was pressed last: the event "formdata" doesn't tell. */
let pressed = null;
form.addEventListener('click', ({ target }) => {
  pressed = target;
});
form.addEventListener('formdata', ({ formData }) => {
  // Only removing needs the places of the rows.
  if (pressed?.name !== 'snapshot')
    for (const entry of formData.getAll('entry')) formData.append('uri', entry.replace(/^\d+ /, ''));
  if (formData.has('uri')) formData.delete('entry');
  const first = boxes.find(({ checked }) => checked);
  if (!pressed?.formAction.endsWith('/play') || !context || !first || !reachesEnd(first)) return;
  // Spotify plays a list better than its tracks: it knows what follows.
  // safeguard: play-selection-in-list
  formData.delete('uri');
  formData.set('context', context);
  formData.set('offset', first.dataset.offset);
});

/** Whether all rows from this one on are selected, with none in between that can't be. */
function reachesEnd(first) {
  const rows = [...first.closest('.track-list').children];
  return rows.slice(rows.indexOf(first.closest('li'))).every((row) => row.querySelector('input:checked'));
}

// "Add to playlist" opens in a sheet, as it does for a row, so that the selection stays.
form.addEventListener('submit', (event) => {
  if (event.defaultPrevented || event.submitter?.hasAttribute('formaction')) return;
  event.preventDefault();
  const query = new URLSearchParams(new FormData(form));
  query.delete('idempotencyKey');
  const link = Object.assign(document.createElement('a'), { href: `${form.action}?${query}` });
  link.dataset.sheet = '';
  form.append(link);
  link.click();
  link.remove();
});

details.addEventListener('toggle', () => details.open || checkAll(false));
// The browser may have restored them.
update();
