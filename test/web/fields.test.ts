import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll } from '../support/pages.ts';
import { routesOf } from '../support/routes.ts';
import { startTurntable } from '../support/turntable.ts';

const someId = '37i9dQZF1DXcBWIGoYBM5M';

/** Has no fields, and is sent by scripts only; these others check theirs in their own tests. */
const others = ['/now-playing/poll', '/player/:command', '/preferences', '/setup'];

/** A path of this route. */
function pathOf(route: string): string {
  return route
    .replace(/\/:list/, '/albums')
    .replace(/\/undo\/(\w+)\/:token/, `/undo/$1/${'a'.repeat(22)}`)
    .replace(/\/player\/:command/, '/player/next')
    .replace(/\/:command/, '/resume')
    .replace(/:format/, 'csv')
    .replace(/:id/, someId);
}

// fault: unknown-fields
test('an unknown or invalid field is refused before Spotify is asked, wherever something changes', async (t) => {
  const turntable = await startTurntable(t, { env: { OWNER_LISTENERS: 'mara' } });
  const { browser, simulator, app } = turntable;
  const mara = browser();
  await mara.signIn('mara', allowAll);
  simulator.forgetCalls();
  const paths = routesOf(app)
    .filter((route) => route.startsWith('POST '))
    .map((route) => route.slice(5))
    .filter((path) => !others.includes(path))
    .map(pathOf);
  assert.ok(paths.length > 18, String(paths));

  const json = (path: string) => mara.post(path).set('Accept', 'application/json');
  for (const path of paths) {
    const isCover = path.endsWith('/cover');
    const sent = isCover
      ? [json(path).field('odd', 'x')]
      : [json(path).send({ odd: 'x' }), json(path).type('form').send({ odd: 'x' })];
    for (const request of sent) {
      const { body } = await request.expect(400);
      assert.equal(body.reason, 'invalid-fields', path);
      assert.match(body.detail, /odd/, path);
    }
    assert.equal((await json(`${path}?uri=x`).expect(400)).body.reason, 'invalid-fields', path);
    if (isCover) continue;
    await json(path).send([]).expect(400);
    await json(path)
      .type('form')
      .send({ returnTo: ['/library', '/playlists'] })
      .expect(400);
    await json(path).type('text/plain').send('uri=x').expect(415);
    assert.equal(
      (await json(path).field('returnTo', '/').expect(415)).body.reason,
      'unreadable-fields',
      path,
    );
  }

  // Without its check, this would pause.
  await json('/player/pause').send([]).expect(400);

  // Fields that are known, but doubled or of another type.
  const odd: [string, object][] = [
    [`/playlists/${someId}/move`, { snapshot: 'x', entry: ['0', '1'], to: 1 }],
    [`/playlists/${someId}/move`, { snapshot: 'x', entry: '0', direction: 'sideways' }],
    [`/playlists/${someId}/remove`, { snapshot: ['x', 'y'], entry: '0 x' }],
    [`/playlists/${someId}/remove`, { snapshot: 'x', entry: '0 x', confirmed: 'perhaps' }],
    [`/playlists/${someId}`, { name: ['a', 'b'] }],
    ['/playlists', { name: 'a', public: 'perhaps' }],
    ['/playlists/add', { uri: { a: 1 }, playlist: someId }],
    ['/library/save', { uri: 7 }],
    ['/export', { export: 'all', anyway: 'perhaps' }],
    ['/export/cancel', { export: 'all' }],
    ['/account/people/end', {}],
  ];
  for (const [path, fields] of odd) {
    const { body } = await json(path).send(fields).expect(400);
    assert.equal(body.reason, 'invalid-fields', `${path} ${JSON.stringify(fields)}`);
  }
  assert.match((await mara.post('/library/save').send({ odd: 'x' }).expect(400)).text, /invalid: odd/);
  assert.deepEqual(simulator.calls, []);
  await mara.get('/account').expect(200);
});

test('a flag is read in every form that is accepted', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const json = (path: string, fields: object) =>
    mara.post(path).set('Accept', 'application/json').send(fields);
  const isPublic = async (id: string) => (await mara.getJson(`/playlists/${id}`)).body.playlist.public;

  for (const yes of [true, 'true', 'yes']) {
    const { id } = (await json('/playlists', { name: 'Mine', public: yes }).expect(201)).body;
    assert.equal(await isPublic(id), true, String(yes));
  }
  for (const no of [false, 'false', undefined]) {
    const { id } = (await json('/playlists', { name: 'Mine', public: no }).expect(201)).body;
    assert.equal(await isPublic(id), false, String(no));
  }
});

test('a position is read in every form that is accepted, and rows are named in one way', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  simulator.forgetCalls();
  const uri = `spotify:track:${someId}`;
  const odd = [
    ...[' 5', '0000005', '5 ', '', '-1', 1_000_000, 1.5, -1, null].map((position) => ({ uri, position })),
    { uri, place: ' 5' },
    { entry: `0 ${uri}`, uri },
    { unplayable: `0 ${uri}`, uri },
    { entry: `0 ${uri}`, position: 0 },
  ];
  const several = { uri: [uri, `spotify:track:${'0'.repeat(22)}`], position: 3 };
  const paths = [`/playlists/${someId}/remove`, `/playlists/${someId}/keep-one`, '/library/remove'];
  for (const path of [...paths, '/library/save'])
    for (const fields of path.startsWith('/library') ? [...odd, several] : odd) {
      const sent = { ...fields, ...(path.startsWith('/playlists') && { snapshot: 'x' }) };
      const { body } = await mara.post(path).set('Accept', 'application/json').send(sent).expect(400);
      assert.equal(body.reason, 'invalid-fields', `${path} ${JSON.stringify(sent)}`);
    }
  assert.deepEqual(simulator.calls, []);

  for (const position of ['0005', '99999', 99_999]) {
    const { body } = await mara
      .post('/library/remove')
      .set('Accept', 'application/json')
      .send({ uri, position })
      .expect(409);
    assert.equal(body.reason, 'library-changed');
  }
});

test('an offset that isn’t among the URIs is refused, and what Spotify doesn’t accept of a button is a 400', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const { item } = (await mara.getJson('/now-playing').expect(200)).body;
  simulator.forgetCalls();
  const send = (path: string, fields: object) =>
    mara.post(path).set('Accept', 'application/json').send(fields);
  for (const offset of [5, '1', `spotify:track:${someId}`])
    await send('/player/play', { uri: [item.uri], offset }).expect(400);
  assert.deepEqual(simulator.calls, []);

  simulator.fault({
    on: 'api',
    answer: { status: 400, body: '{"error":{"message":"Bad offset"}}' },
    times: 9,
  });
  const { body } = await send('/player/queue', { uri: item.uri }).expect(400);
  assert.equal(body.reason, 'not-understood');
  assert.equal((await mara.getJson('/playlists').expect(502)).body.reason, 'not-understood');
});

// fault: another-method
test('an address that exists says which methods it has if it is asked with another method', async (t) => {
  const { browser, app } = await startTurntable(t, { env: { OWNER_LISTENERS: 'mara' } });
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const byPath = new Map<string, Set<string>>();
  for (const route of routesOf(app)) {
    const [method = '', path = ''] = route.split(' ');
    if (path.includes('*')) continue;
    const methods = byPath.get(path) ?? new Set();
    byPath.set(path, methods.add(method));
    if (method === 'GET') methods.add('HEAD');
  }
  assert.ok(byPath.size > 60);
  const ask = (method: 'get' | 'put' | 'delete', path: string) =>
    mara.agent[method](path).set('Accept', 'application/json').set('Sec-Fetch-Site', 'same-origin');

  for (const [path, methods] of byPath) {
    const { headers, body } = await ask('put', pathOf(path)).expect(405);
    // Other routes may have the same address.
    for (const method of methods) assert.ok(headers.allow?.split(', ').includes(method), `${method} ${path}`);
    assert.equal(body.reason, 'method-not-allowed');
  }
  assert.equal((await ask('get', '/player/pause').expect(405)).headers.allow, 'POST');
  assert.equal((await ask('delete', '/account').expect(405)).headers.allow, 'GET, HEAD');
  assert.match((await mara.get('/library/save').expect(405)).text, /doesn’t work that way/);
  for (const path of ['/nowhere', '/player/explode', '/export/explode', '/playlists/x/items', '/albums/x'])
    assert.equal((await ask('put', path).expect(404)).headers.allow, undefined, path);
});
