// Without this script the page works with forms and reloads; with it, the page updates itself every second.

/** Replaces the parts of the page that have changed, and restores the focus. */
function update(html) {
  const newDocument = new DOMParser().parseFromString(html, 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const replacement = newDocument.getElementById(part.id);
    // A radio button that was selected but not submitted doesn't show in outerHTML, so it stays selected.
    if (!replacement || replacement.outerHTML === part.outerHTML) continue;
    const focusedId = part.contains(document.activeElement) ? document.activeElement.id : '';
    part.replaceWith(document.adoptNode(replacement));
    document.getElementById(focusedId)?.focus({ preventScroll: true });
  }
}

async function load(url, options) {
  try {
    const response = await fetch(url, options);
    if (response.ok) update(await response.text());
    return response.ok;
  } catch {
    return false;
  }
}

document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { target: form, submitter } = event;
  const body = new URLSearchParams(new FormData(form, submitter));
  const url = submitter?.hasAttribute('formaction') ? submitter.formAction : form.action;
  if (!(await load(url, { method: 'POST', body }))) location.reload();
});

async function poll() {
  if (document.visibilityState === 'visible') await load('/');
  setTimeout(poll, 1000);
}
poll();
