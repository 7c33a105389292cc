import assert from 'node:assert/strict';
import test from 'node:test';
import { type Pages, type Thing, visit } from './visit.ts';

const recent = '/me/player/recently-played';

test('what was played lately: fifty tracks at most, newest first, by cursors', async (t) => {
  const { simulator, signIn, get } = await visit(t);
  const { access } = await signIn('mara');
  const { body } = await get<Pages>(recent, access);
  assert.deepEqual(Object.keys(body), ['href', 'limit', 'next', 'cursors', 'items']);
  assert.deepEqual([body.limit, body.items.length, body.href], [20, 20, simulator.apiUrl + recent]);
  const times = body.items.map((play) => Date.parse(play?.played_at ?? ''));
  assert.deepEqual(times, times.toSorted().reverse());
  assert.deepEqual(body.cursors, { after: String(times[0]), before: String(times[19]) });
  assert.equal(body.next, `${simulator.apiUrl}${recent}?before=${times[19]}&limit=20`);
  assert.ok(body.items.every((play) => play?.track?.type === 'track'));
  assert.ok(body.items.some((play) => play?.context?.type === 'playlist'));
  assert.ok(body.items.some((play) => play?.context === null));

  const all: (Thing | null)[] = [];
  for (let next: string | null = recent; next; ) {
    const page: Pages = (await get<Pages>(next, access)).body;
    all.push(...page.items);
    next = page.next;
  }
  assert.equal(all.length, 50);
  const whole = (await get<Pages>(`${recent}?limit=50`, access)).body;
  assert.deepEqual(all, whole.items);
  const end = (await get<Pages>(whole.next ?? '', access)).body;
  assert.deepEqual([end.items, end.next, end.cursors], [[], null, null]);

  const after = (await get<Pages>(`${recent}?after=${times[3]}`, access)).body;
  assert.deepEqual(after.items, body.items.slice(0, 3));
  assert.deepEqual((await get<Pages>(recent, (await signIn('jonas')).access)).body.items, []);
});

test('it goes on with the music, without podcasts, files, private sessions and what was skipped', async (t) => {
  const { simulator, signIn, get, send, clock } = await visit(t);
  simulator.settings.accessTokenSeconds = 24 * 3600;
  const { access } = await signIn('jonas');
  const heard = async () => (await get<Pages>(recent, access)).body.items;
  simulator.plays('jonas', { kind: 'track', index: 0, progressMs: 100_000 });
  const first = (await get('/me/player', access)).body;
  const left = Number(first.item?.duration_ms) - 100_000;
  clock.ms += left - 1;
  assert.deepEqual(await heard(), []);
  clock.ms += 10_001;
  const [play, ...none] = await heard();
  assert.deepEqual([play?.track?.id, play?.context?.uri], [first.item?.id, first.context?.uri]);
  assert.equal(Date.parse(play?.played_at ?? ''), clock.ms - 10_000);
  assert.equal(none.length, 0);

  await send('POST', '/me/player/next', access);
  assert.equal((await heard()).length, 1);
  await send('PUT', '/me/player/pause', access);
  clock.ms += 3_600_000;
  assert.equal((await heard()).length, 1);
  for (const kind of ['episode', 'local', 'private', 'ad', 'nothing'] as const) {
    simulator.plays('jonas', { kind });
    clock.ms += 3_600_000;
    assert.equal((await heard()).length, 1, kind);
  }

  simulator.plays('jonas', { kind: 'track', index: 3, progressMs: 0 });
  clock.ms += 400_000;
  simulator.plays('jonas', { kind: 'ad' });
  assert.equal((await heard()).length, 2, 'what was heard before something else was put on');
});

test('odd cursors and limits are refused, and so is a token without the scope', async (t) => {
  const { signIn, get } = await visit(t);
  const { access } = await signIn('mara');
  for (const query of ['limit=0', 'limit=51', 'after=x', 'before=-1', 'before=1&after=1', 'before=']) {
    assert.equal((await get(`${recent}?${query}`, access)).status, 400, query);
  }
  const without = (await signIn('mara', 'user-read-playback-state')).access;
  assert.deepEqual((await get(recent, without)).body, {
    error: { status: 401, message: 'Permissions missing' },
  });
});

test('favourites over three times', async (t) => {
  const { signIn, get, pages } = await visit(t);
  const { access } = await signIn('mara');
  const ids = async (path: string) => (await pages(path, access)).map((one) => one?.id);
  const [short, medium, long] = await Promise.all(
    ['short_term', 'medium_term', 'long_term'].map((range) =>
      ids(`/me/top/tracks?time_range=${range}&limit=50`),
    ),
  );
  assert.equal(short?.length, 90);
  assert.notDeepEqual(short, medium);
  assert.notDeepEqual(medium, long);
  assert.deepEqual(await ids('/me/top/tracks'), medium);
  const artists = (await get<Pages>('/me/top/artists?limit=3&offset=2', access)).body;
  assert.deepEqual([artists.items.length, artists.total, artists.items[0]?.type], [3, 16, 'artist']);
  assert.ok(artists.next?.includes('/me/top/artists?limit=3&offset=5'));

  for (const query of ['time_range=year', 'time_range=', 'limit=51', 'limit=0', 'offset=-1']) {
    assert.equal((await get(`/me/top/artists?${query}`, access)).status, 400, query);
  }
  const without = (await signIn('mara', '')).access;
  assert.equal((await get('/me/top/tracks', without)).body.error?.message, 'Insufficient client scope');
  assert.equal((await get<Pages>('/me/top/tracks', (await signIn('jonas')).access)).body.total, 0);
  assert.equal((await get('/me/top/albums', access)).status, 403);
});
