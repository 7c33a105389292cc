import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as once } from 'node:test';
import { titleSizeOf } from '../../src/pages/now-playing/wall.ts';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { until } from '../support/fleet.ts';
import { apiRequests } from '../support/pages.ts';
import { codeIn } from '../support/qr.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

const wall = async (at: Browser, path = '/wall') => (await at.get(path).expect(200)).text;

/** Someone who plays the first track. */
async function start(...[t, options]: Parameters<typeof startTurntable>) {
  const turntable = await startTurntable(t, options);
  turntable.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 61_000 });
  const mara = turntable.browser();
  await mara.signIn();
  turntable.simulator.forgetCalls();
  return { ...turntable, mara };
}

test('the wall shows the track, its cover, and a code that leads to it on Spotify, with nothing around it', async (t) => {
  const { mara, simulator } = await start(t);
  const html = await wall(mara);
  const { item } = (await mara.getJson('/wall').expect(200)).body;

  assert.match(html, new RegExp(`<title>${item.name} · Turntable</title>`));
  assert.match(html, new RegExp(`<h1 class="size-\\d">.*<bdi>${item.name}</bdi>`));
  for (const { name } of [...item.artists, item.album]) assert.ok(html.includes(`<bdi>${name}</bdi>`), name);
  assert.match(html, /Playing on <bdi>Kitchen speaker<\/bdi>/);
  assert.match(html, new RegExp(`<img class="cover" src="${simulator.origin}/covers/[^"]+"`));
  assert.match(html, /<progress [^>]*value="61000"/);
  assert.ok(html.includes(`<a class="wall-code" href="${item.link}">`));
  assert.match(html, /<span>Open on Spotify<\/span>/);
  assert.equal(codeIn(html), item.link);
  assert.doesNotMatch(html, /<header|<nav|<footer|<form|<dialog|playback-bar/);
  assert.match(html, /<main id="main"[\s\S]*<a class="button secondary" href="\/now-playing"/);
});

test('the wall takes one call, and its part none', async (t) => {
  const { mara, simulator, keys } = await start(t);
  await wall(mara);
  assert.deepEqual(apiRequests(simulator), ['GET /me/player']);
  await until(async () => (await keys()).some((key) => key.startsWith('now-playing:')));

  const { body, headers } = await mara.getJson('/wall/card').expect(200);
  const { item } = (await mara.getJson('/wall').expect(200)).body;
  assert.ok(body.html.includes(`<bdi>${item.name}</bdi>`));
  assert.equal(codeIn(body.html), item.link);
  assert.ok(body.askedAt > 0);
  assert.equal(headers['cache-control'], 'private, no-store');
  assert.deepEqual(apiRequests(simulator), ['GET /me/player']);
});

test('programs get the same as from now playing', async (t) => {
  const { mara } = await start(t);
  const [{ body: here }, { body: there }] = [await mara.getJson('/wall'), await mara.getJson('/now-playing')];
  assert.deepEqual({ ...here, saved: there.saved }, there);
  await mara.get('/wall').set('Accept', 'image/png').expect(406);
});

/** A playback, and what the wall shows for it: its heading, its texts, and whether it has a code. */
const states = [
  { playing: { kind: 'music', paused: true }, texts: [/Paused on <bdi>/], hasCode: true },
  { playing: { kind: 'episode' }, texts: [/<p class="subtitle">Podcast episode</], hasCode: true },
  { playing: { kind: 'ad' }, texts: [/<h1>Ad break<\/h1>/, /right back/], hasCode: false },
  { playing: { kind: 'local' }, texts: [/Local file/, /class="cover placeholder"/], hasCode: false },
  { playing: { kind: 'private' }, texts: [/Private session/], hasCode: true },
  { playing: { kind: 'unknown' }, texts: [/<h1>Unknown title<\/h1>/], hasCode: false },
  { playing: { kind: 'nothing' }, texts: [/<h1>Nothing is playing<\/h1>/, /wall-clock/], hasCode: false },
] as const;

for (const { playing, texts, hasCode } of states)
  test(`the wall shows ${playing.kind}${'paused' in playing ? ', paused' : ''}`, async (t) => {
    const { mara, simulator } = await start(t);
    simulator.plays('mara', playing);
    const html = await wall(mara);
    for (const text of texts) assert.match(html, text);
    const { item } = (await mara.getJson('/wall').expect(200)).body;
    assert.equal(codeIn(html), hasCode ? item.link : null);
    assert.equal(html.includes('Open on Spotify'), hasCode);
    assert.equal((html.match(/<h1/g) ?? []).length, 1);
  });

test('a link to elsewhere gets no code', async (t) => {
  const { mara, simulator } = await start(t);
  const item = { name: '<b>A</b>', duration_ms: 9, external_urls: { spotify: 'https://evil.example/' } };
  const body = JSON.stringify({ is_playing: true, currently_playing_type: 'track', item });
  simulator.fault({ on: /player/, answer: { status: 200, body } });
  const html = await wall(mara);
  assert.match(html, /&lt;b&gt;A&lt;/);
  assert.equal(codeIn(html), null);
  assert.doesNotMatch(html, /evil\.example|wall-code/);
});

test('while Spotify asks not to be called, the wall shows the latest playback and says until when', async (t) => {
  const { mara, simulator, keys, clock } = await start(t);
  await wall(mara);
  await until(async () => (await keys()).some((key) => key.startsWith('now-playing:')));
  clock.advance({ minutes: 1 });
  simulator.rateLimit(3_600);
  const html = await wall(mara);
  assert.match(html, /Updates are paused until/);
  assert.match(html, /<h1 class="size-\d">/);
});

test('the wall is for someone who is signed in and may see what is playing', async (t) => {
  const { mara, browser, simulator } = await start(t);
  const { headers } = await browser().get('/wall').expect(303);
  assert.equal(headers.location, '/login?returnTo=%2Fwall');
  for (const path of ['/wall', '/wall/card']) await browser().getJson(path).expect(401);
  await mara.getJson('/wall/card?signIn=another').expect(403);

  simulator.settings.grantedScope = 'playlist-read-private';
  const limited = browser();
  await limited.signIn();
  for (const path of ['/wall', '/wall/card']) await limited.getJson(path).expect(403);
});

test('without the permission for it, the wall doesn’t ask what’s up next', async (t) => {
  const { mara, browser, simulator } = await start(t);
  assert.match(await wall(mara), / data-queue="\/player\/queue\?automatic=yes"/);
  simulator.settings.grantedScope = 'user-read-playback-state';
  const limited = browser();
  await limited.signIn();
  assert.match(await wall(limited), / data-queue=""/);
});

once(
  'without scripts the wall reloads itself when a change is likely, at most every 20 seconds',
  async (t) => {
    const { mara, clock } = await start(t);
    const secondsIn = (html: string) =>
      Number(
        /<noscript><meta http-equiv="refresh" content="(\d+)"><\/noscript>/.exec(html)?.[1] ?? Number.NaN,
      );
    const early = secondsIn(await wall(mara));
    const { durationMs, progressMs } = await (async () => {
      const { body } = await mara.getJson('/wall').expect(200);
      return { durationMs: body.item.durationMs as number, progressMs: body.progressMs as number };
    })();
    assert.ok(early >= 20 && early <= 60, `${early} s`);
    clock.advance({ seconds: (durationMs - progressMs) / 1000 - 4 });
    assert.equal(secondsIn(await wall(mara)), 20);
    const still = await wall(mara, '/wall?refresh=off');
    assert.doesNotMatch(still, /http-equiv="refresh"|Stop reloading/);
  },
);

once('with Spotify’s logo, the wall shows it once in place of the word', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'turntable-logo-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'logo.svg');
  await writeFile(file, '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 70 20"/>');
  const { mara } = await start(t, { env: { SPOTIFY_LOGO: file } });
  const html = await wall(mara);
  assert.equal((html.match(/alt="Spotify"/g) ?? []).length, 1);
  assert.doesNotMatch(html, /Open on Spotify/);
  assert.match(html, /<span>Open on <span class="logo"><img /);
});

for (const [name, size] of [
  ['Low Tide', 1],
  ['Letters to a Lighthouse', 2],
  ['Paraphernalia', 2],
  ['Donaudampfschifffahrt', 4],
  ['Signal Lost, Signal Found', 2],
  ['Every Window on the Street Was Lit When We Came Home', 3],
  ['夜の灯台', 1],
  ['夜の灯台から届いた手紙', 4],
  ['A'.repeat(200), 4],
  ['', 1],
] as const)
  once(`the size of the title “${name.slice(0, 30)}”`, () => assert.equal(titleSizeOf(name), size));
