// A button beside each field that is there to be copied. Without this, the field can be selected.
for (const field of document.querySelectorAll('.copy')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet';
  const label = field.getAttribute('aria-label');
  const say = (word) => {
    button.textContent = word;
    button.setAttribute('aria-label', `${word}: ${label}`);
  };
  say('Copy');
  button.addEventListener('click', async () => {
    field.select();
    // Only where the browser lets a page write to the clipboard; else it is selected, and Ctrl-C does it.
    const copied = await navigator.clipboard?.writeText(field.value).then(
      () => true,
      () => false,
    );
    say(copied ? 'Copied' : 'Selected');
    setTimeout(say, 2000, 'Copy');
  });
  field.addEventListener('focus', () => field.select());
  field.after(button);
}
