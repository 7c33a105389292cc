import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

const timing = { afterCommandMs: 0 };

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

/** What Spotify says about the player a moment later. */
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

// fault: queue-added-twice
testOnce('adding to the queue is never repeated: it would add the track twice', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const { item } = await playerOf(mara, turntable);
  simulator.forgetCalls();
  simulator.fault({ on: /\/queue$/, answer: { status: 502, body: '' } });

  await command(mara, 'queue', { uri: item.uri }).expect(502);

  assert.deepEqual(apiRequests(simulator), ['POST /me/player/queue']);
});

// fault: odd-command
testOnce('a command with an unknown or odd field is refused before Spotify is asked', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const track = `spotify:track:${'1'.repeat(22)}`;
  const album = `spotify:album:${'1'.repeat(22)}`;
  simulator.forgetCalls();
  for (const [name, fields, field] of [
    ['play', { uri: 'spotify:user:ada' }, 'uri'],
    ['play', { uri: track, context: album }, null],
    ['play', { offset: 1 }, null],
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
  const from = { ...formFields(saved, '/player/play'), offset: second };
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
