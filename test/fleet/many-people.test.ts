import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFleet } from '../support/fleet.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { testTiming as timing } from '../support/timing.ts';

test('fifty people on four servers: in thousands of pages, no one sees anything of anyone else’s', async (t) => {
  const guests = 50;
  const fleet = await createFleet(t, { extraListeners: guests, timing });
  const { simulator } = fleet;
  const servers = await fleet.startMany(4);
  const [first] = servers;
  assert.ok(first);

  // Each has a device, a playlist and a saved track whose names or kinds are unique to them.
  const tracks = (await first.browser().getJson('/search?q=a&type=track&page=1').expect(200)).body.tracks
    .items;
  for (let page = 2; tracks.length < guests; page += 1) {
    tracks.push(...(await first.browser().getJson(`/search?q=a&type=track&page=${page}`)).body.tracks.items);
  }
  const people = await Promise.all(
    Array.from({ length: guests }, async (_, index) => {
      const name = `guest${index + 1}`;
      const person = first.browser();
      await person.signIn(name, allowAll);
      simulator.plays(name, { kind: 'music' }, `Guest${index + 1}’s phone`);
      const form = (path: string, sent: object) => person.post(path).type('form').send(sent).expect(303);
      await form('/playlists', { name: `The canary of ${name}.` });
      await form('/library/save', { uri: tracks[index].uri });
      const link = tracks[index].link;
      const theirs = [
        `on <bdi>Guest${index + 1}’s phone</bdi>`,
        `The canary of ${name}.`,
        `<a href="${link}">`,
      ];
      return { name, cookieHeader: person.cookieHeader, theirs };
    }),
  );
  const paths = ['/now-playing', '/playlists', '/library'];
  const marks = /on <bdi>Guest\d+’s phone<\/bdi>|The canary of guest\d+\./g;
  const links = new Set(tracks.slice(0, guests).map(({ link }: { link: string }) => `<a href="${link}">`));

  let visits = 0;
  const late = 0;
  const crossed: string[] = [];
  const work = Array.from({ length: 4_000 }, () => 0);
  const visitor = async () => {
    while (work.pop() !== undefined) {
      const [person, server] = [any(people), any(servers)];
      const at = Math.floor(Math.random() * paths.length);
      const { status, text } = await server.visit(person, paths[at]);
      assert.equal(status, 200, `${person.name} ${paths[at]}`);
      visits += 1;
      if (!text.includes(person.theirs[at] ?? ''))
        crossed.push(`${paths[at]} without what is ${person.name}’s`);
      const seen = [...(text.match(marks) ?? [])];
      if (paths[at] === '/library')
        seen.push(
          ...[...text.matchAll(/<a href="[^"]+">/g)].map(([one]) => one).filter((one) => links.has(one)),
        );
      const others = seen.filter((one) => !person.theirs.includes(one));
      if (others.length > 0) crossed.push(`${person.name} saw ${others} on ${paths[at]}`);
      if (visits % 500 === 0) await fleet.advance({ seconds: 1 });
    }
  };
  await Promise.all(Array.from({ length: 16 }, visitor));

  t.diagnostic(
    `${visits} pages, ${apiRequests(simulator).length} calls to Spotify, ${late} late, ${crossed.length} crossings`,
  );
  assert.deepEqual(crossed, []);
  assert.equal(visits, 4_000);
  assert.ok(late < 40, `${late} of them late`);
  assert.ok(apiRequests(simulator).length < visits, 'much of it was cached');
});

function any<T>(of: readonly T[]): T {
  return of[Math.floor(Math.random() * of.length)] as T;
}
