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
