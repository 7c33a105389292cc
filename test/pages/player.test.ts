import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { playerReasons } from '../../src/spotify/player-reasons.ts';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

/** Spotify takes a moment to show the effect of a command; the simulator does not. */
const timing = { afterCommandMs: 0 };

async function signedIn({ browser }: Turntable, listener = 'mara', query = allowAll): Promise<Browser> {
  const person = browser();
  await person.signIn(listener, query);
  return person;
}

/** Presses the button of a command on what is playing; returns the page that it leads to. */
async function press(person: Browser, { clock }: Turntable, command: string) {
  clock.advance({ seconds: 2 });
  const page = await person.get('/now-playing').expect(200);
  const sent = formFields(page.text, `/player/${command}`);
  const left = await person.post(`/player/${command}`).type('form').send(sent).expect(303);
  return { left, page: await person.get(left.headers.location ?? '').expect(200) };
}

/** The buttons for play, pause, next and previous that the page offers. */
async function offered(person: Browser, { clock }: Turntable): Promise<string[]> {
  clock.advance({ seconds: 2 });
  const page = await person.get('/now-playing').expect(200);
  return [...page.text.matchAll(/action="\/player\/(play|pause|next|previous)"/g)].map(([, command]) =>
    String(command),
  );
}

test('play, pause, next and previous are buttons that take one call each and lead back to now playing', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  // Not the last track in the queue, which `previous` could not return to.
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 0 });
  const mara = await signedIn(turntable);
  const name = async () => (await mara.getJson('/now-playing')).body.item.name;
  const first = await name();
  assert.deepEqual(await offered(mara, turntable), ['previous', 'pause', 'next']);

  simulator.forgetCalls();
  const paused = await press(mara, turntable, 'pause');
  assert.equal(paused.left.headers.location, '/now-playing');
  assert.match(paused.page.text, /<span id="live-playing">Paused on/);
  assert.deepEqual(apiRequests(simulator), ['GET /me/player', 'PUT /me/player/pause', 'GET /me/player']);
  assert.deepEqual(await offered(mara, turntable), ['previous', 'play', 'next']);

  assert.match((await press(mara, turntable, 'play')).page.text, /<span id="live-playing">Playing on/);
  await press(mara, turntable, 'next');
  assert.notEqual(await name(), first);
  await press(mara, turntable, 'previous');
  assert.equal(await name(), first);
});

test('playback moves to another device', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  simulator.forgetCalls();

  const page = await mara.get('/devices').expect(200);
  assert.deepEqual(apiRequests(simulator), ['GET /me/player/devices']);
  assert.match(page.text, /Kitchen speaker[\s\S]*?Speaker, volume 62%[\s\S]*?Active/);
  assert.match(page.text, /Living-room TV[\s\S]*?Can’t be controlled from here/);
  assert.match(page.text, /<a href="\/now-playing">Back to now playing<\/a>/);
  const buttons = [
    ...page.text.matchAll(/name="device" value="([^"]+)">Play here<span class="visually-hidden">: ([^<]+)</g),
  ];
  assert.deepEqual(
    buttons.map(([, , name]) => name),
    ['Mara’s phone', 'Mara’s laptop'],
    'not where it plays already, and not on what takes no commands',
  );
  const [, laptop] = buttons.at(-1) ?? [];
  const sent = { ...formFields(page.text, '/player/device'), device: laptop };
  const left = await mara.post('/player/device').type('form').send(sent).expect(303);

  assert.equal(left.headers.location, '/devices');
  assert.match((await mara.get('/devices').expect(200)).text, /laptop[\s\S]*?Active/);
  assert.match((await mara.get('/now-playing').expect(200)).text, /Playing on <bdi>Mara’s laptop</);
  const { body } = await mara.getJson('/devices').expect(200);
  assert.deepEqual(
    body.devices.filter(({ active }: { active: boolean }) => active).map(({ id }: { id: string }) => id),
    [laptop],
  );
  assert.ok(apiRequests(simulator).includes('PUT /me/player'));
});

test('a free account sees next to the button that Spotify requires Premium, and the buttons disappear', async (t) => {
  const turntable = await startTurntable(t, { timing });
  turntable.simulator.setProduct('mara', 'free');
  const mara = await signedIn(turntable);

  const { left, page } = await press(mara, turntable, 'pause');

  assert.equal(left.headers.location, '/now-playing?notice=premium-required&at=pause');
  assert.match(page.text, /role="alert">Spotify lets only Premium members control playback/);
  for (const { text } of [page, await mara.get('/now-playing').expect(200)]) {
    assert.doesNotMatch(text, /action="\/player\//);
    assert.match(text, /Playback controls need Spotify Premium/);
  }
  assert.match(page.text, /<h1><a href=/, 'what is playing is still there');
});

test('if no device is active, the page says so and links to the devices', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  await mara.get('/now-playing').expect(200);
  turntable.simulator.plays('mara', { kind: 'nothing' });

  const sent = { returnTo: '/now-playing' };
  const left = await mara.post('/player/pause').type('form').send(sent).expect(303);
  const page = await mara.get(left.headers.location ?? '').expect(200);

  assert.equal(left.headers.location, '/now-playing?notice=no-active-device&at=pause');
  assert.match(page.text, /Nothing is playing/);
  assert.match(page.text, /role="alert">Spotify doesn’t see anything playing on your devices/);
  assert.match(page.text, /href="\/devices"/);
});

test('a device that has disappeared in the meantime is reported on the page of devices', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);

  const sent = { device: 'gone', returnTo: '/devices' };
  const left = await mara.post('/player/device').type('form').send(sent).expect(303);

  assert.equal(left.headers.location, '/devices?notice=device-gone&at=device');
  assert.match(
    (await mara.get('/devices?notice=device-gone&at=device').expect(200)).text,
    /role="alert">That device isn’t available anymore/,
  );
});

test('a command that is no longer possible is reported next to the button', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const page = await mara.get('/now-playing').expect(200);
  simulator.plays('mara', { kind: 'music', paused: true }); // in another app, in the meantime

  const sent = formFields(page.text, '/player/pause');
  const left = await mara.post('/player/pause').type('form').send(sent).expect(303);

  assert.equal(left.headers.location, '/now-playing?notice=cannot-pause&at=pause');
  const after = await mara.get('/now-playing?notice=cannot-pause&at=pause').expect(200);
  assert.match(after.text, /class="controls transport">[\s\S]*role="alert">Spotify can’t pause right now/);
  assert.equal(after.text.split('role="alert"').length, 2, 'and nowhere else');
  assert.match(after.text, /action="\/player\/play"/);
});

test('buttons that cannot work are not offered', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const [mara, reader] = [await signedIn(turntable), await signedIn(turntable, 'mara', '')];

  simulator.plays('mara', { kind: 'ad' });
  assert.deepEqual(await offered(mara, turntable), ['pause'], 'an advertisement is heard to its end');
  simulator.plays('mara', { kind: 'music' }, 'Living-room TV');
  assert.deepEqual(await offered(mara, turntable), [], 'a device that takes no commands');
  assert.match((await mara.get('/now-playing')).text, /This device can’t be controlled from here/);
  simulator.plays('mara', { kind: 'nothing' });
  assert.deepEqual(await offered(mara, turntable), ['play'], 'what was played last');
  simulator.plays('mara', { kind: 'music' }, 'Kitchen speaker');
  assert.deepEqual(await offered(reader, turntable), [], 'a permission that is not given');
  assert.match((await reader.get('/now-playing')).text, /Turn on full control/);
  assert.doesNotMatch((await reader.get('/devices')).text, />Play here</);
  assert.match((await reader.get('/devices')).text, /Turn on full control/);
});

test('a program gets the status itself, and the reason', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const send = (path: string, body: object = {}) =>
    mara.post(path).set('Accept', 'application/json').send(body);

  await send('/player/pause').expect(204);
  assert.equal((await send('/player/pause').expect(409)).body.reason, 'not-possible-now');
  assert.equal((await send('/player/device', { device: 'gone' }).expect(404)).body.reason, 'device-gone');
  simulator.plays('mara', { kind: 'nothing' });
  assert.equal((await send('/player/next').expect(404)).body.reason, 'no-active-device');
  simulator.setProduct('mara', 'free');
  assert.equal((await send('/player/next').expect(403)).body.reason, 'premium-required');
  const reader = await signedIn(turntable, 'mara', '');
  const refused = await reader.post('/player/next').set('Accept', 'application/json').send({}).expect(403);
  assert.equal(refused.body.reason, 'missing-permission');
});

testOnce('each refusal of Spotify has its own words, beside its own control', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator, clock } = turntable;
  const mara = await signedIn(turntable);
  const words = new Set<string>();
  const commands = {
    next: {},
    previous: {},
    pause: {},
    seek: { positionMs: 0 },
    volume: { percent: 1 },
    shuffle: { on: true },
    repeat: { mode: 'off' },
  };
  const refuse = async (command: string, fields: object, reason: string) => {
    const body = JSON.stringify({ error: { status: 403, message: 'Player command failed: No', reason } });
    simulator.fault({ on: /me\/player\/\w+$/, answer: { status: 403, body } });
    const sent = { ...fields, returnTo: '/now-playing' };
    const left = await mara.post(`/player/${command}`).type('form').send(sent).expect(303);
    clock.advance({ seconds: 2 });
    const { text } = await mara.get(left.headers.location ?? '').expect(200);
    const [, before = '', said = ''] = /^([\s\S]*)role="alert">([^<]+)</.exec(text) ?? [];
    assert.ok(said, `${command}, ${reason}`);
    const lastForm = [...before.matchAll(/action="\/player\/(\w+)"/g)].at(-1)?.[1] ?? '';
    const isOwn = command === 'seek' || command === 'volume' ? lastForm === command : lastForm === 'repeat';
    assert.ok(isOwn, `${command}: beside ${lastForm}`);
    words.add(said);
    simulator.fault({ on: /me\/player\/\w+$/, answer: { status: 403, body } });
    const program = await mara.post(`/player/${command}`).set('Accept', 'application/json').send(fields);
    assert.equal(program.status, 409);
    assert.equal(program.body.detail, said);
  };

  for (const [command, fields] of Object.entries(commands)) await refuse(command, fields, 'UNKNOWN');
  assert.equal(words.size, 7);
  for (const reason of playerReasons) await refuse('next', {}, reason);
  assert.equal(words.size, 7 + playerReasons.length - 2, 'two pairs of reasons mean the same');
});

testOnce('a button pressed twice is pressed once', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const { simulator } = turntable;
  const mara = await signedIn(turntable);
  const page = await mara.get('/now-playing').expect(200);
  const sent = formFields(page.text, '/player/next');
  simulator.fault({ on: /\/next$/, delayMs: 100 });
  simulator.forgetCalls();

  const [one, two, three] = await Promise.all(
    [1, 2, 3].map(() => mara.post('/player/next').type('form').send(sent).expect(303)),
  );

  assert.deepEqual(apiRequests(simulator), ['POST /me/player/next']);
  for (const left of [one, two, three]) assert.equal(left?.headers.location, '/now-playing');
});

testOnce('a command is shown once Spotify shows it', async (t) => {
  const turntable = await startTurntable(t, { timing: { afterCommandMs: 120 } });
  const mara = await signedIn(turntable);
  const startedAt = performance.now();

  await mara.post('/player/pause').type('form').send({ returnTo: '/now-playing' }).expect(303);

  assert.ok(performance.now() - startedAt >= 120);
  assert.match((await mara.get('/now-playing').expect(200)).text, /<span id="live-playing">Paused on/);
});

testOnce('commands that do not exist, and devices that cannot, are not sent to Spotify', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  turntable.simulator.forgetCalls();

  for (const command of ['stop', 'constructor', 'Play', '..%2F..%2Fme'])
    await mara.post(`/player/${command}`).send({}).expect(404);
  for (const device of ['', 'a b', '../x', 'x'.repeat(129)])
    await mara.post('/player/device').send({ device }).expect(400);
  await mara.get('/player/pause').expect(405);
  await mara.agent.post('/player/pause').set('Sec-Fetch-Site', 'cross-site').expect(403);
  await mara.agent.post('/player/pause').expect(403);
  assert.equal(turntable.simulator.calls.length, 0);
});

testOnce('a 404 of the player without a reason is Spotify’s failure, not a missing page', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  turntable.simulator.fault({ on: /\/next$/, answer: { status: 404, body: '' } });

  const sent = { returnTo: '/now-playing' };
  const page = await mara.post('/player/next').type('form').send(sent).expect(502);

  assert.match(page.text, /Spotify isn’t responding/);
  assert.match(page.text, />Send it again</);
});

test('a listener without devices sees what to do', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);
  turntable.simulator.fault({ on: /\/devices$/, answer: { status: 200, body: '{"devices":[]}' } });

  const page = await mara.get('/devices').expect(200);

  assert.match(page.text, /Spotify doesn’t see any of your devices/);
  assert.match(page.text, /<a class="button" href="\/devices" data-sheet>Refresh<\/a>/);
});

testOnce('only notices of ours are shown next to the buttons', async (t) => {
  const turntable = await startTurntable(t, { timing });
  const mara = await signedIn(turntable);

  for (const said of ['constructor', '__proto__', '<b>', 'x', 'premium-required&notice=x'])
    for (const path of ['/now-playing', '/devices'])
      assert.doesNotMatch(
        (await mara.get(`${path}?notice=${said}`).expect(200)).text,
        /class="notice"|native/,
      );
});
