import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersions } from '../simulator.ts';
import { type SpotifyObject, startTestSimulator } from './start-test-simulator.ts';

type Linked = SpotifyObject & { linked_from?: SpotifyObject; restrictions?: { reason: string } };
type List = { items: { item?: Linked; track?: Linked }[] };

for (const apiVersion of apiVersions) {
  test(`a track is relinked only if the request names a market (${apiVersion})`, async (t) => {
    const { simulator, signIn, send } = await startTestSimulator(t, { apiVersion });
    const { access } = await signIn('mara');
    const ask = async <A>(path: string) => (await send<A>('GET', `${simulator.apiUrl}${path}`, access)).body;
    const saved = (await ask<List>('/me/tracks?limit=3')).items.map(({ track }) => track ?? assert.fail());
    const [original, other, playable] = saved;
    const lists = (await ask<{ items: SpotifyObject[] }>('/me/playlists')).items;
    const contents = `/playlists/${lists[0]?.id}/${apiVersion === 'legacy' ? 'tracks' : 'items'}?limit=1`;
    const listed = (await ask<List>(contents)).items[0] ?? assert.fail();
    const listedTrack = listed.item ?? listed.track ?? assert.fail();
    const { unavailable } = simulator.settings;
    unavailable.set(String(original?.uri), { instead: String(other?.uri) });
    unavailable.set(String(listedTrack.uri), { instead: String(other?.uri) });

    const relinked = async (path: string): Promise<Linked> => {
      const response = await ask<List & Linked>(path);
      const [first] = response.items ?? [{ item: response }];
      return first?.item ?? first?.track ?? assert.fail(path);
    };
    for (const [path, from] of [
      ['/me/tracks?limit=1', original],
      [`/tracks/${original?.id}?`, original],
      [contents, listedTrack],
    ] as const) {
      const withoutMarket = await relinked(path);
      assert.equal(withoutMarket.uri, from?.uri);
      assert.ok(!('is_playable' in withoutMarket) && !('linked_from' in withoutMarket));

      const inMarket = await relinked(`${path}&market=SE`);
      assert.equal(inMarket.uri, other?.uri);
      assert.equal(inMarket.is_playable, true);
      // Removed for apps in Development Mode in February 2026.
      assert.equal(inMarket.linked_from?.uri, apiVersion === '2026-02' ? undefined : from?.uri);
    }

    unavailable.set(String(original?.uri), { reason: 'product' });
    const restricted = await relinked('/me/tracks?limit=1&market=SE');
    assert.equal(restricted.uri, original?.uri);
    assert.deepEqual([restricted.is_playable, restricted.restrictions], [false, { reason: 'product' }]);
    assert.equal((await relinked(`/tracks/${playable?.id}?market=SE`)).is_playable, true);
    for (const market of ['from_token', 'se', 'Sweden', ''])
      assert.equal((await send('GET', `${simulator.apiUrl}/me/tracks?market=${market}`, access)).status, 400);
  });
}
