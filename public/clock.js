// The server tells moments in UTC, because it cannot know more; here they are told by the reader's own clock.
const format = new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short' });

function tell() {
  for (const time of document.querySelectorAll('time')) {
    if (time.textContent.endsWith(' UTC')) time.textContent = format.format(new Date(time.dateTime));
  }
}

tell();
// Pages that keep themselves up to date bring new ones.
new MutationObserver(tell).observe(document.body, { childList: true, subtree: true });
