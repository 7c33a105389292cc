// Lets the copy buttons work. Without scripts, the text can be selected.
for (const button of document.querySelectorAll('.copy-button')) {
  const field = button.previousElementSibling;
  const fieldLabel = field.getAttribute('aria-label');
  const setLabel = (label) => {
    button.textContent = label;
    button.setAttribute('aria-label', `${label}: ${fieldLabel}`);
  };
  setLabel('Copy');
  button.addEventListener('click', async () => {
    field.select();
    // If the browser doesn't let a page write to the clipboard, the text is at least selected for Ctrl-C.
    const copied = await navigator.clipboard?.writeText(field.value).then(
      () => true,
      () => false,
    );
    setLabel(copied ? 'Copied' : 'Selected');
    setTimeout(setLabel, 2000, 'Copy');
  });
  field.addEventListener('focus', () => field.select());
  // Its place is there from the start, so that nothing shifts.
  button.classList.remove('invisible');
}
