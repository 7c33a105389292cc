/*
 * The commands to the player, and saving the track, without leaving the page: their forms are sent in the background, and the page shows at once
 * what was asked for. The live updates then show whether it happened. If nothing has changed a while later, the page reverts its update and says so.
 * Without JavaScript the forms lead back to the page.
 */

/** The server's last poll is two seconds after a command. By then its answer has arrived. */
const confirmWithinMs = 4_000;
/** An observation this long after a command shows its effect; an earlier one may not show it yet. */
const effectMs = 1_000;
/** A slider is sent when it has stood still for this long: arrow keys move it in steps. */
const restMs = 300;
/** After a slider has been let go, "change" follows within this time, if at all. */
const changeWithinMs = 100;
/** Progress within this of the expected value counts as expected, as on the server. */
const toleranceMs = 5_000;
/** This near the start of a track, going back or on to the same one changes too little to tell. */
const nearStartMs = 10_000;
/** A refusal is shown for at least this long. */
const readMs = 6_000;
/** Some devices set the volume in steps. */
const volumeStep = 5;

const playLabels = { play: 'Play', pause: 'Pause' };
const repeats = {
  off: { next: 'context', label: 'Repeat: off' },
  context: { next: 'track', label: 'Repeat: all' },
  track: { next: 'off', label: 'Repeat: one' },
};
const saveLabels = { save: 'Save to library', remove: 'Remove from library' };

const commandOf = (action) => /\/(?:player|library)\/(\w+)$/.exec(action)?.[1];
const isSlider = (element) => element.type === 'range';

/**
 * Handles the command forms in `container`. `page.state()` returns what was received last, with the progress as of now; `page.show(changes)` shows a
 * state that differs from it; `page.reset()` shows again what was received last; `page.refetch()` fetches it from this site; `page.release()` shows
 * what arrived while a slider was held; `page.send` and `page.say` are those of send.js. Returns a function to be called after each update.
 */
export function controlPlayer(container, page) {
  /** The latest command for each thing that commands change, until it is confirmed, refused or reverted. */
  const pending = new Map();
  /** Why a command was refused, and where that is shown. */
  let refusal = null;

  async function perform(form, submitter) {
    const { action } = form;
    const command = commandOf(action);
    const fields = new URLSearchParams(new FormData(form, submitter));
    const mine = { ...effectOf(command, fields, page.state()), command };
    setRefusal(null);
    pending.set(mine.key, mine);
    show(mine.changes());
    const sentAt = performance.now();
    const answer = await page.send(action, fields);
    if (!answer.isOk) return refuse(mine, answer);
    if (mine.done) page.say(mine.done, answer.undo);
    mine.isKnownFrom = answer.commandAt + effectMs;
    await new Promise((resolve) => setTimeout(resolve, confirmWithinMs - (performance.now() - sentAt)));
    await confirm(mine);
  }

  /** A refusal is shown even if newer commands are pending. */
  function refuse(mine, { text, reason }) {
    if (isPending(mine)) drop(mine);
    setRefusal({ command: mine.command, text });
    // The site now knows that the account isn't Premium, and no longer offers controls.
    if (reason === 'premium-required') page.refetch();
  }

  async function confirm(mine) {
    if (!isPending(mine)) return;
    // The update may have been lost on the way, or the change may be too small for one.
    await page.refetch();
    if (!isPending(mine)) return;
    const state = page.state();
    if (mine.isDone(state) || mine.isClose?.(state) || mine.isHardToTell) return drop(mine);
    // safeguard: revert-only-if-known
    if (!(state.askedAt >= mine.isKnownFrom)) return leaveOpen(mine);
    // safeguard: revert-without-effect
    drop(mine);
    const text = 'Spotify accepted the command, but nothing changed. Try again, or use the device itself.';
    setRefusal({ command: mine.command, text });
  }

  /** Spotify couldn't be asked since the command: the page shows what was asked for until it can. */
  function leaveOpen(mine) {
    mine.isOpen = true;
    if (mine.changes().words) drop(mine);
    setRefusal({ command: mine.command, text: 'Can’t confirm this right now.' });
  }

  function isPending(mine) {
    return pending.get(mine.key) === mine;
  }

  /** Shows what was received last instead. */
  function drop(mine) {
    pending.delete(mine.key);
    page.reset();
    showPending();
  }

  function showPending() {
    for (const one of pending.values()) show(one.changes());
    if (refusal && !container.querySelector('.refusal')) insertRefusal(false);
  }

  function show(changes) {
    page.show(changes);
    if (changes.playing !== undefined) showPlaying(container, changes.playing);
    const label = container.querySelector('#live-playing');
    if (changes.words && label) label.textContent = changes.words;
    if (changes.shuffle !== undefined) showShuffle(container, changes.shuffle);
    if (changes.repeat !== undefined) showRepeat(container, changes.repeat);
    if (changes.saved !== undefined) showSaved(container, changes.saved);
    const slider = container.querySelector('#live-volume:not([data-held])');
    if (changes.volume !== undefined && slider) slider.value = changes.volume;
  }

  function setRefusal(next) {
    for (const old of container.querySelectorAll('.refusal, [role=alert]')) old.remove();
    refusal = next && { ...next, at: performance.now() };
    if (next) insertRefusal(true);
  }

  /** After an update it isn't announced once more. */
  function insertRefusal(isNew) {
    const notice = document.createElement('p');
    notice.className = 'notice refusal';
    if (isNew) notice.setAttribute('role', 'alert');
    notice.textContent = refusal.text;
    const form = container.querySelector(`form[action$="/${refusal.command}"]`);
    const group =
      form?.closest('.controls, .progress') ?? form ?? container.querySelector('.transport, .facts');
    if (group?.matches('.progress, .facts')) group.append(notice);
    else (group ?? container).after(notice);
  }

  container.addEventListener('submit', (event) => {
    if (event.defaultPrevented || !commandOf(event.target.action)) return;
    event.preventDefault();
    perform(event.target, event.submitter);
  });

  /** The timer of each slider that is sent as soon as it stands still. */
  const timers = new Map();
  container.addEventListener('input', ({ target }) => {
    if (!isSlider(target)) return;
    clearTimeout(timers.get(target));
    timers.delete(target);
    // safeguard: hold-slider
    target.dataset.held = '';
  });
  container.addEventListener('change', ({ target }) => {
    if (!isSlider(target)) return;
    clearTimeout(timers.get(target));
    const timer = setTimeout(() => {
      release(target);
      perform(target.form, null);
      page.release();
    }, restMs);
    timers.set(target, timer);
  });
  /** A slider that is let go where it was sends no "change". */
  function releaseUnchanged() {
    const held = [...container.querySelectorAll('[data-held]')];
    if (held.length === 0) return;
    setTimeout(() => {
      const unchanged = held.filter((slider) => !timers.has(slider) && !slider.matches(':active'));
      // safeguard: release-unchanged-slider
      for (const slider of unchanged) release(slider);
      if (unchanged.length > 0) page.release();
    }, changeWithinMs);
  }
  for (const type of ['pointerup', 'pointercancel', 'keyup', 'focusout'])
    document.addEventListener(type, releaseUnchanged);

  function release(slider) {
    timers.delete(slider);
    delete slider.dataset.held;
  }

  return ({ isOther, isRendered }) => {
    const state = page.state();
    const over = [...pending.values()].filter(
      (one) => one.isDone(state) || ((one.isOpen || one.isHardToTell) && state.askedAt >= one.isKnownFrom),
    );
    for (const one of over) pending.delete(one.key);
    // It belongs to the track before, but someone may still be reading it.
    if (isOther && performance.now() - refusal?.at > readMs) refusal = null;
    // The card on the page may still show something else.
    if (over.length > 0 && !isRendered) page.reset();
    showPending();
  };
}

/**
 * Returns what a command changes in a state, and functions that say whether a later state shows it (`isDone`), or differs too little to revert
 * it (`isClose`). `key`: commands with the same one replace each other. `isHardToTell`: its effect may look like none.
 */
function effectOf(command, fields, before) {
  const sentAt = performance.now();
  if (command === 'play' || command === 'pause') {
    const playing = command === 'play';
    return { key: 'playing', changes: () => ({ playing }), isDone: (state) => state.playing === playing };
  }
  if (command === 'seek') {
    const progressMs = Number(fields.get('positionMs'));
    const expected = () => progressMs + (before.playing ? performance.now() - sentAt : 0);
    // Past its end, the next track begins.
    const isDone = (state) =>
      state.uri !== before.uri || Math.abs(state.progressMs - expected()) < toleranceMs;
    return { key: 'progress', changes: () => ({ progressMs: expected() }), isDone };
  }
  if (command === 'next' || command === 'previous') {
    const words = command === 'next' ? 'Skipping…' : 'Going back…';
    const isDone = (state) => state.uri !== before.uri || state.progressMs < before.progressMs - toleranceMs;
    const isHardToTell = before.progressMs < nearStartMs;
    return { key: 'track', changes: () => ({ words }), isDone, isHardToTell };
  }
  if (command === 'volume') {
    const volume = Number(fields.get('percent'));
    const isDone = (state) => state.volume === volume || state.volume !== before.volume;
    const isClose = (state) => Math.abs(state.volume - volume) <= volumeStep;
    return { key: 'volume', changes: () => ({ volume }), isDone, isClose };
  }
  if (command === 'save' || command === 'remove') {
    const saved = command === 'save';
    const isDone = (state) => state.uri !== fields.get('uri') || state.saved === saved;
    const done = saved ? 'Saved to your library.' : 'Removed from your library.';
    return { key: 'saved', changes: () => ({ saved }), isDone, done };
  }
  const [key, value] =
    command === 'shuffle' ? ['shuffle', fields.get('on') === 'true'] : ['repeat', fields.get('mode')];
  return { key, changes: () => ({ [key]: value }), isDone: (state) => state[key] === value };
}

function showPlaying(container, playing) {
  const [from, to] = playing ? ['play', 'pause'] : ['pause', 'play'];
  const text = container.querySelector('#live-playing')?.firstChild;
  // Nothing may be playing anymore.
  if (text) text.textContent = text.textContent.replace(/^\S+/, playing ? 'Playing' : 'Paused');
  const form = container.querySelector(`form[action$="/player/${from}"]`);
  if (!form) return;
  form.action = form.action.replace(/\w+$/, to);
  const button = form.querySelector('button');
  setLabel(button, playLabels[to]);
  const symbol = button.querySelector('use');
  symbol.setAttribute('href', symbol.getAttribute('href').replace(/\w+$/, to));
}

/** Names a button that shows a symbol, for screen readers and in its tooltip. */
function setLabel(button, label) {
  button.title = label;
  button.querySelector('.visually-hidden').textContent = label;
}

function showShuffle(container, isOn) {
  const button = container.querySelector('button[name=on]');
  if (!button) return;
  button.value = !isOn;
  button.setAttribute('aria-pressed', isOn);
}

function showRepeat(container, mode) {
  const button = container.querySelector('button[name=mode]');
  if (!button) return;
  const { next, label } = repeats[mode];
  button.value = next;
  setLabel(button, label);
  button.dataset.mode = mode;
  button.querySelector('.repeat-one').hidden = mode !== 'track';
}

function showSaved(container, saved) {
  const [from, to] = saved ? ['save', 'remove'] : ['remove', 'save'];
  const form = container.querySelector(`form[action$="/library/${from}"]`);
  const text = container.querySelector('#live-saved span');
  if (text) text.textContent = saved ? 'In your library' : 'Not in your library';
  if (!form) return;
  form.action = form.action.replace(/\w+$/, to);
  setLabel(form.querySelector('button'), saveLabels[to]);
}
