// Shows times in the visitor's time zone and format. The server writes them in UTC, because it knows neither. This runs in the head, before
// anything is painted, so that nothing shifts; the observer handles what is added later.
const format = new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short' });

function localizeTimes() {
  for (const time of document.getElementsByTagName('time')) {
    if (time.textContent.endsWith(' UTC')) time.textContent = format.format(new Date(time.dateTime));
  }
}

new MutationObserver(localizeTimes).observe(document, {
  childList: true,
  characterData: true,
  subtree: true,
});
localizeTimes();
