import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Simulator } from '../../simulator/simulator.ts';
import { loadWithScripts, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { allowAll } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

/*
 * Commands that a player may not take: each with and without scripts, in both versions of the Web API.
 */

type Site = {
  page: Page;
  /** Shows a page of the site. */
  show(path: string): Promise<void>;
  /** The playback that Spotify reports. */
  playing(): Promise<Awaited<ReturnType<Browser['getJson']>>['body']>;
};

type Situation = { title: string; begin(simulator: Simulator): void; check(site: Site): Promise<void> };

const button = (page: Page, name: string | RegExp) =>
  page.getByRole('main').getByRole('button', { name, exact: true });
const playFirst = (page: Page) => button(page, /^Play \S/).first();
const chooseLaptop = (page: Page) => page.getByRole('button', { name: /^Play here.*laptop$/ });

const situations: readonly Situation[] = [
  {
    title: 'a phone that refuses volume',
    begin: (simulator) => simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 }, 'Mara’s phone'),
    async check({ page, show }) {
      await show('/now-playing');
      await page.getByText('Playing on Mara’s phone').waitFor();
      assert.equal(await page.getByRole('slider', { name: 'Volume' }).count(), 0);
      const heading = page.getByRole('main').getByRole('heading', { level: 1 });
      const name = (await heading.textContent()) ?? '';
      await button(page, 'Next').click();
      await heading.filter({ hasNotText: name }).waitFor();
    },
  },
  {
    title: 'a device that takes no commands',
    begin: (simulator) =>
      simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 }, 'Living-room TV'),
    async check({ page, show, playing }) {
      await show('/now-playing');
      await page.getByText('This device can’t be controlled from here.').waitFor();
      for (const name of ['Pause', 'Play', 'Next', 'Previous', 'Shuffle'])
        assert.equal(await button(page, name).count(), 0, name);
      const before = (await playing()).item.uri;
      await show('/library');
      await playFirst(page).click();
      await page
        .getByText(/^This device can’t be controlled/)
        .first()
        .waitFor();
      await page.getByRole('heading', { name: 'Choose a device' }).waitFor();
      assert.equal((await playing()).item.uri, before);
      await show('/devices');
      await chooseLaptop(page).click();
      await page.getByRole('listitem').filter({ hasText: 'laptop' }).getByText('Active').waitFor();
      assert.equal((await playing()).device.name, 'Mara’s laptop');
    },
  },
  {
    title: 'no device',
    begin: (simulator) => simulator.plays('mara', { kind: 'nothing' }),
    async check({ page, show, playing }) {
      await show('/now-playing');
      await page.getByRole('heading', { name: 'Nothing is playing' }).waitFor();
      assert.equal(await button(page, 'Play').count(), 0);
      await show('/library');
      await playFirst(page).click();
      await page.getByRole('heading', { name: 'Choose a device' }).waitFor();
      await page.getByText('Spotify doesn’t see anything playing').first().waitFor();
      await page.getByText(/^Where do you want to play /).waitFor();
      await chooseLaptop(page).click();
      await until(async () => (await playing()).state === 'playing');
      assert.equal((await playing()).device.name, 'Mara’s laptop');
    },
  },
  {
    title: 'a Free account',
    begin(simulator) {
      simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 }, 'Kitchen speaker');
      simulator.setProduct('mara', 'free');
    },
    async check({ page, show }) {
      await show('/now-playing');
      await button(page, 'Pause').click();
      await page.getByText('Spotify lets only Premium members control playback').waitFor();
      await page.getByText('Playback controls need Spotify Premium').waitFor();
      await button(page, 'Pause').waitFor({ state: 'detached' });
      await show('/library');
      assert.equal(await playFirst(page).count(), 0);
    },
  },
];

for (const apiVersion of ['2026-02', 'legacy'] as const) {
  for (const javaScriptEnabled of [true, false]) {
    const titles = situations.map(({ title }) => title).join(', ');
    test(`${titles}: each has its words (scripts ${javaScriptEnabled ? 'on' : 'off'}, ${apiVersion})`, {
      skip,
    }, async (t) => {
      const {
        simulator,
        clock,
        browser: person,
        url,
      } = await startTurntable(t, {
        ticking: true,
        simulator: { apiVersion },
      });
      const mara = person();
      await mara.signIn('mara', allowAll);
      const browser = await openBrowser(t, { javaScriptEnabled });
      await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
      const page = await browser.newPage();
      // After what is cached for a moment.
      const later = () => clock.advance({ seconds: 2 });
      const show = async (path: string) => {
        later();
        if (javaScriptEnabled) await loadWithScripts(page, url + path);
        else await page.goto(url + path);
      };
      const playing = async () => {
        later();
        return (await mara.getJson('/now-playing').expect(200)).body;
      };

      for (const { title, begin, check } of situations) {
        begin(simulator);
        t.diagnostic(title);
        await check({ page, show, playing });
      }
    });
  }
}
