import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersions } from '../simulator.ts';
import { type Thing, visit } from './visit.ts';

type Linked = Thing & { linked_from?: Thing; restrictions?: { reason: string } };
type List = { items: { item?: Linked; track?: Linked }[] };

for (const apiVersion of apiVersions) {
  test(`a track is relinked for who names a market, and only then (${apiVersion})`, async (t) => {
    const { simulator, signIn, send } = await visit(t, { apiVersion });
    const { access } = await signIn('mara');
    const ask = async <A>(path: string) => (await send<A>('GET', `${simulator.apiUrl}${path}`, access)).body;
    const saved = (await ask<List>('/me/tracks?limit=3')).items.map(({ track }) => track ?? assert.fail());
    const [original, other, playable] = saved;
    const lists = (await ask<{ items: Thing[] }>('/me/playlists')).items;
    const contents = `/playlists/${lists[0]?.id}/${apiVersion === 'legacy' ? 'tracks' : 'items'}?limit=1`;
    const listed = (await ask<List>(contents)).items[0] ?? assert.fail();
    const inList = listed.item ?? listed.track ?? assert.fail();
    const { unavailable } = simulator.settings;
    unavailable.set(String(original?.uri), { instead: String(other?.uri) });
    unavailable.set(String(inList.uri), { instead: String(other?.uri) });

    const relinked = async (path: string): Promise<Linked> => {
      const answer = await ask<List & Linked>(path);
      const [first] = answer.items ?? [{ item: answer }];
      return first?.item ?? first?.track ?? assert.fail(path);
    };
    for (const [path, from] of [
      ['/me/tracks?limit=1', original],
      [`/tracks/${original?.id}?`, original],
      [contents, inList],
    ] as const) {
      const without = await relinked(path);
      assert.equal(without.uri, from?.uri);
      assert.ok(!('is_playable' in without) && !('linked_from' in without));

      const there = await relinked(`${path}&market=SE`);
      assert.equal(there.uri, other?.uri);
      assert.equal(there.is_playable, true);
      // Removed for apps in Development Mode in February 2026.
      assert.equal(there.linked_from?.uri, apiVersion === '2026-02' ? undefined : from?.uri);
    }

    unavailable.set(String(original?.uri), { reason: 'product' });
    const refused = await relinked('/me/tracks?limit=1&market=SE');
    assert.equal(refused.uri, original?.uri);
    assert.deepEqual([refused.is_playable, refused.restrictions], [false, { reason: 'product' }]);
    assert.equal((await relinked(`/tracks/${playable?.id}?market=SE`)).is_playable, true);
    for (const market of ['from_token', 'se', 'Sweden', ''])
      assert.equal((await send('GET', `${simulator.apiUrl}/me/tracks?market=${market}`, access)).status, 400);
  });
}
