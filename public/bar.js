/*
 * The bar at the bottom of every page: what is playing, with the controls that are needed most. It is shown once an update has arrived, by the one
 * stream of this browser, and costs calls at ends of tracks only. Its forms with `data-done` are sent by send.js.
 */
const bar = document.getElementById('bar');
const [title, byline, state, progress] = ['title', 'byline', 'state', 'progress'].map((part) =>
  document.getElementById(`bar-${part}`),
);
const cover = Object.assign(new Image(48, 48), { className: 'cover', alt: '', hidden: true });
bar.querySelector('a').prepend(cover);
const [pause, play] = bar.querySelectorAll('form:not([data-done])');
/** Each is missing without its permission. */
const [next, volume, save] = ['next', 'volume', 'save'].map((part) => document.getElementById(`bar-${part}`));
/** The server's last poll is two seconds after a command. By then the update has arrived. */
const confirmWithinMs = 4_000;
/** A track that ended this long ago isn't shown anymore. */
const overMs = 60_000;

/** The latest card, and when it arrived. */
let latest = null;
let arrivedAt = 0;
/** The version of the latest card with HTML, which only pages with the card show. */
let version = '';
/** The last press until it is confirmed or reverted: whether it was Play, and when. */
let press = null;
/** The volume that was asked for last, until it is confirmed or reverted. */
let asked = null;
let sending = Promise.resolve();

function receive(card) {
  // safeguard: bar-asks-whether-saved
  if (save && card.uri && card.uri !== latest?.uri && card.saved === null && !document.hidden)
    fetch(bar.dataset.savedState).catch(() => undefined);
  latest = card;
  arrivedAt = performance.now();
  if (card.html !== null) version = card.version;
  if (card.playing === press?.isPlay) press = null;
  if (card.volume === asked?.volume) asked = null;
  show();
}

const isPlaying = () => press?.isPlay ?? latest.playing;

/** How long the track has played since the latest card. */
function playedMs() {
  const now = performance.now();
  if (press === null) return latest.playing ? now - arrivedAt : 0;
  return press.isPlay ? now - press.at : press.at - arrivedAt;
}

/** The latest card with its progress as of now. */
function current() {
  const { progressMs, endsInMs, durationMs } = latest;
  return {
    ...latest,
    progressMs: progressMs === null ? null : Math.min(progressMs + playedMs(), durationMs ?? progressMs),
    endsInMs: endsInMs === null ? null : endsInMs - (performance.now() - arrivedAt),
  };
}

/** Marks the rows of what is playing in the lists of this page. */
function markRows() {
  for (const row of document.querySelectorAll('.track-list li[data-uri]')) {
    if (!bar.hidden && row.dataset.uri === latest.uri) {
      row.setAttribute('aria-current', 'true');
      row.dataset.playing = isPlaying();
    } else {
      row.removeAttribute('aria-current');
      delete row.dataset.playing;
    }
  }
}

function show() {
  setHidden(!latest?.title || current().endsInMs < -overMs);
  if (bar.hidden) return;
  markRows();
  title.textContent = latest.title;
  byline.textContent = latest.byline ?? '';
  state.textContent = isPlaying() ? '' : latest.byline ? 'Paused · ' : 'Paused';
  if (latest.cover !== null && cover.src !== latest.cover) cover.src = latest.cover;
  cover.hidden = latest.cover === null;
  const focused = document.activeElement?.closest('#bar form');
  if (pause && play) {
    pause.hidden = !latest.takesCommands || !isPlaying();
    play.hidden = !latest.takesCommands || isPlaying();
    next.hidden = !latest.canSkip;
    // Null if this device doesn't let apps change it.
    volume.hidden = latest.volume === null;
    const slider = volume.elements.percent;
    // A slider that is being moved, or was, isn't moved back.
    // safeguard: bar-keeps-moved-slider
    if (!slider.matches('[data-held]')) slider.value = asked?.volume ?? latest.volume;
  }
  if (save) showSaved();
  // The button that was pressed has become the other one, or is gone.
  if (focused?.hidden) {
    const buttons = [...bar.querySelectorAll('button')];
    (buttons.find((one) => one.checkVisibility()) ?? bar.querySelector('a')).focus();
  }
  move();
}

/** Whether it is saved may be unknown, which takes a call to find out: saving it twice does no harm. */
function showSaved() {
  const { uri, saved } = latest;
  const button = save.elements.uri;
  save.hidden = uri === null;
  save.action = saved ? save.dataset.remove : save.dataset.save;
  button.value = uri ?? '';
  button.setAttribute('aria-pressed', saved === true);
}

/** Hides the bar, or shows it. Hiding it moves the focus to the page if it was in the bar. */
function setHidden(isHidden) {
  if (bar.hidden === isHidden) return;
  // safeguard: focus-leaves-hidden-bar
  if (isHidden && bar.contains(document.activeElement))
    document.getElementById('main').focus({ preventScroll: true });
  bar.hidden = isHidden;
  markRows();
}

/** Moves the progress on, and hides the bar when the track is long over. */
function move() {
  if (bar.hidden) return;
  const { progressMs, durationMs, endsInMs } = current();
  setHidden(endsInMs < -overMs);
  progress.hidden = !durationMs || progressMs === null;
  if (!progress.hidden) progress.value = progressMs / durationMs;
}

/** Sends a command, and waits until it should have been confirmed; or says why it was refused. */
async function perform({ action }, fields) {
  // Commands in quick succession arrive in their order.
  sending = sending.then(() => send(action, new URLSearchParams(fields)));
  const answer = await sending;
  if (!answer.isOk) say(answer.text);
  else await new Promise((resolve) => setTimeout(resolve, confirmWithinMs));
}

async function setVolume(slider) {
  const mine = { volume: Number(slider.value) };
  asked = mine;
  await perform(volume, { percent: mine.volume });
  if (asked !== mine) return;
  asked = null;
  show();
}

bar.addEventListener('submit', async (event) => {
  const { target: form } = event;
  if (form.dataset.done !== undefined) return;
  event.preventDefault();
  const mine = { isPlay: form === play, at: performance.now() };
  press = mine;
  show();
  await perform(form, {});
  // safeguard: revert-own-press
  if (press !== mine) return;
  press = null;
  show();
});
setInterval(move, 1_000);
// The results of a search.
document.addEventListener('replaced', markRows);

const { send, say } = await import(bar.dataset.send);
const { holdSliders } = await import(bar.dataset.sliders);
if (volume) holdSliders(volume, setVolume, () => latest && show());
const { follow } = await import(bar.dataset.follow);
const { shareStream } = await import(bar.dataset.tabs);
shareStream({
  data: bar.dataset,
  isBar: true,
  version: () => version,
  latest: () => latest && current(),
  onCard: receive,
  // Pages with the card say what's wrong with the connection.
  onStatus: () => undefined,
  onEnd: () => {
    latest = null;
    press = null;
    asked = null;
    show();
  },
  follow,
});
