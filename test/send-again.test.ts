import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTurntable, type Turntable } from './support/turntable.ts';

const odd = '"><script>alert(1)</script>';

async function signedIn({ browser }: Turntable, query = '') {
  const mara = browser();
  await mara.signIn('mara', query);
  return mara;
}

test('where Spotify fails, a form comes back with all that was sent, as text and nothing else', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable, '?allow=user-modify-playback-state');
  turntable.simulator.fault({ on: 'api', answer: { status: 502, body: '' }, times: 9 });

  const { text } = await mara
    .post('/player/pause')
    .type('form')
    .send({ once: 'a', returnTo: '/now-playing', more: odd })
    .expect(502);

  assert.match(text, /<form method="post" action="\/player\/pause">/);
  assert.match(text, /name="once" value="a"/);
  assert.match(text, /name="more" value="&#34;&gt;&lt;script&gt;/);
  assert.match(text, /href="\/now-playing">Go back</);
  assert.ok(!text.includes(odd));
});

test('what was refused for good is not offered again, nor what comes from elsewhere, nor to programs', async (t) => {
  const turntable = await startTurntable(t);
  const mara = await signedIn(turntable);
  const refused = await mara.post('/player/pause').type('form').send({ once: 'a' }).expect(403);
  assert.doesNotMatch(refused.text, /Send it again/);

  turntable.simulator.fault({ on: 'api', answer: { status: 502, body: '' }, times: 9 });
  const foreign = await mara
    .post('/player/pause')
    .set('Sec-Fetch-Site', 'cross-site')
    .type('form')
    .send({ more: 'theirs' })
    .expect(403);
  assert.doesNotMatch(foreign.text, /theirs/);
  const program = await mara.post('/player/pause').set('Accept', 'application/json').send({ more: 'mine' });
  assert.doesNotMatch(program.text, /mine/);
  assert.doesNotMatch(
    (await mara.get('/playlists').expect(502)).text,
    /Send it again/,
    'a page is loaded again',
  );
});
