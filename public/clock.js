// The server tells moments in UTC, because it cannot know more; here they are told by the reader's own clock. In the head and
// before anything is shown, so that nothing moves; and again for what comes later, or what was there first.
const format = new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short' });

function tell() {
  for (const time of document.getElementsByTagName('time')) {
    if (time.textContent.endsWith(' UTC')) time.textContent = format.format(new Date(time.dateTime));
  }
}

new MutationObserver(tell).observe(document, { childList: true, characterData: true, subtree: true });
tell();
