/*
 * The bar at the bottom of every page: what is playing, with Play or Pause. It is shown once an update has arrived, by the one stream of this
 * browser, and costs calls at ends of tracks only.
 */
const bar = document.getElementById('bar');
const [title, byline, state, cover, progress] = ['title', 'byline', 'state', 'cover', 'progress'].map(
  (part) => document.getElementById(`bar-${part}`),
);
const [pause, play] = bar.querySelectorAll('form');
/** The server asks Spotify two seconds after a command for the last time. By then the update has arrived. */
const confirmWithinMs = 4_000;

/** The latest card, when it arrived, and what was asked for since: null if nothing, or if it was confirmed or taken back. */
let latest = null;
let arrivedAt = 0;
let wanted = null;

function receive(card) {
  latest = card;
  arrivedAt = performance.now();
  if (card.playing === wanted) wanted = null;
  show();
}

const isPlaying = () => wanted ?? latest.playing;

/** The latest card with its progress as of now. */
function current() {
  const elapsedMs = latest.playing ? performance.now() - arrivedAt : 0;
  const { progressMs, endsInMs, durationMs } = latest;
  return {
    ...latest,
    progressMs: progressMs === null ? null : Math.min(progressMs + elapsedMs, durationMs ?? progressMs),
    endsInMs: endsInMs === null ? null : endsInMs - elapsedMs,
  };
}

function show() {
  // A track that is long over is no news.
  bar.hidden = !latest.title || current().endsInMs < -60_000;
  if (bar.hidden) return;
  title.textContent = latest.title;
  byline.textContent = latest.byline ?? '';
  state.textContent = isPlaying() ? '' : latest.byline ? 'Paused · ' : 'Paused';
  if (latest.cover !== null && cover.src !== latest.cover) cover.src = latest.cover;
  cover.hidden = latest.cover === null;
  const focused = document.activeElement?.closest('#bar form');
  if (pause && play) {
    pause.hidden = !latest.takesCommands || !isPlaying();
    play.hidden = !latest.takesCommands || isPlaying();
  }
  // The button that was pressed has become the other one.
  if (focused?.hidden)
    [pause, play]
      .find((form) => !form.hidden)
      ?.querySelector('button')
      .focus();
  showProgress();
}

function showProgress() {
  const { progressMs, durationMs } = current();
  progress.hidden = !durationMs || progressMs === null;
  if (!progress.hidden) progress.value = progressMs / durationMs;
}

bar.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { target: form } = event;
  const mine = form === play;
  if (wanted === mine) return;
  wanted = mine;
  show();
  const answer = await send(form.action, new URLSearchParams());
  if (!answer.isOk) say(answer.text);
  else await new Promise((resolve) => setTimeout(resolve, confirmWithinMs));
  if (wanted !== mine) return;
  wanted = null;
  show();
});
setInterval(() => latest && !bar.hidden && show(), 1_000);

const { send, say } = await import(bar.dataset.send);
const { follow } = await import(bar.dataset.follow);
const { shareStream } = await import(bar.dataset.tabs);
shareStream({
  data: bar.dataset,
  isBar: true,
  version: () => '',
  latest: () => latest && current(),
  onCard: receive,
  // The pages that show everything say what's wrong with the connection.
  onStatus: () => undefined,
  onEnd: () => {
    bar.hidden = true;
    latest = null;
  },
  follow,
});
