// Shows times in the visitor's time zone and format. The server writes them in UTC, because it knows neither. This runs in the head, before
// anything is painted, so that nothing shifts; the observer handles what is added later.
const formats = {
  time: new Intl.DateTimeFormat(navigator.languages, { timeStyle: 'short' }),
  dateTime: new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short' }),
};
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: 'auto' });
const localized = new WeakSet();

/** A time of today without its date, or with "today" if the element says so; "tomorrow" or "yesterday" instead of those dates. */
function write({ dateTime, dataset }) {
  const date = new Date(dateTime);
  const days = Math.round((startOfDay(date) - startOfDay(new Date())) / 86_400_000);
  if (!days && !dataset.day) return formats.time.format(date);
  return Math.abs(days) < 2
    ? `${relative.format(days, 'day')}, ${formats.time.format(date)}`
    : formats.dateTime.format(date);
}

function startOfDay(date) {
  return new Date(date).setHours(0, 0, 0, 0);
}

function localizeTimes() {
  for (const time of document.getElementsByTagName('time')) {
    if (time.textContent.endsWith(' UTC')) localized.add(time);
    else if (!localized.has(time)) continue;
    const text = write(time);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Says how long it is until the time that an element names; hides the element after that, and offers to try again. */
function countDown() {
  for (const element of document.querySelectorAll('[data-countdown]')) {
    const ms = Date.parse(element.dataset.countdown) - Date.now();
    element.hidden = ms <= 0;
    element.parentElement.querySelector('[data-retry]')?.classList.toggle('secondary', ms > 0);
    element.textContent = `${element.dataset.words ?? 'That’s'} ${inWords(ms)}.`;
  }
}

function inWords(ms) {
  const seconds = Math.ceil(ms / 1000);
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 90) return relative.format(seconds, 'second');
  return minutes < 90
    ? relative.format(minutes, 'minute')
    : relative.format(Math.round(minutes / 60), 'hour');
}

document.addEventListener('DOMContentLoaded', countDown);
setInterval(countDown, 1_000);
// At midnight, "tomorrow" becomes a plain time.
setInterval(localizeTimes, 60_000);

new MutationObserver(localizeTimes).observe(document, {
  childList: true,
  characterData: true,
  subtree: true,
});
localizeTimes();
