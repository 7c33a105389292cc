/*
 * Keyboard shortcuts (WCAG 2.2, 2.1.4): letters work on every page and can be switched off, which a cookie remembers. Space and arrows work only
 * while the focus is in the player itself, never on one of its buttons, links or sliders. None works with a modifier, or while text is typed.
 */
const dialog = document.getElementById('shortcuts');
const { player, nowPlaying, library, queue, wall, search, preferences } = dialog.dataset;
const toggle = dialog.querySelector('input');
const { send, say } = await import(dialog.dataset.send);
const steps = { positionMs: 10_000, percent: 5 };

/** Sends fields to this site, and says what came of it. */
async function change(url, fields, words) {
  const answer = await send(url, new URLSearchParams(fields));
  say(answer.isOk ? words : answer.text, answer.undo);
}

const sayImpossible = () => say('That isn’t possible right now.');

/** Presses a button of the page, if it has the player. Returns whether there is a player. */
function press(selector) {
  const container = document.getElementById('live');
  if (!container) return false;
  const button = container.querySelector(selector);
  if (button) button.click();
  else sayImpossible();
  return true;
}

const command = (name, fields, words) => change(player + name, fields, words);

async function skip(name, words) {
  if (!press(`form[action$="/player/${name}"] button`)) await command(name, {}, words);
}

/** The current playback, for commands that depend on it. Says so if nothing is playing. */
async function playback() {
  try {
    const options = { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(20_000) };
    const response = await fetch(nowPlaying, options);
    const state = await response.json();
    if (response.ok && state.state !== 'nothing') return state;
    say(response.ok ? 'Nothing is playing.' : state.detail || state.title);
  } catch {
    say('This site isn’t responding. Check your connection.');
  }
  return null;
}

async function toggleShuffle() {
  if (press('button[name=on]')) return;
  const state = await playback();
  if (state)
    await command('shuffle', { on: !state.shuffle }, state.shuffle ? 'Shuffle is off.' : 'Shuffle is on.');
}

const repeats = {
  off: ['context', 'Repeat: all.'],
  context: ['track', 'Repeat: one.'],
  track: ['off', 'Repeat: off.'],
};
async function changeRepeat() {
  if (press('button[name=mode]')) return;
  const state = await playback();
  if (!state) return;
  const [mode, words] = repeats[state.repeat ?? 'off'];
  await command('repeat', { mode }, words);
}

async function toggleSaved() {
  if (press('.heart')) return;
  const state = await playback();
  if (!state) return;
  const { saved, item } = state;
  if (!item?.uri || saved === null) return sayImpossible();
  const words = saved ? 'Removed from your library.' : 'Saved to your library.';
  await change(`${library}/${saved ? 'remove' : 'save'}`, { uri: item.uri }, words);
}

function goToSearch() {
  const field = document.querySelector('main input[type=search], .site-search input');
  if (field?.checkVisibility()) field.focus();
  else location.assign(search);
}

function showQueue() {
  const details = document.getElementById('live-queue');
  if (!details) return location.assign(queue);
  details.open = !details.open;
  details.querySelector('summary').focus();
}

const letters = {
  n: () => skip('next', 'Skipped.'),
  p: () => skip('previous', 'Skipped back.'),
  l: toggleSaved,
  s: toggleShuffle,
  r: changeRepeat,
  q: showQueue,
  w: () => location.assign(wall),
  ...(search && { '/': goToSearch }),
  '?': () => dialog.showModal(),
};

/** Moves a slider of the player, as if by hand. */
function move(id, by) {
  const slider = document.getElementById(id);
  if (slider?.type !== 'range') return sayImpossible();
  slider.value = Number(slider.value) + by;
  for (const type of ['input', 'change']) slider.dispatchEvent(new Event(type, { bubbles: true }));
}

const playerKeys = {
  ' ': () => press('form[action$="/player/pause"] button, form[action$="/player/play"] button'),
  ArrowLeft: () => move('live-bar', -steps.positionMs),
  ArrowRight: () => move('live-bar', steps.positionMs),
  ArrowUp: () => move('live-volume', steps.percent),
  ArrowDown: () => move('live-volume', -steps.percent),
};

const typing = 'textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio])';
document.addEventListener('keydown', (event) => {
  const { key, target, shiftKey } = event;
  // safeguard: no-shortcuts-with-modifiers
  const isModified =
    event.ctrlKey || event.metaKey || event.altKey || (shiftKey && /^[a-z ]$|^Arrow/i.test(key));
  if (isModified || event.defaultPrevented || event.isComposing) return;
  // safeguard: no-shortcuts-while-typing
  if (target.matches(typing)) return;
  // safeguard: no-shortcuts-behind-dialog
  if (document.querySelector('dialog:modal, .sheet:popover-open')) return;
  // safeguard: player-keys-in-player-only
  const isInPlayer = target.id === 'live';
  const table = isInPlayer && Object.hasOwn(playerKeys, key) ? playerKeys : toggle.checked ? letters : {};
  if (!Object.hasOwn(table, key)) return;
  event.preventDefault();
  // Holding a key down repeats only what moves.
  if (!event.repeat || key.startsWith('Arrow')) table[key]();
});

/** Lets the player itself have the focus, so that Space and arrows work in it. */
const container = document.getElementById('live');
if (container) {
  container.tabIndex = 0;
  container.setAttribute('role', 'group');
  container.setAttribute('aria-label', 'Player');
}

toggle.addEventListener('change', () => {
  const shortcuts = toggle.checked ? 'on' : 'off';
  change(preferences, { shortcuts }, `Keyboard shortcuts are ${shortcuts}.`);
});
const opener = document.getElementById('open-shortcuts');
// It has its place from the start, so that nothing shifts.
opener.classList.remove('invisible');
opener.addEventListener('click', () => dialog.showModal());
