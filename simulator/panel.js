// Without this the page works by its forms and by being loaded again; with it, it keeps itself up to date.

/** Puts the newer parts of the page where they differ, and the focus back where it was. */
function renew(html) {
  const newer = new DOMParser().parseFromString(html, 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = newer.getElementById(part.id);
    // What somebody has picked but not sent yet is no difference.
    if (!next || next.outerHTML === part.outerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : '';
    part.replaceWith(document.adoptNode(next));
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

async function load(url, options) {
  try {
    const answer = await fetch(url, options);
    if (answer.ok) renew(await answer.text());
    return answer.ok;
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

async function watch() {
  if (document.visibilityState === 'visible') await load('/');
  setTimeout(watch, 1000);
}
watch();
