/*
 * Filters the playlists to choose from while typing, on the page and in the sheet. Without JavaScript the form asks the server, by the same
 * rules.
 */
const simplify = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();

function filter(form) {
  const choices = form.parentElement.querySelector('.choices');
  if (!choices) return;
  const wanted = simplify(form.elements.q.value);
  let matches = 0;
  for (const row of choices.querySelectorAll('li')) {
    const { name } = row.dataset;
    const isHeading = name === undefined;
    const isChosen = row.querySelector(':checked') !== null;
    // safeguard: chosen-stays-in-sight
    row.hidden = isHeading ? wanted !== '' : !isChosen && !simplify(name).includes(wanted);
    if (!isHeading && !row.hidden) matches += 1;
  }
  choices.querySelector('.no-match').hidden = matches > 0;
}

const filterFormOf = ({ target }) => target.closest('.filter-form');

document.addEventListener('input', (event) => {
  const form = filterFormOf(event);
  if (form) filter(form);
});
document.addEventListener('submit', (event) => {
  const form = filterFormOf(event);
  // If the list goes on, the server looks through the rest as well.
  if (!form || form.parentElement.querySelector('.pagination')) return;
  event.preventDefault();
  filter(form);
});
