// "Save" and "Follow" in a header: the page stays where it is, and the button offers the opposite.
const form = document.querySelector('form[data-saved]');
const { save, remove, saveLabel, removeLabel } = form.dataset;

function show(isSaved) {
  form.action = isSaved ? remove : save;
  form.querySelector('button').textContent = isSaved ? removeLabel : saveLabel;
}

document.addEventListener('done', ({ target, detail }) => {
  if (target === form) show(detail.body.saved);
  // safeguard: saved-again-after-undo
  else if (target.closest('#action-status')) show(true);
});

// Spotify doesn't offer it to this app, so the button would never work.
// safeguard: remove-following-once-refused
document.addEventListener('refused', ({ target, detail }) => {
  if (target !== form || detail.reason !== 'artists-not-offered') return;
  form.remove();
  document.getElementById('main').focus({ preventScroll: true });
});
