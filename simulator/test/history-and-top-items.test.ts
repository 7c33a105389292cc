import assert from 'node:assert/strict';
import test from 'node:test';
import { type Paging, type SpotifyObject, startTestSimulator } from './start-test-simulator.ts';

const recent = '/me/player/recently-played';

test('recently played: up to 50 tracks, newest first, paged by cursors', async (t) => {
  const { simulator, signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const { body } = await get<Paging>(recent, access);
  assert.deepEqual(Object.keys(body), ['href', 'limit', 'next', 'cursors', 'items']);
  assert.deepEqual([body.limit, body.items.length, body.href], [20, 20, simulator.apiUrl + recent]);
  const times = body.items.map((play) => Date.parse(play?.played_at ?? ''));
  assert.deepEqual(times, times.toSorted().reverse());
  assert.deepEqual(body.cursors, { after: String(times[0]), before: String(times[19]) });
  assert.equal(body.next, `${simulator.apiUrl}${recent}?before=${times[19]}&limit=20`);
  assert.ok(body.items.every((play) => play?.track?.type === 'track'));
  assert.ok(body.items.some((play) => play?.context?.type === 'playlist'));
  assert.ok(body.items.some((play) => play?.context === null));

  const all: (SpotifyObject | null)[] = [];
  for (let next: string | null = recent; next; ) {
    const page: Paging = (await get<Paging>(next, access)).body;
    all.push(...page.items);
    next = page.next;
  }
  assert.equal(all.length, 50);
  const whole = (await get<Paging>(`${recent}?limit=50`, access)).body;
  assert.deepEqual(all, whole.items);
  const end = (await get<Paging>(whole.next ?? '', access)).body;
  assert.deepEqual([end.items, end.next, end.cursors], [[], null, null]);

  const after = (await get<Paging>(`${recent}?after=${times[3]}`, access)).body;
  assert.deepEqual(after.items, body.items.slice(0, 3));
  assert.deepEqual((await get<Paging>(recent, (await signIn('jonas')).access)).body.items, []);
});

test('recently played includes completed tracks, but no skipped ones, podcasts, local files or private sessions', async (t) => {
  const { simulator, signIn, get, send, clock } = await startTestSimulator(t);
  simulator.settings.accessTokenSeconds = 24 * 3600;
  const { access } = await signIn('jonas');
  const recentPlays = async () => (await get<Paging>(recent, access)).body.items;
  simulator.plays('jonas', { kind: 'track', index: 0, progressMs: 100_000 });
  const first = (await get('/me/player', access)).body;
  const left = Number(first.item?.duration_ms) - 100_000;
  clock.ms += left - 1;
  assert.deepEqual(await recentPlays(), []);
  clock.ms += 10_001;
  const [play, ...none] = await recentPlays();
  assert.deepEqual([play?.track?.id, play?.context?.uri], [first.item?.id, first.context?.uri]);
  assert.equal(Date.parse(play?.played_at ?? ''), clock.ms - 10_000);
  assert.equal(none.length, 0);

  await send('POST', '/me/player/next', access);
  assert.equal((await recentPlays()).length, 1);
  await send('PUT', '/me/player/pause', access);
  clock.ms += 3_600_000;
  assert.equal((await recentPlays()).length, 1);
  for (const kind of ['episode', 'local', 'private', 'ad', 'nothing'] as const) {
    simulator.plays('jonas', { kind });
    clock.ms += 3_600_000;
    assert.equal((await recentPlays()).length, 1, kind);
  }

  simulator.plays('jonas', { kind: 'track', index: 3, progressMs: 0 });
  clock.ms += 400_000;
  simulator.plays('jonas', { kind: 'ad' });
  assert.equal((await recentPlays()).length, 2, 'the completed track before the ad');
});

test('recently played refuses invalid cursors and limits, and tokens without the scope', async (t) => {
  const { signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  for (const query of ['limit=0', 'limit=51', 'after=x', 'before=-1', 'before=1&after=1', 'before=']) {
    assert.equal((await get(`${recent}?${query}`, access)).status, 400, query);
  }
  const without = (await signIn('mara', 'user-read-playback-state')).access;
  assert.deepEqual((await get(recent, without)).body, {
    error: { status: 401, message: 'Permissions missing' },
  });
});

test('top items differ between the three time ranges', async (t) => {
  const { signIn, get, allItems } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const ids = async (path: string) => (await allItems(path, access)).map((one) => one?.id);
  const [short, medium, long] = await Promise.all(
    ['short_term', 'medium_term', 'long_term'].map((range) =>
      ids(`/me/top/tracks?time_range=${range}&limit=50`),
    ),
  );
  assert.equal(short?.length, 90);
  assert.notDeepEqual(short, medium);
  assert.notDeepEqual(medium, long);
  assert.deepEqual(await ids('/me/top/tracks'), medium);
  const artists = (await get<Paging>('/me/top/artists?limit=3&offset=2', access)).body;
  assert.deepEqual([artists.items.length, artists.total, artists.items[0]?.type], [3, 16, 'artist']);
  assert.ok(artists.next?.includes('/me/top/artists?limit=3&offset=5'));

  for (const query of ['time_range=year', 'time_range=', 'limit=51', 'limit=0', 'offset=-1']) {
    assert.equal((await get(`/me/top/artists?${query}`, access)).status, 400, query);
  }
  const without = (await signIn('mara', '')).access;
  assert.equal((await get('/me/top/tracks', without)).body.error?.message, 'Insufficient client scope');
  assert.equal((await get<Paging>('/me/top/tracks', (await signIn('jonas')).access)).body.total, 0);
  assert.equal((await get('/me/top/albums', access)).status, 403);
});
