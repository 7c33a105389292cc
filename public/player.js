/*
 * The commands to the player without leaving the page: their forms are sent in the background, and the page shows at once what was asked for. The
 * live updates then show whether it happened. If nothing has changed a while later, the page takes it back and says so. Without JavaScript the
 * forms lead back to the page.
 */

/** The server asks Spotify two seconds after a command for the last time. By then the answer has arrived. */
const confirmWithinMs = 4_000;
/** A slider is sent when it has stood still for this long: arrow keys move it in steps. */
const restMs = 300;
/** Progress within this of the expected value counts as expected, as on the server. */
const toleranceMs = 5_000;

const playButtons = {
  play: { label: 'Play', shape: 'M7.5 4v16L20.5 12z' },
  pause: { label: 'Pause', shape: 'M6 4.5h4v15H6zm8 0h4v15h-4z' },
};
const repeats = {
  off: { next: 'context', words: 'Repeat is off' },
  context: { next: 'track', words: 'Repeats the list' },
  track: { next: 'off', words: 'Repeats this track' },
};

/** Sends a command. Returns null, or what the site says if it was refused. */
async function send(action, fields) {
  try {
    const headers = { Accept: 'application/json' };
    const response = await fetch(action, { method: 'POST', body: fields, headers });
    if (response.ok) return null;
    const { title, detail } = await response.json();
    return detail || title;
  } catch {
    return 'This site isn’t responding. Check your connection.';
  }
}

/**
 * Handles the command forms in `place`. `page.state()` returns what was received last, with the progress as of now; `page.show(changes)` shows a
 * state that differs from it; `page.reset()` shows again what was received last; `page.refetch()` fetches it from this site. Returns a function to be
 * called after each update.
 */
export function controlPlayer(place, page) {
  /** The latest command, until it is confirmed, refused or taken back. */
  let pending = null;
  /** Why the latest command was refused, and where that is shown. */
  let refusal = null;

  function perform(form, submitter) {
    const { action } = form;
    const [, command] = /\/player\/(\w+)$/.exec(action) ?? [];
    const fields = new URLSearchParams(new FormData(form, submitter));
    const { changes, isDone } = effectOf(command, fields, page.state());
    setRefusal(null);
    // A short way to seek, or a value that is set already, is too little for an update.
    const mine = { changes, isDone, isPlain: isDone(page.state()), sentAt: performance.now() };
    pending = mine;
    show(changes());
    // The same form can be sent again: it gets a new key.
    const key = form.querySelector('[name=idempotencyKey]');
    if (key) key.value = crypto.randomUUID();
    return send(action, fields).then(async (text) => {
      if (text !== null) return takeBack(mine, command, text);
      const waitMs = confirmWithinMs - (performance.now() - mine.sentAt);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      // The update may have been lost on the way.
      if (pending === mine && !mine.isPlain) await page.refetch();
      if (mine.isPlain && pending === mine) pending = null;
      takeBack(
        mine,
        command,
        'Spotify accepted this, but nothing has changed. Try again, or use the device itself.',
      );
    });
  }

  function takeBack(mine, command, text) {
    if (pending !== mine) return;
    pending = null;
    page.reset();
    setRefusal({ command, text });
  }

  function show(changes) {
    page.show(changes);
    if (changes.playing !== undefined) showPlaying(place, changes.playing);
    if (changes.words) place.querySelector('#live-playing').textContent = changes.words;
    if (changes.shuffle !== undefined) showShuffle(place, changes.shuffle);
    if (changes.repeat !== undefined) showRepeat(place, changes.repeat);
    const slider = place.querySelector('#live-volume');
    if (changes.volume !== undefined && slider) slider.value = changes.volume;
  }

  function setRefusal(next) {
    for (const old of place.querySelectorAll('.refusal, [role=alert]')) old.remove();
    refusal = next;
    if (next) insertRefusal(true);
  }

  /** After an update it isn't announced once more. */
  function insertRefusal(isNew) {
    const notice = document.createElement('p');
    notice.className = 'notice refusal';
    if (isNew) notice.setAttribute('role', 'alert');
    notice.textContent = refusal.text;
    const form = place.querySelector(`form[action$="/player/${refusal.command}"]`);
    const group = form?.closest('.transport, .progress') ?? form ?? place.querySelector('.transport, .facts');
    if (group?.matches('.progress, .facts')) group.append(notice);
    else (group ?? place).after(notice);
  }

  place.addEventListener('submit', (event) => {
    if (!/\/player\/\w+$/.test(event.target.action)) return;
    event.preventDefault();
    perform(event.target, event.submitter);
  });

  let timer;
  const isSlider = (element) => element.type === 'range';
  place.addEventListener('input', ({ target }) => {
    if (!isSlider(target)) return;
    clearTimeout(timer);
    target.dataset.held = '';
  });
  place.addEventListener('change', ({ target }) => {
    if (!isSlider(target)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      delete target.dataset.held;
      perform(target.form, null);
      page.release();
    }, restMs);
  });

  return ({ isOther }) => {
    if (pending?.isDone(page.state())) pending = null;
    else if (pending) show(pending.changes());
    if (isOther) refusal = null;
    if (refusal && !place.querySelector('.refusal')) insertRefusal(false);
  };
}

/** Returns what a command changes in a state, and a function that says whether a later state shows it. */
function effectOf(command, fields, before) {
  const sentAt = performance.now();
  if (command === 'play' || command === 'pause') {
    const playing = command === 'play';
    return { changes: () => ({ playing }), isDone: (state) => state.playing === playing };
  }
  if (command === 'seek') {
    const progressMs = Number(fields.get('positionMs'));
    const expected = () => progressMs + (before.playing ? performance.now() - sentAt : 0);
    const isDone = (state) => Math.abs(state.progressMs - expected()) < toleranceMs;
    return { changes: () => ({ progressMs: expected() }), isDone };
  }
  if (command === 'next' || command === 'previous') {
    const words = command === 'next' ? 'Skipping…' : 'Going back…';
    const isDone = (state) => state.uri !== before.uri || state.progressMs < before.progressMs - toleranceMs;
    return { changes: () => ({ words }), isDone };
  }
  const [name, value] = {
    volume: ['volume', Number(fields.get('percent'))],
    shuffle: ['shuffle', fields.get('on') === 'true'],
    repeat: ['repeat', fields.get('mode')],
  }[command] ?? [null, null];
  if (name === null) return { changes: () => ({}), isDone: () => true };
  return { changes: () => ({ [name]: value }), isDone: (state) => state[name] === value };
}

function showPlaying(place, playing) {
  const [from, to] = playing ? ['play', 'pause'] : ['pause', 'play'];
  const text = place.querySelector('#live-playing').firstChild;
  text.textContent = text.textContent.replace(/^\S+/, playing ? 'Playing' : 'Paused');
  const form = place.querySelector(`form[action$="/player/${from}"]`);
  if (!form) return;
  form.action = form.action.replace(/\w+$/, to);
  const button = form.querySelector('button');
  button.title = playButtons[to].label;
  button.querySelector('path').setAttribute('d', playButtons[to].shape);
  button.querySelector('.visually-hidden').textContent = playButtons[to].label;
}

function showShuffle(place, isOn) {
  const button = place.querySelector('button[name=on]');
  if (!button) return;
  button.value = !isOn;
  button.setAttribute('aria-pressed', isOn);
}

function showRepeat(place, mode) {
  const button = place.querySelector('button[name=mode]');
  if (!button) return;
  const { next, words } = repeats[mode];
  button.value = next;
  button.title = words;
  button.setAttribute('aria-pressed', mode !== 'off');
  button.querySelector('.visually-hidden').textContent = words;
  button.querySelector('.repeat-one').hidden = mode !== 'track';
}
