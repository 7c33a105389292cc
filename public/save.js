// "Save" and "Follow" in a header: the page stays where it is, and the button offers the opposite.
const form = document.querySelector('form[data-saved]');
const { save, remove, saveLabel, removeLabel } = form.dataset;

function show(isSaved) {
  form.action = isSaved ? remove : save;
  const button = form.querySelector('button');
  const label = isSaved ? removeLabel : saveLabel;
  // A heart has its label in a tooltip, and in text for screen readers.
  const text = button.querySelector('span');
  (text ?? button).textContent = label;
  if (text) button.title = label;
}

/** Asks whether it is saved if the page doesn't know, and replaces the link that does the same. Without an answer the link stays. */
async function ask(link) {
  const options = { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(20_000) };
  const response = await fetch(link.dataset.savedState, options).catch(() => null);
  const saved = response?.status === 200 ? (await response.json().catch(() => ({}))).saved : null;
  if (typeof saved !== 'boolean') return;
  show(saved);
  const hadFocus = document.activeElement === link;
  form.hidden = false;
  link.remove();
  if (hadFocus) form.querySelector('button').focus();
}

const unknown = document.querySelector('a[data-saved-state]');
// A tab in the background may never be looked at.
// safeguard: ask-while-seen
if (unknown && document.hidden)
  document.addEventListener('visibilitychange', () => ask(unknown), { once: true });
else if (unknown) ask(unknown);

/** The address that undoes what this form did last, if it was a removal. */
let ownUndo = null;

document.addEventListener('done', ({ target, detail }) => {
  if (target === form) {
    show(detail.body.saved);
    ownUndo = detail.undo;
  }
  // Others on the page offer Undo as well.
  // safeguard: saved-again-after-undo
  // safeguard: only-own-undo
  else if (ownUndo && detail.action.endsWith(ownUndo)) show(true);
});

// Spotify doesn't offer it to this app, so the button would never work.
// safeguard: remove-following-once-refused
document.addEventListener('refused', ({ target, detail }) => {
  if (target !== form || detail.reason !== 'artists-not-offered') return;
  form.remove();
  document.getElementById('main').focus({ preventScroll: true });
});
