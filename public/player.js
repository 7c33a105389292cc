/*
 * The commands to the player without leaving the page: their forms are sent in the background, and the page shows at once what was asked for. What
 * really happened arrives with the live updates. Without JavaScript the forms lead back to the page.
 */

/** Sends a command. Returns null, or what the site says if it was refused. */
async function send(form, submitter) {
  const fields = new URLSearchParams(new FormData(form, submitter));
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      body: fields,
      headers: { Accept: 'application/json' },
    });
    if (response.ok) return null;
    const { title, detail } = await response.json();
    return detail ? `${title}. ${detail}` : title;
  } catch {
    return 'This site doesn’t respond. Check your connection.';
  }
}

/**
 * Handles the command forms in `place`. `show(command, fields)` changes the page as if the command had succeeded, and returns a function that takes
 * that back; `report(text)` shows why one was refused.
 */
export function sendInBackground(place, { show, report }) {
  place.addEventListener('submit', async (event) => {
    const form = event.target;
    const [, command] = /\/player\/(\w+)$/.exec(form.action) ?? [];
    if (!command) return;
    event.preventDefault();
    const undo = show(command, new FormData(form, event.submitter));
    report('');
    // The same form can be sent again: it gets a new key.
    const refusal = await send(form, event.submitter);
    const key = form.querySelector('[name=idempotencyKey]');
    if (key) key.value = crypto.randomUUID();
    if (refusal === null) return;
    undo?.();
    report(refusal);
  });
  // A slider is sent when it is let go of.
  place.addEventListener('change', ({ target }) => {
    if (target.type === 'range') target.form.requestSubmit();
  });
}
