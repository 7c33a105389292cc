import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { controlScopes } from '../../src/access/scopes.ts';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

const timing = { afterCommandMs: 0 };
const [track, album, artist, show] = ['track', 'album', 'artist', 'show'].map(
  (kind) => `spotify:${kind}:${'1'.repeat(22)}`,
) as [string, string, string, string];

type Player = {
  item: { name: string; uri: string; durationMs: number };
  progressMs: number;
  shuffle: boolean;
  repeat: string;
  context: string | null;
  device: { name: string; volumePercent: number };
};

async function signedIn({ browser }: Turntable, query = allowAll): Promise<Browser> {
  const person = browser();
  await person.signIn('mara', query);
  return person;
}

/** Spotify's state of the player a moment later. */
async function playerOf(person: Browser, { clock }: Turntable): Promise<Player> {
  clock.advance({ seconds: 2 });
  return (await person.getJson('/now-playing').expect(200)).body;
}

const command = (person: Browser, name: string, fields: object) =>
  person.post(`/player/${name}`).set('Accept', 'application/json').send(fields);

test('a program moves within a track, and sets volume, shuffle and repeat, with one call each', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 });
  const mara = await signedIn(turntable);
  for (const [name, fields, call, shown] of [
    [
      'seek',
      { positionMs: 60_000 },
      'PUT /me/player/seek',
      ({ progressMs }: Player) => progressMs === 62_000,
    ],
    ['volume', { percent: 7 }, 'PUT /me/player/volume', ({ device }: Player) => device.volumePercent === 7],
    ['shuffle', { on: true }, 'PUT /me/player/shuffle', ({ shuffle }: Player) => shuffle],
    ['shuffle', { on: 'false' }, 'PUT /me/player/shuffle', ({ shuffle }: Player) => !shuffle],
    ['repeat', { mode: 'track' }, 'PUT /me/player/repeat', ({ repeat }: Player) => repeat === 'track'],
    ['repeat', { mode: 'off' }, 'PUT /me/player/repeat', ({ repeat }: Player) => repeat === 'off'],
  ] as const) {
    simulator.forgetCalls();
    await command(mara, name, fields).expect(204);
    assert.deepEqual(apiRequests(simulator), [call]);
    assert.ok(shown(await playerOf(mara, turntable)), name);
  }
});

test('anything can be played: a track, several, a list from a place in it, on a device', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/library').expect(200);
  const [one, two, three] = body.tracks.map(({ item }: { item: { uri: string } }) => item.uri) as string[];
  const { body: lists } = await mara.getJson('/playlists').expect(200);
  const context = `spotify:playlist:${lists.playlists[0].id}`;
  const { body: list } = await mara.getJson(`/playlists/${lists.playlists[0].id}`).expect(200);
  const { body: found } = await mara.getJson('/devices').expect(200);
  const laptop = found.devices.find(({ name }: { name: string }) => name === 'Mara’s laptop').id;

  await command(mara, 'play', { uri: one }).expect(204);
  assert.equal((await playerOf(mara, turntable)).item.uri, one);
  await command(mara, 'play', { uri: [one, two, three], offset: two, positionMs: 5_000 }).expect(204);
  const second = await playerOf(mara, turntable);
  assert.deepEqual([second.item.uri, second.progressMs], [two, 7_000]);
  await mara.post('/player/next').set('Accept', 'application/json').send({}).expect(204);
  assert.equal((await playerOf(mara, turntable)).item.uri, three);
  await command(mara, 'play', { context, offset: 3, device: laptop }).expect(204);
  const fourth = await playerOf(mara, turntable);
  assert.deepEqual(
    [fourth.item.uri, fourth.context, fourth.device.name],
    [list.entries[3].item.uri, context, 'Mara’s laptop'],
  );
});

// fault: queue-repeats
test('the queue shows what was added first, and ends where Spotify begins to repeat it', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/library').expect(200);
  const [one, two, three, four] = body.tracks.map(({ item }: { item: { uri: string } }) => item.uri);
  await command(mara, 'play', { uri: [one, two, three] }).expect(204);
  const queue = async () => {
    turntable.clock.advance({ seconds: 2 });
    const { queue: upNext } = (await mara.getJson('/player/queue').expect(200)).body;
    return upNext.map(({ uri }: { uri: string }) => uri);
  };
  assert.deepEqual(await queue(), [two, three]);

  simulator.forgetCalls();
  await command(mara, 'queue', { uri: four }).expect(204);
  assert.deepEqual(apiRequests(simulator), ['POST /me/player/queue']);
  assert.deepEqual(await queue(), [four, two, three]);
  const page = await mara.get('/player/queue').expect(200);
  assert.match(page.text, /<h1>Up next<\/h1>/);
});

const queues: readonly (readonly [title: string, playing: string | null, queue: string, upNext: string])[] = [
  ['a list that starts over', 'a', 'bcabcabc', 'bc'],
  ['a list that doesn’t repeat', 'a', 'bcd', 'bcd'],
  ['one track', 'a', 'aaaa', ''],
  ['an added track before a list that starts over', 'a', 'qbcabcabc', 'qbc'],
  ['an added track that plays now', 'q', 'bcabcabca', 'bca'],
  ['a list while nothing known plays', null, 'bcabcabca', 'bca'],
  ['a track that is in the list twice', 'a', 'bcdb', 'bcdb'],
];

// fault: queue-repeats-after-added
testOnce('the queue ends where it begins to repeat, even after tracks that were added', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const track = (name: string) => ({ type: 'track', name, uri: `spotify:track:${name.repeat(22)}` });
  for (const [title, playing, queue, expected] of queues) {
    const body = JSON.stringify({
      currently_playing: playing && track(playing),
      queue: [...queue].map(track),
    });
    simulator.fault({ on: /\/queue$/, answer: { status: 200, body } });
    clock.advance({ seconds: 2 });
    const { queue: upNext } = (await mara.getJson('/player/queue').expect(200)).body;
    assert.equal(upNext.map(({ name }: { name: string }) => name).join(''), expected, title);
  }
});

// fault: queue-empty
testOnce('an empty answer about the queue means that nothing is up next', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  turntable.simulator.fault({ on: /\/queue$/, answer: { status: 204, body: '' } });

  assert.deepEqual((await mara.getJson('/player/queue').expect(200)).body, { queue: [] });
  turntable.clock.advance({ seconds: 2 });
  turntable.simulator.fault({ on: /\/queue$/, answer: { status: 204, body: '' } });
  assert.match((await mara.get('/player/queue').expect(200)).text, /Nothing is up next/);
});

// fault: queue-added-twice
testOnce('adding to the queue is never repeated: it would add the track twice', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const { text } = await mara.get('/library').expect(200);
  const { body } = await mara.getJson('/library').expect(200);
  const sent = { ...formFields(text, '/player/queue'), uri: body.tracks[0].item.uri };
  for (const fault of [{ answer: { status: 502, body: '' } }, { how: 'reset-after' }] as const) {
    simulator.forgetCalls();
    simulator.fault({ on: /\/queue$/, ...fault });
    const { body: problem } = await command(mara, 'queue', { uri: sent.uri }).expect(502);
    assert.equal(problem.reason, 'queue-unknown');
    assert.match(problem.detail, /may or may not have been added/);
    assert.deepEqual(apiRequests(simulator), ['POST /me/player/queue']);
  }

  simulator.forgetCalls();
  simulator.fault({ on: /\/queue$/, delayMs: 100, answer: { status: 502, body: '' } });
  const press = () => mara.post('/player/queue').type('form').send(sent).expect(303);
  const [first, second] = await Promise.all([press(), press()]);
  assert.deepEqual(apiRequests(simulator), ['POST /me/player/queue'], 'a double click');
  assert.equal(first.headers.location, '/library?notice=queue-unknown&at=queue');
  assert.equal(second.headers.location, first.headers.location);
  const page = await mara.get(first.headers.location ?? '').expect(200);
  assert.match(page.text, /role="alert">Spotify didn’t respond, so this may or may not/);
  assert.doesNotMatch(page.text, /Send it again/);
});

// fault: device-gone
testOnce('a program that names a device that is gone gets that reason', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);

  const { body } = await command(mara, 'device', { device: 'gone' }).expect(404);

  assert.deepEqual([body.reason, body.title], ['device-gone', 'Device not available']);
});

// fault: volume-refused
testOnce(
  'a device that refuses its volume has no slider, and a refusal says to use its own buttons',
  async (t) => {
    const turntable = await startTurntable(t, { timing });
    const mara = await signedIn(turntable);
    turntable.simulator.plays('mara', { kind: 'music' }, 'Mara’s phone');
    turntable.clock.advance({ seconds: 2 });
    assert.doesNotMatch((await mara.get('/now-playing').expect(200)).text, /id="live-volume"/);

    const { body } = await command(mara, 'volume', { percent: 7 }).expect(409);

    assert.equal(body.reason, 'volume-uncontrollable');
  },
);

test('a time is enough to seek', async (t) => {
  const turntable = await startTurntable(t, { timing });
  turntable.simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 });
  const mara = await signedIn(turntable);
  for (const [time, seconds] of [
    ['1:05', 65],
    ['0:07', 7],
    [' 1.30 ', 90],
    ['42', 42],
    ['120', 120],
  ] as const) {
    await command(mara, 'seek', { time }).expect(204);
    assert.equal((await playerOf(mara, turntable)).progressMs, (seconds + 2) * 1000, time);
  }
  for (const time of ['', 'soon', '1:5', '1:60', '-1', '99:99:99', '1:2:3:4']) {
    const { body } = await command(mara, 'seek', { time }).expect(400);
    assert.equal(body.detail, 'Enter a time such as 1:30, or a number of seconds.', time);
  }
});

testOnce('a refusal to seek is shown where there is no progress bar', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const body = JSON.stringify({
    is_playing: true,
    currently_playing_type: 'unknown',
    item: null,
    device: { id: 'x', name: 'X', type: 'Computer', supports_volume: false, volume_percent: 50 },
  });
  clock.advance({ seconds: 2 });
  simulator.fault({ on: /\/me\/player$/, answer: { status: 200, body } });

  const { text } = await mara.get('/now-playing?notice=cannot-seek&at=seek').expect(200);

  assert.doesNotMatch(text, /class="progress"|id="live-volume"/);
  assert.match(text, /role="alert">Spotify doesn’t allow seeking right now/);
});

testOnce('one step asks for everything that changes something, and for what is up next', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const reader = await signedIn(turntable, '');
  const { text } = await reader.post('/library/save').type('form').send({ uri: track }).expect(403);
  const [, allow = ''] = /allow=([^"&]+)"/.exec(text) ?? [];
  assert.deepEqual(decodeURIComponent(allow).split('+').sort(), [...controlScopes].sort());

  // Someone who turned on playback controls before there was a queue.
  const { settings } = turntable.simulator;
  const changing = controlScopes.filter((scope) => scope !== 'user-read-currently-playing');
  settings.grantedScope = ['user-read-playback-state', 'user-library-read', ...changing].join(' ');
  const earlier = await signedIn(turntable);
  const page = await earlier.get('/now-playing').expect(200);
  assert.doesNotMatch(page.text, /href="\/player\/queue"/);
  assert.match(page.text, /allow=[^"]*user-read-currently-playing[^"]*">Turn on full control/);
});

test('artists, albums and playlists play as a whole where they appear, and tracks in search results', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  const path = '/search?q=the&type=artist%2Ctrack%2Calbum%2Cplaylist';
  const { body: found } = await mara.getJson(path).expect(200);
  const { text } = await mara.get(path).expect(200);
  const fields = formFields(text, '/player/play');
  const play = (fields: object) => mara.post('/player/play').type('form').send(fields).expect(303);

  for (const { uri } of [found.artists.items[0], found.albums.items[0]]) {
    assert.ok(text.includes(`name="context" value="${uri}"`), uri);
    await play({ returnTo: fields.returnTo, context: uri });
    assert.equal((await playerOf(mara, turntable)).context, uri);
  }
  const [first, second] = found.tracks.items;
  await play({ returnTo: fields.returnTo, uri: `${first.uri} ${second.uri}`, offset: second.uri });
  assert.equal((await playerOf(mara, turntable)).item.uri, second.uri);
  assert.match(text, new RegExp(`form="queue" name="uri" value="${first.uri}"`));
  assert.match(
    (await mara.get('/library/top?of=artists').expect(200)).text,
    /name="context" value="spotify:artist:/,
  );
  assert.match((await mara.get('/playlists').expect(200)).text, /name="context" value="spotify:playlist:/);

  const visitor = turntable.browser();
  assert.doesNotMatch((await visitor.get(path).expect(200)).text, /player\/|form="play"/);
  turntable.simulator.setProduct('mara', 'free');
  await command(mara, 'pause', {}).expect(403);
  assert.doesNotMatch((await mara.get(path).expect(200)).text, /action="\/player\/|form="play"/);
});

testOnce('a visitor signs in read-only, or with full control', async (t) => {
  const { browser } = await startTurntable(t);
  const { text } = await browser().get('/').expect(200);

  assert.match(text, /href="\/login">Sign in with Spotify<[\s\S]*?Signing in is read-only/);
  const [, allow = ''] = /href="\/login\?allow=([^"]+)">Sign in with full control</.exec(text) ?? [];
  assert.deepEqual(allow.split('+'), controlScopes);
});

testOnce('only what can be played is offered, and only with Premium', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const offered = async () => {
    clock.advance({ minutes: 1 });
    const { text } = await mara.get('/library').expect(200);
    return [...text.matchAll(/form="play" name="offset" value="\d+ ([^"]+)" title/g)].map(([, uri]) => uri);
  };
  const all = await offered();
  simulator.settings.unavailable.set(String(all[1]), { reason: 'market' });
  assert.deepEqual(
    await offered(),
    all.filter((_, at) => at !== 1),
  );

  simulator.setProduct('mara', 'free');
  await command(mara, 'pause', {}).expect(403);
  assert.deepEqual(await offered(), []);
});

testOnce('a track that was played twice is played from the chosen one on', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const { body } = await mara.getJson('/library').expect(200);
  const [one, two] = body.tracks.map(({ item }: { item: { uri: string } }) => item.uri);
  const played = (uri: string, at: string) => ({ played_at: at, track: { type: 'track', name: uri, uri } });
  const items = [one, two, one].map((uri, at) => played(uri, `2026-11-2${9 - at}T10:00:00Z`));
  clock.advance({ minutes: 10 });
  simulator.fault({ on: /recently-played$/, answer: { status: 200, body: JSON.stringify({ items }) } });
  const { text } = await mara.get('/library/recent').expect(200);

  const offsets = [...text.matchAll(/form="play" name="offset" value="([^"]+)"/g)].map(([, value]) => value);
  assert.deepEqual(offsets, ['0', '1', '2']);
  await mara
    .post('/player/play')
    .type('form')
    .send({ ...formFields(text, '/player/play'), offset: '2' })
    .expect(303);
  assert.equal((await playerOf(mara, turntable)).item.uri, one);
  assert.deepEqual((await mara.getJson('/player/queue').expect(200)).body.queue, []);
});

// fault: odd-command
testOnce('a command with an unknown or invalid field is refused before Spotify is asked', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  simulator.forgetCalls();
  for (const [name, fields, field] of [
    ['play', { uri: 'spotify:user:ada' }, 'uri'],
    ['play', { uri: track, context: album }, null],
    ['play', { offset: 1 }, null],
    ['play', { context: artist, offset: 1 }, null],
    ['play', { context: show }, 'context'],
    ['play', { list: show, offset: 1 }, 'offset'],
    ['play', { list: album }, 'list'],
    ['play', { uri: '' }, 'uri'],
    ['play', { context: '' }, 'context'],
    ['play', { uri: [] }, 'uri'],
    ['play', { uri: Array.from({ length: 101 }, () => track) }, 'uri'],
    ['play', { context: track }, 'context'],
    ['play', { url: track }, 'url'],
    ['pause', { device: 'x' }, 'device'],
    ['seek', {}, 'positionMs'],
    ['seek', { positionMs: -1 }, 'positionMs'],
    ['seek', { positionMs: 1.5 }, 'positionMs'],
    ['volume', { percent: 101 }, 'percent'],
    ['volume', { percent: '7%' }, 'percent'],
    ['shuffle', { on: 'yes' }, 'on'],
    ['repeat', { mode: 'all' }, 'mode'],
    ['queue', { uri: album }, 'uri'],
    ['device', { device: 'a b' }, 'device'],
  ] as const) {
    const { body } = await command(mara, name, fields).expect(400);
    assert.equal(body.reason, 'invalid-command');
    if (field) assert.match(body.detail, new RegExp(`: ${field}\\.$`), JSON.stringify(fields));
  }
  await command(mara, `play?uri=${track}`, {}).expect(400);
  const asText = mara.post('/player/play').set('Accept', 'application/json').type('text/plain');
  assert.equal((await asText.send(`uri=${track}`).expect(415)).body.reason, 'unreadable-fields');
  assert.deepEqual(apiRequests(simulator), []);
});

test('now playing has the controls that can work, as forms', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const controls = async () => {
    clock.advance({ seconds: 2 });
    const { text } = await mara.get('/now-playing').expect(200);
    return [...new Set([...text.matchAll(/action="\/player\/(\w+)"/g)].map(([, name]) => name))].sort();
  };
  assert.deepEqual(await controls(), ['next', 'pause', 'previous', 'repeat', 'seek', 'shuffle', 'volume']);

  simulator.plays('mara', { kind: 'music' }, 'Mara’s phone');
  assert.deepEqual(await controls(), ['next', 'pause', 'previous', 'repeat', 'seek', 'shuffle'], 'no volume');
  simulator.plays('mara', { kind: 'ad' });
  assert.deepEqual(await controls(), ['pause']);
  simulator.plays('mara', { kind: 'music' }, 'Living-room TV');
  assert.deepEqual(await controls(), []);
});

test('without scripts, the forms lead back to the page', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  const { text } = await mara.get('/now-playing').expect(200);

  const sent = { ...formFields(text, '/player/repeat'), mode: 'track' };
  const left = await mara.post('/player/repeat').type('form').send(sent).expect(303);

  assert.equal(left.headers.location, '/now-playing');
  assert.equal((await playerOf(mara, turntable)).repeat, 'track');
});

test('tracks in lists are played in their list, and added to the queue', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  const { body: lists } = await mara.getJson('/playlists').expect(200);
  const path = `/playlists/${lists.playlists[0].id}`;
  const { body } = await mara.getJson(path).expect(200);
  const { text } = await mara.get(path).expect(200);

  const play: Record<string, string> = { ...formFields(text, '/player/play'), offset: '2' };
  await mara.post('/player/play').type('form').send(play).expect(303);
  const player = await playerOf(mara, turntable);
  assert.deepEqual([player.item.uri, player.context], [body.entries[2].item.uri, play.context]);

  const { text: saved } = await mara.get('/library').expect(200);
  const { tracks } = (await mara.getJson('/library').expect(200)).body;
  const [, second, third] = tracks.map(({ item }: { item: { uri: string } }) => item.uri);
  const from = { ...formFields(saved, '/player/play'), offset: `1 ${second}` };
  const left = await mara.post('/player/play').type('form').send(from).expect(303);
  assert.equal(left.headers.location, '/library?notice=playback-started');
  assert.equal((await playerOf(mara, turntable)).item.uri, second);
  assert.equal((await mara.getJson('/player/queue').expect(200)).body.queue[0].uri, third);
  const queued = { ...formFields(saved, '/player/queue'), uri: second };
  const added = await mara.post('/player/queue').type('form').send(queued).expect(303);
  assert.match(
    (await mara.get(added.headers.location ?? '').expect(200)).text,
    /role="status">Added to the queue/,
  );
  assert.match(saved, /form="queue" name="uri" value="spotify:track:\w+"/);
});
