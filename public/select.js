/*
 * Selecting rows of a list: how many are selected, a range with Shift, all of the page, and none once the selection is closed. Without JavaScript
 * the checkboxes and buttons work as well.
 */
const isPlayable = ({ name }) => name !== 'unplayable';
/** The list on the page: search.js replaces it. */
let count;
let boxes;
/** "Play", "Add to queue" and "Save"; none if they aren't offered. */
let senders;
/** Those of them that play what is selected. */
let players;
let context;
let all;
let lastIndex;
/** The button that was pressed last: the event "formdata" doesn't tell. */
let pressed;

function prepare() {
  const details = document.querySelector('.selection');
  if (!details) return;
  const form = details.querySelector('form');
  count = document.getElementById('selection-count');
  boxes = [...document.querySelectorAll('input[form=selection]')];
  senders = [...form.querySelectorAll('[data-done]')];
  players = senders.filter(({ dataset }) => !('saves' in dataset));
  context = details.dataset.context;
  lastIndex = -1;
  pressed = null;

  all = document.createElement('button');
  all.type = 'button';
  all.className = 'secondary small-button';
  all.addEventListener('click', () => checkAll(boxes.some(({ checked }) => !checked)));
  count.after(all);
  form.addEventListener('click', ({ target }) => {
    pressed = target;
  });
  form.addEventListener('formdata', chooseFields);
  form.addEventListener('submit', openSheet);
  details.addEventListener('toggle', () => details.open || checkAll(false));
  // The browser may have restored them.
  update();
}

function checkAll(isChecked) {
  for (const box of boxes) box.checked = isChecked;
  update();
}

function update() {
  const selected = boxes.filter((box) => box.checked);
  const checked = selected.length;
  const playable = selected.filter(isPlayable).length;
  const write = (number) => number.toLocaleString(document.documentElement.lang);
  const without =
    players.length > 0 && playable < checked ? `, ${write(checked - playable)} can’t be played` : '';
  count.textContent = checked > 0 ? `${write(checked)} selected${without}` : '';
  all.textContent = checked < boxes.length ? 'Select all on this page' : 'Select none';
  // Without anything to play, Play would resume what is paused.
  for (const button of senders) {
    const used = players.includes(button) ? playable : checked;
    button.disabled = used === 0 || used > (button.dataset.max ?? Infinity);
  }
}

document.addEventListener('click', ({ target, shiftKey }) => {
  const index = boxes?.indexOf(target) ?? -1;
  if (index === -1) return;
  if (shiftKey && lastIndex !== -1)
    for (const box of boxes.slice(Math.min(index, lastIndex), Math.max(index, lastIndex)))
      box.checked = target.checked;
  lastIndex = index;
  update();
});

function chooseFields({ formData }) {
  // Only removing needs the places of the rows.
  if (pressed?.name === 'snapshot') return;
  // safeguard: play-playable-rows
  const selected = boxes.filter((box) => box.checked && (isPlayable(box) || !players.includes(pressed)));
  for (const name of ['entry', 'unplayable', 'uri']) formData.delete(name);
  for (const { value } of selected) formData.append('uri', value.replace(/^\d+ /, ''));
  const [first] = selected;
  if (!pressed?.formAction.endsWith('/play') || !context || !first || !reachesEnd(first)) return;
  // Spotify plays a list better than its tracks: it knows what follows.
  // safeguard: play-selection-in-list
  formData.delete('uri');
  formData.set('context', context);
  formData.set('offset', first.dataset.offset);
}

/** Whether all rows from this one on are selected, including those that can't be played: in its list, Spotify skips them. One that can't be selected isn't. */
function reachesEnd(first) {
  const rows = [...first.closest('.track-list').children];
  return rows.slice(rows.indexOf(first.closest('li'))).every((row) => row.querySelector('input:checked'));
}

/** "Add to playlist" opens in a sheet, as it does for a row, so that the selection stays. */
function openSheet(event) {
  if (event.defaultPrevented || event.submitter?.hasAttribute('formaction')) return;
  event.preventDefault();
  const form = event.target;
  const query = new URLSearchParams(new FormData(form));
  query.delete('idempotencyKey');
  const link = Object.assign(document.createElement('a'), { href: `${form.action}?${query}` });
  link.dataset.sheet = '';
  form.append(link);
  link.click();
  link.remove();
}

document.addEventListener('replaced', prepare);
prepare();
