import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { allowAll } from '../support/pages.ts';
import { holdResponse, startTurntable } from '../support/turntable.ts';

/** Someone who may change playlists looks at a page. */
async function open(t: TestContext, path: string, { listener = 'mara', javaScriptEnabled = true } = {}) {
  const turntable = await startTurntable(t, { ticking: true });
  const { browser: newPerson, url } = turntable;
  const person = newPerson();
  await person.signIn(listener, allowAll);
  const browser = await openBrowser(t, { javaScriptEnabled });
  await browser.addCookies(person.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url + path);
  return { ...turntable, person, page, errors };
}

const sheet = (page: Page) => page.getByRole('dialog', { name: /Add .* to a playlist/ });

test('the sheet with its filter adds to several playlists, stays on the page, and offers Undo', {
  skip,
}, async (t) => {
  const { page, person, url, errors } = await open(t, '/search?q=transmitter&type=track');
  const counts = async () => {
    const { body } = await person.getJson('/playlists').expect(200);
    const playlists = body.playlists as { name: string; count: number }[];
    return playlists
      .filter(({ name }) => /^(Night trains|Bicycle repair|Sunday, slowly)$/.test(name))
      .map(({ count }) => count);
  };
  const before = await counts();
  await page.getByRole('button', { name: 'More: Goodnight, Transmitter' }).click();
  await page.getByRole('link', { name: /^Add to playlist ?: Goodnight, Transmitter$/ }).click();

  await sheet(page)
    .getByRole('checkbox', { name: /Night trains/ })
    .check();
  const other = sheet(page).getByRole('checkbox', { name: /Sunday, slowly/ });
  await other.check();
  await other.uncheck();
  const filter = sheet(page).getByRole('searchbox', { name: 'Filter playlists' });
  await filter.fill('bicyclé');
  assert.equal(
    await sheet(page).locator('li[data-name]:visible').count(),
    2,
    'what is chosen stays in sight',
  );
  await filter.press('Enter');
  await sheet(page)
    .getByRole('checkbox', { name: /Bicycle repair/ })
    .check();
  await sheet(page).getByRole('button', { name: 'Add to chosen playlists' }).click();
  await sheet(page).waitFor({ state: 'hidden' });

  await page.getByText('Added to “Night trains” and “Bicycle repair”.').waitFor();
  assert.equal(page.url(), `${url}/search?q=transmitter&type=track`);
  const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);
  assert.equal(sum(await counts()), sum(before) + 2, 'not to the one that was unchecked');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText(/^Undone\./).waitFor();
  assert.deepEqual(await counts(), before);
  assert.deepEqual(errors, []);
});

test('without JavaScript the page adds, leads back, and its notice offers Undo', { skip }, async (t) => {
  const { page } = await open(t, '/library/top', { listener: 'noor', javaScriptEnabled: false });
  await page
    .getByRole('button', { name: /^More: / })
    .first()
    .click();
  await page.getByRole('link', { name: /^Add to playlist ?: / }).click();
  await page.getByRole('searchbox', { name: 'Filter playlists' }).fill('deep');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.getByRole('checkbox', { name: /Deep work/ }).check();
  await page.getByRole('button', { name: 'Add to chosen playlists' }).click();
  await page.getByText('Added to the playlists you chose.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText(/^Undone\./).waitFor();
  assert.match(page.url(), /\/library\/top/);
});

/** Opens the order of Noor’s playlist with this name. */
async function openOrder(t: TestContext, javaScriptEnabled = true) {
  const opened = await open(t, '/playlists', { listener: 'noor', javaScriptEnabled });
  const { page, person } = opened;
  await page.locator('a.card', { hasText: 'Morning walk' }).click();
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('link', { name: 'Reorder' }).click();
  await page.getByRole('heading', { name: /^Reorder/ }).waitFor();
  const path = new URL(page.url()).pathname.replace('/order', '');
  return {
    ...opened,
    shown: () => page.locator('.order bdi.name').allTextContents(),
    async stored(): Promise<string[]> {
      const { body } = await person.getJson(`${path}?notice=item-moved`).expect(200);
      return body.entries.map(({ item }: { item: { name: string } }) => item.name);
    },
  };
}

test('items are moved with the buttons, by position and by dragging, without leaving the page', {
  skip,
}, async (t) => {
  const { page, shown, stored, simulator, errors } = await openOrder(t);
  const [a = '', b = '', c = '', ...rest] = await shown();
  simulator.forgetCalls();

  const down = page.getByRole('button', { name: `Move ${a} down` });
  const moving = holdResponse(simulator, /\/items$/);
  await down.focus();
  await page.keyboard.press('Enter');
  await moving.reached;
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: `Move ${c} down` }).dispatchEvent('click');
  moving.release();
  await page.getByText('Moved to position 2.').waitFor();
  assert.deepEqual(await shown(), [b, a, c, ...rest], 'nothing else moves until it has moved');
  assert.equal(await down.and(page.locator(':focus')).count(), 1, 'it keeps the focus');
  await down.press('Enter');
  await page.getByText('Moved to position 3.').waitFor();
  assert.deepEqual(await stored(), [b, c, a, ...rest]);

  await page.getByLabel(`Position of ${a}`).fill('1');
  await page.getByRole('button', { name: `Move ${a}`, exact: true }).click();
  await page.getByText('Moved to position 1.').waitFor();
  assert.deepEqual(await stored(), [a, b, c, ...rest]);

  await page
    .locator('.order li')
    .nth(2)
    .dragTo(page.locator('.order li').nth(0), { targetPosition: { x: 200, y: 4 } });
  await page.getByText('Moved to position 1.').waitFor();
  assert.deepEqual(await shown(), [c, a, b, ...rest]);
  assert.deepEqual(await stored(), [c, a, b, ...rest]);
  assert.deepEqual(errors, []);
});

test('an item that could not be moved goes back, with words', { skip }, async (t) => {
  const { page, shown, simulator } = await openOrder(t);
  const names = await shown();
  simulator.fault({ on: /items$/, method: 'PUT', answer: { status: 403, body: '' } });
  await page.getByRole('button', { name: `Move ${names[0]} down` }).click();
  await page
    .locator('#action-status')
    .getByText(/Spotify/)
    .waitFor();
  assert.deepEqual(await shown(), names);
});

test('without JavaScript each item has buttons and a position', { skip }, async (t) => {
  const { page, shown, stored } = await openOrder(t, false);
  const [a = '', b = '', ...rest] = await shown();
  await page.getByRole('button', { name: `Move ${a} down` }).click();
  await page.getByText('Moved.').waitFor();
  assert.deepEqual(await stored(), [b, a, ...rest]);
  await page.getByLabel(`Position of ${a}`).fill('1');
  await page.getByRole('button', { name: `Move ${a}`, exact: true }).click();
  await page.getByText('Moved.').waitFor();
  assert.deepEqual(await stored(), [a, b, ...rest]);
});

/** Opens Noor’s playlist with this name. */
async function openPlaylist(t: TestContext, name: string, javaScriptEnabled = true) {
  const opened = await open(t, '/playlists', { listener: 'noor', javaScriptEnabled });
  const { page, person } = opened;
  await page.locator('a.card', { hasText: name }).click();
  await page.getByRole('button', { name: 'More actions' }).waitFor();
  const path = new URL(page.url()).pathname;
  return {
    ...opened,
    path,
    select: (name: string | undefined) => page.getByRole('checkbox', { name: `Select ${name}` }),
    async stored(): Promise<string[]> {
      const { body } = await person.getJson(`${path}?notice=item-removed`).expect(200);
      return (body.entries as { item: { name: string } }[]).map(({ item }) => item.name);
    },
  };
}

for (const javaScriptEnabled of [true, false])
  test(`rows of a playlist are marked once, for everything, and removed together (${javaScriptEnabled ? 'with' : 'without'} scripts)`, {
    skip,
  }, async (t) => {
    const { page, stored, select } = await openPlaylist(t, 'Morning walk', javaScriptEnabled);
    const before = await stored();
    await page.getByText('Select', { exact: true }).click();
    await select(before[1]).check();
    await select(before[2]).check();
    const form = page.locator('#selection');
    for (const name of ['Play', 'Add to queue', 'Add to playlist', 'Remove'])
      await form.getByRole('button', { name, exact: true }).waitFor();
    assert.equal(await page.getByRole('checkbox').count(), before.length, 'one for each row');

    await form.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText(/^Removed/).waitFor();
    assert.deepEqual(await stored(), before.toSpliced(1, 2));
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(/^Undone/).waitFor();
    assert.deepEqual(await stored(), before);
  });

test('selected rows of a playlist are added to others in the sheet, and Enter on a checkbox removes nothing', {
  skip,
}, async (t) => {
  const { page, stored, select, simulator, errors } = await openPlaylist(t, 'Morning walk');
  simulator.setProduct('noor', 'premium');
  simulator.plays('noor', { kind: 'music' });
  const before = await stored();
  await page.getByText('Select', { exact: true }).click();
  await select(before[0]).check();
  await select(before[2]).check();
  await page.getByRole('button', { name: 'Add to playlist', exact: true }).click();
  await page.getByRole('dialog', { name: 'Add 2 items to a playlist' }).waitFor();
  await page.keyboard.press('Escape');
  await select(before[0]).press('Enter');
  await page.getByText('Playback started.').waitFor();
  assert.deepEqual(await stored(), before);
  assert.deepEqual(errors, []);
});

test('before copies of selected items are removed, the page says how many there are', {
  skip,
}, async (t) => {
  const { page, person, path, stored, select } = await openPlaylist(t, 'Morning walk');
  const { entries } = (await person.getJson(path).expect(200)).body;
  await person.post(`${path}/items`).send({ uri: entries[0].item.uri }).expect(303);
  const before = await stored();
  await page.reload();
  await page.getByText('Select', { exact: true }).click();
  await select(before[0]).first().check();
  await select(before[1]).check();
  await page.locator('#selection').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('heading', { name: 'Remove all 3 copies of what you selected?' }).waitFor();
  assert.deepEqual(await stored(), before, 'nothing is removed yet');
  await page.getByRole('button', { name: 'Remove all 3 copies' }).click();
  await page.getByText(/^Removed/).waitFor();
  assert.deepEqual(await stored(), before.slice(2, -1));
});

test('if a playlist has changed elsewhere, the page shows the changes and offers the move again', {
  skip,
}, async (t) => {
  const { page, shown, stored, person } = await openOrder(t);
  const [a = '', b = '', ...rest] = await shown();
  const path = new URL(page.url()).pathname.replace('/order', '');
  const { entries } = (await person.getJson(path).expect(200)).body;
  const last = entries.at(-1).item.uri;
  await person.post(`${path}/items`).send({ uri: last }).expect(303);

  await page.getByRole('button', { name: `Move ${a} down` }).click();
  await page.getByRole('heading', { name: 'The playlist has changed' }).waitFor();
  await page.getByRole('button', { name: `Move ${a}` }).click();
  await page.getByText('Moved.').waitFor();
  const now = [b, a, ...rest, rest.at(-1)];
  assert.deepEqual(await stored(), now);
  assert.deepEqual(await shown(), now);
});
