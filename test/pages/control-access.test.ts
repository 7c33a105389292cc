import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { holdResponse, startTurntable, type Turntable } from '../support/turntable.ts';

/* Controls that can't work: pages say why in their place, and how to get them. */

const json = { Accept: 'application/json' };

async function signedIn({ browser }: Turntable, query = allowAll, name = 'mara') {
  const person = browser();
  await person.signIn(name, query);
  return person;
}

/** Pages with lists, as the listener sees them. */
async function listsOf(person: Awaited<ReturnType<typeof signedIn>>): Promise<string[]> {
  const [{ item }] = (await person.getJson('/library').expect(200)).body.tracks;
  const page = (uri: string) => uri.replace(/^spotify:(\w+):/, '/$1s/');
  const { playlists } = (await person.getJson('/playlists').expect(200)).body;
  const own = playlists.find(({ count }: { count: number }) => count > 10);
  const parts = [item.uri, item.album.uri, item.artists[0].uri].map(page);
  const lists = ['/library', '/library/albums', '/library/shows', '/library/recent', '/library/top'];
  return [...lists, ...parts, '/search?q=the', '/player/queue', '/devices', `/playlists/${own.id}`];
}

test('with read-only permissions every list leads to the one consent, which leads back', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'music' });
  const reader = await signedIn(turntable, '');
  for (const path of [...(await listsOf(reader)), '/now-playing']) {
    const { text } = await reader.get(path).expect(200);
    const links = [...text.matchAll(/href="\/login\?([^"]+)">([^<]+)</g)];
    assert.deepEqual(
      links.map(([, , label]) => label),
      ['Turn on full control'],
      path,
    );
    const query = new URLSearchParams(links[0]?.[1]?.replaceAll('&amp;', '&'));
    assert.ok(query.get('returnTo')?.startsWith(path.split('?')[0] ?? '?'), path);
    assert.match(query.get('allow') ?? '', /user-modify-playback-state.*ugc-image-upload/);
  }
  simulator.plays('mara', { kind: 'nothing' });
  assert.match((await reader.get('/now-playing').expect(200)).text, />Turn on full control</);
  const full = await signedIn(turntable, `${allowAll}+ugc-image-upload`);
  for (const path of await listsOf(full))
    assert.doesNotMatch((await full.get(path).expect(200)).text, /Turn on full control|Try again/, path);
});

test('without Premium no page offers controls, and each can try again', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'music' });
  const mara = await signedIn(turntable);
  simulator.setProduct('mara', 'free');
  await mara.post('/player/pause').set(json).expect(403);
  for (const path of [...(await listsOf(mara)), '/now-playing']) {
    const { text } = await mara.get(path).expect(200);
    assert.match(text, /Playback controls need Spotify Premium/, path);
    assert.doesNotMatch(text, />Play here<|title="Play"|Play on…/, path);
  }

  simulator.setProduct('mara', 'premium');
  const { text } = await mara.get('/devices').expect(200);
  const fields = formFields(text, '/premium/retry');
  const back = await mara.post('/premium/retry').type('form').send(fields).expect(303);
  assert.equal(back.headers.location, '/devices');
  const after = await mara.get('/devices').expect(200);
  assert.match(after.text, /Play here/);
  assert.doesNotMatch(after.text, /Premium/);
  await mara.post('/premium/retry').set(json).expect(204);
});

test('while nothing is playing, the page plays on what was played last, and each row of it', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  simulator.plays('mara', { kind: 'nothing' });
  const { text } = await mara.get('/now-playing').expect(200);
  const tracks = (await mara.getJson('/library/recent').expect(200)).body.tracks;
  const { name, uri } = tracks[0].item;
  const main =
    /<button class="play-button" type="submit" form="play-recent" name="offset" value="0">.*?<bdi>(.*?)<\/bdi>/;
  assert.equal(main.exec(text)?.[1], name);
  assert.ok([...text.matchAll(/form="play-recent"/g)].length > 3);
  assert.match(text, /<a class="button secondary" href="\/now-playing">Refresh</);

  const devices = await mara.get('/devices').expect(200);
  const device = /name="device" value="([^"]+)"/.exec(devices.text)?.[1];
  const form = formFields(text.slice(text.indexOf('id="play-recent"') - 6), '/player/play');
  await mara
    .post('/player/play')
    .type('form')
    .send({ ...form, offset: '0', device })
    .expect(303);
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, uri);
});

test('a row of a list leads to the devices, where it plays in its list', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'music' });
  const mara = await signedIn(turntable);
  for (const path of await listsOf(mara)) {
    if (path === '/devices') continue;
    const { text } = await mara.get(path).expect(200);
    const ways = [...text.matchAll(/data-sheet href="(\/devices\?[^"]+)"(?: title="Play on…")?>/g)].map(
      ([, way = '']) => way,
    );
    assert.ok(ways.length > 0, path);
    for (const way of ways.slice(0, 3)) await mara.get(way.replaceAll('&amp;', '&')).expect(200);
  }
  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;
  const own = playlists.find(({ count }: { count: number }) => count > 10);
  const { text } = await mara.get(`/playlists/${own.id}`).expect(200);
  const way = [...text.matchAll(/data-sheet href="(\/devices\?[^"]+offset=2)">Play on…/g)][0]?.[1] ?? '';
  const page = await mara.get(way.replaceAll('&amp;', '&')).expect(200);
  const device = /name="device" value="([^"]+)"/.exec(page.text)?.[1];
  const sent = { ...formFields(page.text, '/player/play'), device };
  const done = await mara.post('/player/play').type('form').send(sent).expect(303);
  assert.equal(done.headers.location, `/playlists/${own.id}?notice=playback-started`);
  const { body } = await mara.getJson('/now-playing').expect(200);
  assert.equal(body.context, `spotify:playlist:${own.id}`);
  assert.equal(body.device.id, device);
});

test('if the response to a skip is lost, the page says that it may have happened, and doesn’t skip twice', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'music' });
  const mara = await signedIn(turntable);
  await mara.get('/now-playing').expect(200);
  simulator.forgetCalls();
  for (const command of ['next', 'previous', 'play']) {
    simulator.fault({ on: new RegExp(`/${command}$`), how: 'reset-after' });
    const fields = { idempotencyKey: `key-${command}`, returnTo: '/account' };
    const send = () => mara.post(`/player/${command}`).type('form').send(fields).expect(303);
    const answer = await send();
    assert.equal(answer.headers.location, `/account?notice=command-unknown&at=${command}`);
    await send();
    const { text } = await mara.get(String(answer.headers.location)).expect(200);
    assert.match(text, /role="alert">Spotify didn’t respond, so this may or may not have happened/);
  }
  const commands = apiRequests(simulator).filter((one) => /next|previous|play$/.test(one));
  assert.equal(commands.length, 3);
  simulator.fault({ on: /next$/, how: 'reset-after' });
  const { body } = await mara.post('/player/next').set(json).expect(502);
  assert.equal(body.reason, 'command-unknown');
});

test('a selection that was queued only in part is listed for programs', async (t) => {
  const turntable = await startTurntable(t);
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'music' });
  const mara = await signedIn(turntable);
  const tracks = (await mara.getJson('/library').expect(200)).body.tracks.slice(0, 3);
  const uris = tracks.map(({ item }: { item: { uri: string } }) => item.uri);
  // The second one is refused.
  const second = holdResponse(simulator, /queue$/);
  const sending = mara
    .post('/player/queue')
    .set(json)
    .send({ uri: uris })
    .expect(502)
    .then((answer) => answer);
  await second.reached;
  simulator.fault({ on: /queue$/, answer: { status: 500, body: '' } });
  second.release();
  const { body } = await sending;
  assert.equal(body.reason, 'partly-queued');
  assert.deepEqual([body.added, body.count], [uris.slice(0, 1), 1]);
});
