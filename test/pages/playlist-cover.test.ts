import assert from 'node:assert/strict';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

/** The beginning and the end of a JPEG, with zeros in between. */
function jpeg(bytes: number): Buffer {
  return Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(bytes - 6), Buffer.from('ffd9', 'hex')]);
}
const maxBytes = 187 * 1024;

/** Noor, and one of her playlists. */
async function start(t: Parameters<typeof startTurntable>[0], query = `${allowAll}+ugc-image-upload`) {
  const turntable = await startTurntable(t);
  const person = turntable.browser();
  await person.signIn('noor', query);
  const { playlists } = (await person.getJson('/playlists').expect(200)).body;
  const path = (name: string) =>
    `/playlists/${playlists.find((one: { name: string }) => one.name === name)?.id}`;
  return { ...turntable, person, path };
}

const coverOf = async (person: Browser, path: string): Promise<string | undefined> =>
  (await person.getJson(`${path}?notice=cover-changed`).expect(200)).body.playlist.covers[0]?.url;

test('a JPEG is uploaded with a form, in one call, and shown when Spotify shows it', async (t) => {
  const { person, path, simulator, clock } = await start(t);
  const own = path('Morning walk');
  assert.match((await person.get(own).expect(200)).text, new RegExp(`href="${own}/cover">Change cover`));
  const page = await person.get(`${own}/cover`).expect(200);
  assert.match(page.text, /enctype="multipart\/form-data"[\s\S]*accept="image\/jpeg"/);
  assert.match(page.text, /a JPEG of up to 187 KB[\s\S]*there’s no Undo/);
  const before = await coverOf(person, own);
  const picture = jpeg(maxBytes);
  simulator.forgetCalls();
  const upload = () =>
    person
      .post(`${own}/cover`)
      .field('idempotencyKey', 'x')
      .attach('picture', picture, 'cover.jpg')
      .expect(303);

  const left = await upload();
  await upload();

  assert.equal(left.headers.location, `${own}?notice=cover-changed`);
  assert.deepEqual(apiRequests(simulator), [`PUT ${own}/images`], 'the same form uploads once');
  const after = await person.get(left.headers.location ?? '').expect(200);
  assert.match(after.text, /Cover uploaded\. Spotify may take a few minutes to show it\./);
  assert.equal(await coverOf(person, own), before, 'not yet');
  clock.advance({ minutes: 1 });
  const url = await coverOf(person, own);
  assert.match(String(url), /uploaded/);
  assert.deepEqual(Buffer.from(await (await fetch(String(url))).arrayBuffer()), picture);
});

test('a program sends a JPEG as the body', async (t) => {
  const { person, path } = await start(t);
  const own = path('Morning walk');
  const send = person
    .post(`${own}/cover`)
    .set('Accept', 'application/json')
    .set('Content-Type', 'image/jpeg');
  const { body } = await send.send(jpeg(1_000)).expect(200);
  assert.match(body.text, /Cover uploaded/);
});

test('a file that is too large, or no JPEG, is refused before Spotify is asked', async (t) => {
  const { person, path, simulator } = await start(t);
  const own = path('Morning walk');
  simulator.forgetCalls();
  const upload = (picture: Buffer) => person.post(`${own}/cover`).attach('picture', picture, 'cover.jpg');

  for (const bytes of [maxBytes + 1, maxBytes + 100_000]) {
    const page = await upload(jpeg(bytes)).set('Accept', 'text/html').expect(413);
    assert.match(page.text, /This picture is too large[\s\S]*covers of up to 187 KB/);
  }
  const png = Buffer.from('89504e470d0a1a0a', 'hex');
  assert.match((await upload(png).expect(415)).text, /This isn’t a JPEG/);
  await upload(Buffer.alloc(0)).expect(400);
  await person.post(`${own}/cover`).field('idempotencyKey', 'x').expect(400);
  await person.post(`${own}/cover`).expect(400);
  const odd = person.post(`${own}/cover`).set('Content-Type', 'multipart/form-data; boundary=x');
  assert.match((await odd.send('--y\r\nnonsense').expect(400)).text, /Which picture\?/);
  assert.deepEqual(apiRequests(simulator), []);
});

test('the permission for covers is part of the one consent for changes', async (t) => {
  const { person, path, simulator } = await start(t, allowAll);
  const own = path('Morning walk');
  const page = await person.get(`${own}/cover`).expect(200);
  const [, way = ''] = /href="(\/login\?[^"]+)">Turn on full control/.exec(page.text) ?? [];
  assert.match(way, /allow=user-modify-playback-state\+.*\+ugc-image-upload$/);
  simulator.forgetCalls();
  const refused = await person.post(`${own}/cover`).attach('picture', jpeg(100), 'c.jpg').expect(403);
  assert.match(refused.text, /This needs more permission/);
  assert.deepEqual(apiRequests(simulator), []);
  const back = await person.signIn('noor', way.replaceAll('&amp;', '&').replace('/login', ''));
  assert.equal(back.headers.location, `${own}/cover`);
  assert.match((await person.get(`${own}/cover`).expect(200)).text, /Upload cover/);
});

test('only the owner can change a cover', async (t) => {
  const { person, path } = await start(t);
  const shared = path('Flat party');
  assert.match(
    (await person.get(`${shared}/cover`).expect(200)).text,
    /Only the owner of a playlist can change its cover/,
  );
  await person.post(`${shared}/cover`).attach('picture', jpeg(100), 'c.jpg').expect(403);
});
