import assert from 'node:assert/strict';
import test from 'node:test';
import { type Paging, startTestSimulator } from './start-test-simulator.ts';

for (const [apiVersion, path] of [
  ['2026-02', 'items'],
  ['legacy', 'tracks'],
] as const)
  test(`items can be moved and replaced, in the latest version of a playlist only (${apiVersion})`, async (t) => {
    const { signIn, get, send } = await startTestSimulator(t, { apiVersion });
    const { access } = await signIn('mara');
    const lists = (await get<Paging>('/me/playlists?limit=1', access)).body.items;
    const url = `/playlists/${lists[0]?.id}`;
    const contents = async () =>
      (await get<Paging>(`${url}/${path}`, access)).body.items.map(
        (entry) => (entry?.item ?? entry?.track)?.uri,
      );
    const put = async (body: object) => {
      const { status, body: answer } = await send('PUT', `${url}/${path}`, access, body);
      return answer?.error ? `${status} ${answer.error.message}` : status;
    };
    const [a, b, c, ...rest] = await contents();
    const before = (await get(url, access)).body.snapshot_id;

    assert.equal(await put({ range_start: 0, insert_before: 3, snapshot_id: before }), 200);
    assert.deepEqual((await contents()).slice(0, 3), [b, c, a]);
    assert.equal(await put({ range_start: 1, insert_before: 0, range_length: 2 }), 200);
    assert.deepEqual((await contents()).slice(0, 3), [c, a, b]);
    assert.equal(
      await put({ range_start: 0, insert_before: 2, snapshot_id: before }),
      '400 Missing or bad version tag',
    );
    for (const [body, message] of [
      [{ insert_before: 1 }, 'Missing required field: range_start'],
      [{ range_start: 1 }, 'Missing required field: insert_before'],
      [{ range_start: 20, insert_before: 0 }, 'Invalid range'],
      [{ range_start: 0, insert_before: 21 }, 'Invalid range'],
      [{ range_start: 19, insert_before: 0, range_length: 2 }, 'Invalid range'],
      [{ range_start: 0, insert_before: 1, uris: [a] }, 'Invalid range'],
      [{ range_start: -1, insert_before: 1 }, 'Invalid range_start'],
      [{ uris: Array.from({ length: 101 }, () => a) }, 'You can add a maximum of 100 tracks per request.'],
    ] as const)
      assert.equal(await put(body), `400 ${message}`);
    assert.deepEqual(await contents(), [c, a, b, ...rest]);
    assert.equal(await put({ uris: [b, b] }), 200);
    assert.deepEqual(await contents(), [b, b]);
    assert.equal(await put({ uris: [] }), 200);
    assert.deepEqual(await contents(), []);
  });
