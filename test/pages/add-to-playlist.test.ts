import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { apiVersionIn, testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests, formFields, undoPath } from '../support/pages.ts';
import { type Browser, startTurntable, type Turntable } from '../support/turntable.ts';

type Entry = { item: { name: string; uri: string | null } | null };
type Choice = { id: string; name: string; isRecent: boolean; knownCount: number; count: number | null };

const contents = (t: Parameters<typeof apiVersionIn>[0]) =>
  apiVersionIn(t) === 'legacy' ? 'tracks' : 'items';

/** Signs in, and finds tracks. */
async function start(t: Parameters<typeof startTurntable>[0], listener = 'noor') {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn(listener, allowAll);
  const { body } = await person.getJson('/search?q=the&type=track').expect(200);
  const uris = (body.tracks.items as { uri: string }[]).map(({ uri }) => uri);
  return { ...turntable, person, uris };
}

/** Creates a playlist with these items, as a program does; returns its id. */
async function createPlaylist(person: Browser, name: string, uri: readonly string[] = []): Promise<string> {
  const json = person.post('/playlists').set('Accept', 'application/json');
  const { body } = await json.send({ name, ...(uri.length > 0 && { uri }) }).expect(201);
  return body.id;
}

/** The URIs in a playlist. */
async function urisIn({ person, clock }: { person: Browser } & Pick<Turntable, 'clock'>, id: string) {
  clock.advance({ seconds: 2 });
  const { body } = await person.getJson(`/playlists/${id}?notice=item-removed`).expect(200);
  return (body.entries as Entry[]).map(({ item }) => item?.uri ?? 'gone');
}

const choices = async (person: Browser, query: string): Promise<Choice[]> =>
  (await person.getJson(`/playlists/add?${query}`).expect(200)).body.playlists;

test('several items are added to several playlists at once, the person stays where they were, and Undo removes them', async (t) => {
  const started = await start(t);
  const { person, uris, simulator } = started;
  const [a = '', b = '', c = ''] = uris;
  const [one, other] = [await createPlaylist(person, 'One', [c]), await createPlaylist(person, 'Other')];
  const query = new URLSearchParams([
    ['uri', a],
    ['uri', b],
    ['returnTo', '/library?page=1'],
  ]);
  const page = await person.get(`/playlists/add?${query}`).expect(200);
  const sent = { ...formFields(page.text, '/playlists/add'), uri: [a, b], playlist: [one, other] };
  simulator.forgetCalls();

  const left = await person.post('/playlists/add').type('form').send(sent).expect(303);

  assert.match(left.headers.location ?? '', /^\/library\?page=1&notice=items-added&undo=/);
  assert.deepEqual(
    apiRequests(simulator),
    [one, other].map((id) => `POST /playlists/${id}/${contents(t)}`),
  );
  assert.deepEqual(await urisIn(started, one), [c, a, b]);
  assert.deepEqual(await urisIn(started, other), [a, b]);

  const after = await person.get(left.headers.location ?? '').expect(200);
  assert.match(after.text, /Added to the playlists you chose\./);
  const path = undoPath(after.text);
  const fields = formFields(after.text, path);
  assert.equal(fields.returnTo, '/library?page=1');
  const undone = await person.post(path).type('form').send(fields).expect(303);
  assert.equal(undone.headers.location, '/library?page=1&notice=addition-undone');
  assert.deepEqual(await urisIn(started, one), [c]);
  assert.deepEqual(await urisIn(started, other), []);
});

test('Undo removes only the copies that were added, and puts the others back where they were', async (t) => {
  const started = await start(t);
  const { person, uris } = started;
  const [a = '', b = '', c = ''] = uris;
  const id = await createPlaylist(person, 'Twice', [a, b, a, c]);
  const json = person.post(`/playlists/${id}/items`).set('Accept', 'application/json');
  const { body } = await json.send({ uri: [a, b] }).expect(200);
  assert.deepEqual(await urisIn(started, id), [a, b, a, c, a, b]);

  const undone = await person.post(body.undo).set('Accept', 'application/json').send({}).expect(200);

  assert.match(undone.body.text, /other copies of it already/);
  assert.deepEqual(await urisIn(started, id), [a, b, a, c]);
});

testOnce(
  'copies that could not be put back are put back with a second Undo, even if the playlist is shorter by then',
  async (t) => {
    const started = await start(t);
    const { person, uris, simulator } = started;
    const [a = '', b = '', c = ''] = uris;
    const id = await createPlaylist(person, 'Halfway', [c, b, a]);
    const json = (path: string, body: object = {}) =>
      person.post(path).set('Accept', 'application/json').send(body);
    const { body } = await json(`/playlists/${id}/items`, { uri: a }).expect(200);
    const on = new RegExp(`/${id}/items$`);
    simulator.fault({ on, times: 2 }); // reading and removing
    simulator.fault({ on, answer: { status: 502, body: '' } });

    const halfway = await person
      .post(body.undo)
      .type('form')
      .send({ returnTo: `/playlists/${id}` })
      .expect(303);

    const page = await person.get(halfway.headers.location ?? '').expect(200);
    assert.match(page.text, /role="alert"><p>Spotify stopped responding before everything was put back/);
    assert.deepEqual(await urisIn(started, id), [c, b]);
    const { playlist } = (await person.getJson(`/playlists/${id}`).expect(200)).body;
    await person.post(`/playlists/${id}/remove`).send({ uri: c, snapshot: playlist.snapshotId }).expect(303);
    await person.post(undoPath(page.text)).type('form').send({}).expect(303);
    assert.deepEqual(await urisIn(started, id), [b, a]);
  },
);

testOnce('which playlists were used is forgotten with the last sign-out', async (t) => {
  const { person, uris, browser, keys } = await start(t);
  const [uri = ''] = uris;
  await person
    .post(`/playlists/${await createPlaylist(person, 'Mine')}/items`)
    .send({ uri })
    .expect(303);
  const recent = async () => (await keys()).filter((key) => key.startsWith('recent-playlists:'));
  const other = browser();
  await other.signIn('noor', allowAll);
  await person.post('/logout').expect(303);
  assert.equal((await recent()).length, 1);
  await other.post('/logout').expect(303);
  assert.deepEqual(await recent(), []);
});

testOnce('Undo works once, for the session that did it, and only for a while', async (t) => {
  const started = await start(t);
  const { person, uris, browser, simulator } = started;
  const [a = ''] = uris;
  const id = await createPlaylist(person, 'Once');
  const add = async () =>
    (
      await person
        .post(`/playlists/${id}/items`)
        .set('Accept', 'application/json')
        .send({ uri: a })
        .expect(200)
    ).body.undo as string;
  const [first, second] = [await add(), await add()];
  const elsewhere = browser();
  await elsewhere.signIn('noor', allowAll);
  simulator.forgetCalls();

  const refused = await elsewhere.post(first).set('Accept', 'application/json').send({}).expect(409);
  assert.equal(refused.body.reason, 'undo-expired');
  const cross = person.agent.post(first).set('Sec-Fetch-Site', 'cross-site');
  await cross.send({}).expect(403);
  assert.deepEqual(apiRequests(simulator), [], 'neither another session nor another site undoes anything');

  await Promise.all(
    [1, 2].map(() => person.post(first).type('form').send({ idempotencyKey: 'x' }).expect(303)),
  );
  assert.deepEqual(await urisIn(started, id), [a], 'a double click undoes once');
  const again = await person.post(first).type('form').send({}).expect(303);
  assert.match(again.headers.location ?? '', /notice=undo-expired$/);
  simulator.fault({ on: /\/playlists\/\w+$/, answer: { status: 502, body: '' } });
  await person.post(second).type('form').send({}).expect(502);
  await person.post(second).type('form').send({}).expect(303);
  assert.deepEqual(await urisIn(started, id), [], 'after a failure it can be tried again');
});

testOnce('a link of another site shows no Undo that leads elsewhere', async (t) => {
  const { person } = await start(t);
  for (const undo of [
    '/player/pause',
    'https://evil.example/undo/addition/aaaaaaaaaaaaaaaaaaaaaa',
    '/undo/x/../../logout',
    '//undo/addition/aaaaaaaaaaaaaaaaaaaaaa',
  ]) {
    const query = new URLSearchParams({ notice: 'items-added', undo });
    const { text } = await person.get(`/library?${query}`).expect(200);
    assert.match(text, /Added to the playlists you chose/);
    assert.doesNotMatch(text, />Undo</);
  }
});

testOnce('a failure after the first playlist shows a notice, and only the rest is tried again', async (t) => {
  const started = await start(t);
  const { person, uris, simulator } = started;
  const [a = ''] = uris;
  const ids = [
    await createPlaylist(person, 'Alpha'),
    await createPlaylist(person, 'Beta'),
    await createPlaylist(person, 'Gamma'),
  ];
  await person.get(`/playlists/add?uri=${a}`).expect(200);
  simulator.fault({ on: new RegExp(`/${ids[1]}/items$`), answer: { status: 502, body: '' } });

  const sent = { uri: a, playlist: ids, returnTo: '/library', idempotencyKey: 'x' };
  const page = await person.post('/playlists/add').type('form').send(sent).expect(502);

  assert.match(page.text, /Added to “Alpha”\. Spotify didn’t add anything to “Beta” and “Gamma”\./);
  assert.deepEqual(await Promise.all(ids.map((id) => urisIn(started, id))), [[a], [], []]);
  await person.post('/playlists/add').type('form').send(sent).expect(502);
  assert.deepEqual(await urisIn(started, String(ids[0])), [a], 'the same form adds nothing twice');
  const [, link = ''] = /href="(\/playlists\/add\?[^"]+)">Try again with the rest/.exec(page.text) ?? [];
  const rest = await person.get(link.replaceAll('&amp;', '&')).expect(200);
  const checked = [...rest.text.matchAll(/value="(\w{22})" checked/g)].map(([, id]) => id);
  assert.deepEqual(checked.sort(), ids.slice(1).sort());

  simulator.fault({ on: new RegExp(`/${ids[1]}/items$`), answer: { status: 403, body: '' } });
  const json = person.post('/playlists/add').set('Accept', 'application/json');
  const partly = await json.send({ uri: a, playlist: [ids[0], ids[1], ids[2]] }).expect(502);
  assert.equal(partly.body.reason, 'partly-added');
  assert.deepEqual(
    await urisIn(started, String(ids[2])),
    [a],
    'one that refuses does not keep the next from it',
  );
});

test('playlists used recently come first, and “already in it” is said from what is cached, without a call', async (t) => {
  const started = await start(t, 'mara');
  const { person, uris, simulator, clock } = started;
  const [a = '', b = ''] = uris;
  await person
    .post('/playlists/add')
    .send({ uri: a, playlist: [(await choices(person, `uri=${a}&q=polaroids`))[0]?.id] })
    .expect(303);
  const polaroids = async () => {
    const [first] = await choices(person, `uri=${a}`);
    return [first?.name, first?.isRecent, first?.knownCount];
  };
  assert.deepEqual(await polaroids(), ['Polaroids', true, 1], 'it has just been added');
  clock.advance({ minutes: 6 });
  assert.deepEqual(await polaroids(), ['Polaroids', true, 0], 'nothing is known about it anymore');
  const [{ id } = { id: '' }] = await choices(person, `uri=${a}`);
  await person.get(`/playlists/${id}`).expect(200);
  clock.advance({ minutes: 2 });
  simulator.forgetCalls();

  const [first, second] = await choices(person, `uri=${a}`);

  assert.deepEqual([first?.name, first?.knownCount, second?.isRecent], ['Polaroids', 1, false]);
  assert.deepEqual(
    apiRequests(simulator).filter((call) => !call.startsWith('GET /tracks')),
    [],
  );
  const { text } = await person.get(`/playlists/add?uri=${a}`).expect(200);
  assert.match(
    text,
    /Recently used[\s\S]*Polaroids[\s\S]*13 items<span class="badge">Already in it[\s\S]*All playlists/,
  );
  const several = await person
    .get(
      `/playlists/add?${new URLSearchParams([
        ['uri', a],
        ['uri', b],
      ])}`,
    )
    .expect(200);
  assert.match(several.text, /Add <bdi>2 items<\/bdi> to a playlist[\s\S]*1 already in it/);
});

test('the filter finds playlists on all pages of Spotify’s list, whatever their case and accents', async (t) => {
  const { person, uris } = await start(t, 'mara');
  const [uri = ''] = uris;
  assert.deepEqual(
    (await choices(person, `uri=${uri}&q=BAND+pra`)).map(({ name }) => name),
    ['Band practice'],
  );
  assert.deepEqual(
    (await choices(person, `uri=${uri}&q=${encodeURIComponent('Pöläroids')}`)).map(({ name }) => name),
    ['Polaroids'],
  );
  const nothing = await person.get(`/playlists/add?uri=${uri}&q=%3Cb%3Ezzz`).expect(200);
  assert.match(nothing.text, /No playlists match “<bdi>&lt;b&gt;zzz<\/bdi>”\./);
});

test('a new playlist is created with the items in it, and Undo empties it', async (t) => {
  const started = await start(t);
  const { person, uris, simulator } = started;
  const [a = '', b = ''] = uris;
  const page = await person
    .get(
      `/playlists/add?${new URLSearchParams([
        ['uri', a],
        ['uri', b],
      ])}`,
    )
    .expect(200);
  const sent = { ...formFields(page.text, '/playlists'), uri: [a, b], name: 'Brand new' };

  const left = await person.post('/playlists').type('form').send(sent).expect(303);

  const [, id = ''] =
    /^\/playlists\/(\w+)\?notice=playlist-created&undo=/.exec(left.headers.location ?? '') ?? [];
  assert.deepEqual(await urisIn(started, id), [a, b]);
  const after = await person.get(left.headers.location ?? '').expect(200);
  assert.match(after.text, /Private playlist/);
  await person
    .post(undoPath(after.text))
    .type('form')
    .send({ returnTo: `/playlists/${id}` })
    .expect(303);
  assert.deepEqual(await urisIn(started, id), []);

  simulator.fault({ on: new RegExp(`/${contents(t)}$`), answer: { status: 502, body: '' } });
  const partly = await person.post('/playlists').type('form').send({ name: 'Empty', uri: a }).expect(303);
  assert.match(partly.headers.location ?? '', /notice=created-without-items$/);
});

testOnce('items that can’t be added to playlists aren’t sent to Spotify', async (t) => {
  const { person, uris, simulator } = await start(t);
  const [uri = ''] = uris;
  const id = '0000000000000000000000';
  simulator.forgetCalls();
  const json = (body: object) => person.post('/playlists/add').set('Accept', 'application/json').send(body);
  const reason = async (body: object, status: number) => (await json(body).expect(status)).body.reason;

  assert.equal(await reason({ uri }, 400), 'no-playlist');
  assert.equal(await reason({ uri, playlist: 'a.b' }, 400), 'no-playlist');
  const ids = Array.from({ length: 11 }, (_, index) => String(index).padStart(22, '0'));
  assert.equal(await reason({ uri, playlist: ids }, 400), 'no-playlist');
  assert.equal(await reason({ uri: Array.from({ length: 101 }, () => uri), playlist: id }, 400), 'no-uri');
  assert.equal(await reason({ uri: [], playlist: id }, 400), 'no-uri');
  assert.equal(await reason({ uri: [uri, 'spotify:local:a:b:c:1'], playlist: id }, 400), 'no-uri');
  assert.deepEqual(apiRequests(simulator), []);
  const hundred = Array.from({ length: 100 }, () => uri);
  const target = await createPlaylist(person, 'Hundred', hundred);
  assert.equal((await person.getJson(`/playlists/${target}`).expect(200)).body.total, 100);
});

testOnce('“Back” never leads to another site', async (t) => {
  const { person, uris, baseUrl } = await start(t);
  const [uri = ''] = uris;
  const backFrom = async (returnTo: string) => {
    const { text } = await person.get(`/playlists/add?${new URLSearchParams({ uri, returnTo })}`).expect(200);
    const [, href] = /<a href="([^"]*)">Back<\/a>/.exec(text) ?? [];
    // The bar comes back to this page, with the query as it is.
    assert.doesNotMatch(text.replace(/<iframe [^>]*>/, ''), /evil\.example/, returnTo);
    return new URL(href ?? assert.fail('no link back'), baseUrl).href;
  };

  for (const returnTo of [
    '/\t/evil.example',
    '/\n/evil.example',
    '\t//evil.example',
    '/\r\\evil.example',
    '/\\evil.example',
    '//evil.example',
    '/.//evil.example',
    'https://evil.example/',
    'javascript:evil.example',
  ])
    assert.equal(await backFrom(returnTo), `${baseUrl}/`, returnTo);
  assert.equal(await backFrom('/search?q=a%09b'), `${baseUrl}/search?q=a%09b`);
  const page = await person.get(`/playlists/add?${new URLSearchParams({ uri })}`).expect(200);
  assert.doesNotMatch(page.text, />Back</, 'it isn’t known where they were');
});

test('the menu of each row in a list of tracks or episodes leads to adding it to a playlist', async (t) => {
  const { person, uris, simulator } = await start(t, 'mara');
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const id = await createPlaylist(person, 'Rows', uris.slice(0, 3));
  const paths = ['/library', '/library/episodes', '/library/recent', '/library/top', '/player/queue'];
  for (const path of [`/playlists/${id}`, ...paths]) {
    const { text } = await person.get(path).expect(200);
    const rows = text.split('<li').filter((row) => row.startsWith(' data-uri'));
    assert.ok(rows.length > 1, path);
    for (const row of rows) {
      const [, uri = ''] = /^ data-uri="([^"]+)"/.exec(row) ?? [];
      assert.ok(row.includes(`/playlists/add?uri=${encodeURIComponent(uri)}`), `${path}: ${uri}`);
    }
  }
});
