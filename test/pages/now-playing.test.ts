import assert from 'node:assert/strict';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

test('now playing shows the track with artists, album, cover, progress and device, each with a link', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 61_000 });
  clock.advance({ seconds: 4 });

  const { body } = await mara.getJson('/now-playing').expect(200);
  const page = await mara.get('/now-playing').expect(200);

  const { item } = body;
  assert.equal(body.state, 'playing');
  assert.equal(body.progressMs, 65_000);
  assert.match(page.text, new RegExp(`<title>${item.name} · Turntable</title>`));
  const pageOf = ({ uri }: { uri: string }) => uri.replace(/^spotify:(\w+):/, '/$1s/');
  assert.match(page.text, new RegExp(`<h1><a href="${pageOf(item)}"><bdi>${item.name}</bdi></a></h1>`));
  for (const named of [...item.artists, item.album]) {
    assert.ok(page.text.includes(`<a href="${pageOf(named)}"><bdi>${named.name}</bdi></a>`), named.name);
  }
  assert.ok(page.text.includes(`<a href="${item.link}">Open on Spotify</a>`));
  assert.match(page.text, /Playing on <bdi>Kitchen speaker<\/bdi>/);
  assert.match(page.text, />1:05<\/span>/);
  assert.match(
    page.text,
    new RegExp(
      `<a class="artwork" href="${pageOf(item)}"[^>]*><img class="cover" src="${simulator.origin}/covers/`,
    ),
  );
  assert.equal(page.headers['cache-control'], 'private, no-store');
});

test('the page takes one call to Spotify, two if the track is new, and asks for episodes as well', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = browser();
  await mara.signIn();
  await mara.get('/now-playing').expect(200);
  const apiVersion = apiVersionIn(t) === 'legacy' ? '/v1/me/tracks/contains' : '/v1/me/library/contains';
  assert.equal(countApiCalls(simulator, '/v1/me/player'), 1);
  assert.equal(countApiCalls(simulator, apiVersion), 1);
  simulator.forgetCalls();

  clock.advance({ seconds: 20 });
  await mara.get('/now-playing').expect(200);

  assert.deepEqual(
    simulator.calls.map(({ method, path, query }) => ({ method, path, query })),
    [{ method: 'GET', path: '/v1/me/player', query: { additional_types: 'track,episode' } }],
  );
});

test('the page follows the music', async (t) => {
  const { browser, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const first = (await mara.getJson('/now-playing')).body;

  clock.advance({ seconds: (first.item.durationMs - first.progressMs) / 1000 + 1 });
  const second = (await mara.getJson('/now-playing')).body;

  assert.notEqual(second.item.name, first.item.name);
  assert.ok(second.progressMs < 2000);
});

test('paused music is shown as paused', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.plays('mara', { kind: 'music', paused: true });

  assert.match((await mara.get('/now-playing').expect(200)).text, /Paused on <bdi>/);
  assert.equal((await mara.getJson('/now-playing')).body.state, 'paused');
});

test('an episode is shown with its show', async (t) => {
  const { browser } = await startTurntable(t);
  const noor = browser();
  await noor.signIn('noor');

  const { body } = await noor.getJson('/now-playing').expect(200);
  const page = await noor.get('/now-playing').expect(200);

  assert.equal(body.kind, 'episode');
  assert.ok(body.item.covers.length > 0);
  assert.ok(page.text.includes(`<bdi>${body.item.show.name}</bdi>`));
  assert.match(page.text, /Podcast episode/);
});

test('an advertisement is shown as an ad', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.plays('mara', { kind: 'ad' });

  assert.match((await mara.get('/now-playing').expect(200)).text, /<h1>Ad break<\/h1>/);
  const { body } = await mara.getJson('/now-playing').expect(200);
  assert.equal(body.kind, 'ad');
  assert.equal(body.item, null);
});

test('a local file is shown as a local file, without links', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.plays('mara', { kind: 'local' });

  const { body } = await mara.getJson('/now-playing').expect(200);
  const page = await mara.get('/now-playing').expect(200);

  assert.equal(body.item.local, true);
  assert.equal(body.item.link, null);
  assert.match(page.text, /Local file/);
  assert.ok(page.text.includes(`<h1><bdi>${body.item.name || 'Unnamed track'}</bdi></h1>`));
  assert.match(page.text, /<span class="cover placeholder">/);
});

test('an item that Spotify does not describe is still shown as playing', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.plays('mara', { kind: 'unknown' });

  assert.match((await mara.get('/now-playing').expect(200)).text, /<h1>Unknown title<\/h1>/);
});

test('if nothing is playing, the page says so', async (t) => {
  const { browser } = await startTurntable(t);
  const jonas = browser();
  await jonas.signIn('jonas');

  const page = await jonas.get('/now-playing').expect(200);

  assert.match(page.text, /<h1>Nothing is playing<\/h1>/);
  assert.match(page.text, />Account<\/span>/, 'a listener without a name is not called null');
  const { body } = await jonas.getJson('/now-playing').expect(200);
  assert.deepEqual([body.state, body.saved], ['nothing', null]);
});

test('an empty 200 means that nothing is playing, as Spotify sometimes sends it', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.fault({ on: /player/, answer: { status: 200, body: '' } });

  assert.match((await mara.get('/now-playing').expect(200)).text, /Nothing is playing/);
});

test('a private session is marked', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.plays('mara', { kind: 'private' });

  assert.match((await mara.get('/now-playing').expect(200)).text, /Private session/);
});

test('names are shown as text, and links and images from elsewhere are dropped', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const nasty = `</title><script>alert(1)</script>"'><%= 1 %>‮`;
  const elsewhere = { spotify: 'javascript:alert(1)' };
  const body = JSON.stringify({
    is_playing: true,
    currently_playing_type: 'track',
    progress_ms: 5,
    device: { name: nasty },
    item: {
      name: nasty,
      duration_ms: 10,
      external_urls: elsewhere,
      artists: [{ name: nasty, external_urls: { spotify: 'http://10.0.0.1/' } }],
      album: {
        name: nasty,
        external_urls: { spotify: 'https://open.spotify.com.evil.example/' },
        images: [
          { url: 'https://evil.example/a.png' },
          { url: 'data:image/png;base64,AAAA' },
          { url: 'http://i.scdn.co/x' },
        ],
      },
    },
  });
  simulator.fault({ on: /player/, answer: { status: 200, body } });

  const page = await mara.get('/now-playing').expect(200);

  assert.doesNotMatch(
    page.text,
    /<script>|javascript:|evil\.example|10\.0\.0\.1|data:image|http:\/\/i\.scdn\.co/,
  );
  assert.match(page.text, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.match(page.text, /&lt;%= 1 %&gt;/);
});

test('Spotify’s own covers and links are shown', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const images = ['https://i.scdn.co/image/a', 'https://image-cdn-ak.spotifycdn.com/b'].map((url, index) => ({
    url,
    width: index ? 640 : 64,
    height: null,
  }));
  const external_urls = { spotify: 'https://open.spotify.com/track/1' };
  const item = { name: 'A', duration_ms: 1, external_urls, artists: [], album: { name: 'B', images } };
  simulator.fault({
    on: /player/,
    answer: {
      status: 200,
      body: JSON.stringify({ is_playing: true, currently_playing_type: 'track', item }),
    },
  });

  const page = await mara.get('/now-playing').expect(200);

  assert.match(page.text, /href="https:\/\/open\.spotify\.com\/track\/1"/);
  assert.match(
    page.text,
    /src="https:\/\/image-cdn-ak\.spotifycdn\.com\/b"/,
    'the picture that fills the place',
  );
});

test('two listeners each see their own music', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const [mara, noor] = [browser(), browser()];
  await mara.signIn('mara');
  await noor.signIn('noor');
  simulator.forgetCalls();

  const [maras, noors] = await Promise.all([mara.getJson('/now-playing'), noor.getJson('/now-playing')]);

  assert.equal(maras.body.kind, 'track');
  assert.equal(noors.body.kind, 'episode');
  assert.equal(countApiCalls(simulator, '/v1/me/player'), 2);
});
