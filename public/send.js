/*
 * Sends forms in the background, so that the page, its scroll position and the focus stay: "Play" and "Add to queue" in lists, which have
 * `data-done`, the text to say when it's done. Without JavaScript the forms lead back to the page.
 */

/** Longer than the server waits for Spotify. */
const timeoutMs = 20_000;
const hideAfterMs = 6_000;
const status = document.getElementById('action-status');
let hideTimer;

/**
 * Shows a text for a moment, or for as long as the pointer or the focus is on it, and has screen readers announce it. `undo`: the address that undoes
 * what it says; the text stays then, until it is closed.
 */
export function say(text, undo) {
  clearTimeout(hideTimer);
  if (status.contains(document.activeElement)) focusMain();
  status.replaceChildren();
  if (!text) return;
  const notice = document.createElement('p');
  notice.className = 'notice';
  notice.textContent = text;
  status.append(notice);
  if (undo) notice.append(undoForm(undo), closeButton());
  else hideSoon();
}

function hideSoon() {
  // safeguard: toast-stays-in-use
  hideTimer = setTimeout(() => (status.matches(':hover') ? hideSoon() : say('')), hideAfterMs);
}

function closeButton() {
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', className: 'icon', title: 'Close', textContent: '×' });
  button.ariaLabel = 'Close';
  button.addEventListener('click', () => say(''));
  return button;
}

export function undoForm(action) {
  const form = document.createElement('form');
  const button = document.createElement('button');
  Object.assign(form, { method: 'post', action });
  form.dataset.done = 'Undone.';
  button.className = 'secondary small-button';
  button.textContent = 'Undo';
  form.append(button);
  return form;
}

const focusMain = () => document.getElementById('main').focus({ preventScroll: true });

/** Sends fields to this site. Returns whether it worked; if not, what the site says, and its reason. */
export async function send(url, fields) {
  // A form can be sent again, and other tabs may show the same one.
  // safeguard: new-key-for-each-press
  fields.set('idempotencyKey', crypto.randomUUID());
  try {
    const headers = { Accept: 'application/json' };
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: 'POST', body: fields, headers, signal });
    const body = await response.json().catch(() => ({}));
    if (response.ok) {
      const commandAt = Number(response.headers.get('Command-Time') ?? Number.NaN);
      return { isOk: true, commandAt, text: body.text, undo: body.undo, body };
    }
    const { title, detail, reason, undo } = body;
    if (reason === 'premium-required') hideControls();
    return { isOk: false, text: detail || title, reason, undo, body };
  } catch {
    const text = 'This site isn’t responding, so this may or may not have been done. Check your connection.';
    return { isOk: false, text, reason: null };
  }
}

/** Nothing can be played from here, as the next pages will say. */
function hideControls() {
  // safeguard: no-controls-without-premium
  document.body.classList.add('without-premium');
  // The button that was pressed is gone.
  if (!document.activeElement.checkVisibility()) focusMain();
}

// Escape closes a menu or sheet before it.
// safeguard: escape-closes-toast
addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && !document.querySelector(':is(dialog, [popover]):is(:modal, :popover-open)'))
    say('');
});

/** Buttons, and forms sent without one, whose request is still running: pressing one of them twice does it once. */
const busy = new Set();

// In the capture phase, so that no other script assumes the page is being left.
document.addEventListener(
  'submit',
  async (event) => {
    const { target: form, submitter } = event;
    const done = submitter?.dataset.done ?? form.dataset.done;
    if (done === undefined) return;
    event.preventDefault();
    const pressed = submitter ?? form;
    // safeguard: one-request-for-double-click
    if (busy.has(pressed)) return;
    busy.add(pressed);
    const fields = new URLSearchParams(new FormData(form, submitter));
    const action = submitter?.hasAttribute('formaction') ? submitter.formAction : form.action;
    const answer = await send(action, fields);
    busy.delete(pressed);
    // The sheet asks for a device if there is none. It is loaded when it is needed.
    if (!answer.isOk) await import(document.getElementById('sheet').dataset.later).catch(() => 0);
    // The menu of a row would cover what is said.
    submitter?.closest('[popover]')?.hidePopover();
    const detail = { ...answer, fields, action, submitter };
    // Before the next text, which replaces a form to undo.
    form.dispatchEvent(new CustomEvent(answer.isOk ? 'done' : 'refused', { bubbles: true, detail }));
    const words = answer.text ?? done;
    // Otherwise the control itself shows what was done, and what another one said stays.
    if (words) say(words, answer.undo);
  },
  { capture: true },
);
