/*
 * Moves the items of a playlist without leaving the page: by dragging, and with the same forms that work without JavaScript. Moves are sent one
 * after another, because each needs the version that the one before it made.
 */
const { say, send } = await import(document.getElementById('sheet').dataset.send);

const list = document.querySelector('.order');
const first = Number(list?.dataset.first);
let isBusy = false;
let dragged = null;
let next = null;

const rows = () => [...list.children];
const formOf = (row) => row.querySelector('form');

/** Numbers the rows by where they are now. `snapshot`: the version of the playlist that this is. */
function renumber(snapshot) {
  const last = Number(list.dataset.total) - 1;
  rows().forEach((row, index) => {
    const { entry, to, direction, snapshot: version } = formOf(row).elements;
    const position = first + index;
    row.id = `row-${position + 1}`;
    entry.value = entry.value.replace(/^\d+/, position);
    to.value = position + 1;
    direction[0].disabled = position === 0;
    direction[1].disabled = position === last;
    version.value = snapshot;
  });
}

/** Moves a row to a position on this page, without sending anything. */
function put(row, index) {
  const others = rows().filter((other) => other !== row);
  list.insertBefore(row, others[index] ?? null);
}

/** Sends a move. The row is shown at its new position at once, and goes back if that fails. */
async function move(row, fields, index) {
  const from = dragged === row ? next : rows().indexOf(row);
  const { activeElement } = document;
  isBusy = true;
  list.setAttribute('aria-busy', 'true');
  put(row, index);
  const answer = await send(formOf(row).action, fields);
  // The page of the server shows what has changed, and offers the same move again.
  // safeguard: changed-order-is-shown
  if (answer.reason === 'playlist-changed') return submitWithoutScript(row, fields);
  isBusy = false;
  list.removeAttribute('aria-busy');
  // safeguard: move-back-after-failure
  if (!answer.isOk) put(row, from);
  else if (answer.body.snapshotId) renumber(answer.body.snapshotId);
  else return location.reload();
  if (row.contains(activeElement)) {
    // At the end of the list its button is disabled.
    const target = activeElement.disabled ? formOf(row).elements.to : activeElement;
    target.focus({ preventScroll: true });
  }
  row.scrollIntoView({ block: 'nearest' });
  say(answer.isOk ? `Moved to position ${first + index + 1}.` : answer.text);
}

function submitWithoutScript(row, fields) {
  const form = formOf(row);
  form.elements.to.value = fields.get('to');
  form.submit();
}

function fieldsOf(row, to) {
  const fields = new URLSearchParams(new FormData(formOf(row)));
  fields.set('to', to);
  return fields;
}

if (list) {
  document.querySelector('.needs-script').hidden = false;
  list.addEventListener('submit', (event) => {
    const row = event.target.closest('li');
    const step = { up: -1, down: 1 }[event.submitter?.value];
    const to =
      step === undefined ? Number(event.target.elements.to.value) : first + rows().indexOf(row) + 1 + step;
    const index = to - 1 - first;
    // To another page of the playlist: the server leads there.
    if (!(index >= 0 && index < rows().length)) return;
    event.preventDefault();
    // safeguard: one-move-at-a-time
    if (!isBusy) move(row, fieldsOf(row, to), index);
  });

  for (const row of rows()) row.draggable = true;
  list.addEventListener('dragstart', (event) => {
    const row = event.target.closest?.('li');
    if (isBusy || !row) return event.preventDefault();
    dragged = row;
    next = rows().indexOf(row);
    row.classList.add('dragged');
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData('text/plain', row.id);
  });
  list.addEventListener('dragover', (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target.closest('li');
    if (!over || over === dragged) return;
    const { top, height } = over.getBoundingClientRect();
    list.insertBefore(dragged, event.clientY < top + height / 2 ? over : over.nextSibling);
  });
  list.addEventListener('drop', (event) => event.preventDefault());
  list.addEventListener('dragend', async ({ dataTransfer }) => {
    const row = dragged;
    row.classList.remove('dragged');
    const index = rows().indexOf(row);
    if (dataTransfer.dropEffect === 'none') put(row, next);
    else if (index !== next) await move(row, fieldsOf(row, first + index + 1), index);
    dragged = null;
  });
}
