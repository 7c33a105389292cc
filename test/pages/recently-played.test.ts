import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream } from '../support/event-stream.ts';
import { apiRequests } from '../support/pages.ts';
import { type Browser, countApiCalls, holdResponse, startTurntable } from '../support/turntable.ts';

const recently = '/v1/me/player/recently-played';

/** A listener who has played music, and is playing nothing now. */
async function inSilence(t: Parameters<typeof startTurntable>[0]) {
  const turntable = await startTurntable(t);
  const mara = turntable.browser();
  await mara.signIn();
  turntable.simulator.plays('mara', { kind: 'nothing' });
  turntable.simulator.forgetCalls();
  return { ...turntable, mara };
}

/** The names of the tracks under "Recently played". */
function listIn(html: string): string[] {
  const [, section = ''] = /<h2>Recently played<\/h2>([\s\S]*?)<\/section>/.exec(html) ?? [];
  return [...section.matchAll(/<p class="name"><a href="[^"]+"><bdi>([^<]*)/g)].map(([, name]) =>
    String(name),
  );
}

async function page(person: Browser): Promise<string> {
  return (await person.get('/now-playing').expect(200)).text;
}

test('if nothing is playing, the page shows recently played tracks, each with a link to Spotify', async (t) => {
  const { mara } = await inSilence(t);

  const html = await page(mara);
  const { tracks } = (await mara.getJson('/library/recent').expect(200)).body;

  assert.match(html, /<h1>Nothing is playing<\/h1>/);
  const names = tracks.slice(0, 5).map(({ item }: { item: { name: string } }) => item.name);
  assert.deepEqual(listIn(html), names);
  for (const { item } of tracks.slice(0, 5)) assert.ok(html.includes(`<a href="${item.link}">`));
  assert.match(html, /<a href="\/library\/recent">All recently played<\/a>/);
});

test('that takes one call in five minutes, and none while something is playing or for programs', async (t) => {
  const { mara, simulator, clock } = await inSilence(t);
  await mara.getJson('/now-playing').expect(200);
  assert.equal(countApiCalls(simulator, recently), 0);

  const first = listIn(await page(mara));
  assert.deepEqual(apiRequests(simulator), ['GET /me/player', `GET ${recently.replace('/v1', '')}`]);
  for (let minute = 1; minute < 5; minute += 1) {
    clock.advance({ minutes: 1 });
    assert.deepEqual(listIn(await page(mara)), first);
  }
  assert.equal(countApiCalls(simulator, recently), 1);
  clock.advance({ minutes: 1, seconds: 1 });
  assert.deepEqual(listIn(await page(mara)), first);
  assert.equal(countApiCalls(simulator, recently), 2);

  simulator.plays('mara', { kind: 'music' });
  clock.advance({ minutes: 6 });
  assert.deepEqual(listIn(await page(mara)), []);
  assert.equal(countApiCalls(simulator, recently), 2);
});

test('tracks played in the meantime appear once the music stops again, however soon that is', async (t) => {
  const { mara, simulator, clock } = await inSilence(t);
  const [before] = listIn(await page(mara));
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  clock.advance({ seconds: 2 });
  const { durationMs, name } = (await mara.getJson('/now-playing').expect(200)).body.item;
  clock.advance({ seconds: durationMs / 1000 - 30 });
  await page(mara);
  clock.advance({ seconds: 32 });
  await page(mara);
  simulator.plays('mara', { kind: 'nothing' });
  clock.advance({ seconds: 2 });

  const [now] = listIn(await page(mara));

  assert.notEqual(before, name);
  assert.equal(now, name);
});

test('a listener who has played nothing, or has not allowed it, sees the page without it, and only the first costs a call', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const jonas = browser();
  await jonas.signIn('jonas');
  assert.doesNotMatch(await page(jonas), /<h2>Recently played/);
  assert.equal(countApiCalls(simulator, recently), 1);

  simulator.settings.grantedScope = 'user-read-playback-state';
  simulator.plays('mara', { kind: 'nothing' });
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  const html = await page(mara);

  assert.deepEqual(listIn(html), []);
  assert.match(html, /<a class="button secondary" href="\/library\/recent">Recently played<\/a>/);
  assert.deepEqual(apiRequests(simulator), ['GET /me/player']);
});

test('if Spotify does not answer, or asks to wait, the page loads without it', async (t) => {
  for (const answer of [
    { status: 502, body: '' },
    { status: 403, body: '{}' },
    { status: 429, body: '', headers: { 'Retry-After': '600' } },
  ]) {
    const { mara, simulator } = await inSilence(t);
    simulator.fault({ on: /recently-played/, answer, times: 5 });

    const html = await page(mara);

    assert.match(html, /<h1>Nothing is playing<\/h1>/, String(answer.status));
    assert.deepEqual(listIn(html), []);
  }
});

test('a stream on any process keeps showing them, and never requests them', async (t) => {
  const one = await inSilence(t);
  const other = await startTurntable(t, { sharedWith: one });
  const { mara, simulator } = one;
  const bare = await openStream(t, one.url, mara);
  const first = await bare.waitFor(({ event }) => event === 'card');
  assert.match(String(first.data.html), /Nothing is playing/);
  assert.deepEqual(listIn(String(first.data.html)), []);
  assert.equal(countApiCalls(simulator, recently), 0, 'a stream makes no further calls');
  bare.close();

  const shown = listIn(await page(mara));
  assert.equal(shown.length, 5);
  for (const { url } of [one, other]) {
    const stream = await openStream(t, url, mara);
    const { data } = await stream.waitFor(({ event }) => event === 'card');
    assert.deepEqual(listIn(String(data.html)), shown, url);
  }
  assert.equal(countApiCalls(simulator, recently), 1);
});

test('it is deleted when the listener has no more sessions', async (t) => {
  const { mara, keys } = await inSilence(t);
  await page(mara);
  const storedKeys = async () => (await keys()).filter((key) => key.startsWith('recently-played:'));
  assert.equal((await storedKeys()).length, 1);

  await mara.post('/logout').expect(303);

  assert.deepEqual(await storedKeys(), []);
});

test('a slow answer that the page can do without delays no one for long, and is not requested twice', async (t) => {
  const { mara, simulator, clock } = await inSilence(t);
  const list = holdResponse(simulator, /recently-played/);
  assert.deepEqual(listIn(await page(mara)), []);
  list.release();
  while (listIn(await page(mara)).length === 0) clock.advance({ seconds: 2 });
  assert.equal(countApiCalls(simulator, recently), 1);

  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const saved = holdResponse(simulator, /contains/);
  clock.advance({ seconds: 2 });
  assert.doesNotMatch(await page(mara), /n your library</);
  saved.release();
  while (!/n your library</.test(await page(mara))) clock.advance({ seconds: 2 });
});
