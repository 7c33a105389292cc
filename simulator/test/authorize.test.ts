import assert from 'node:assert/strict';
import test from 'node:test';
import { challenge, redirectUri, visit } from './visit.ts';

test('a wrong app is told so on a page of its own and never sent back', async (t) => {
  const { authorizeUrl, simulator } = await visit(t);
  simulator.registerRedirectUri('http://localhost:3000/callback');
  simulator.registerRedirectUri('http://192.168.1.20/callback');
  const cases: [Record<string, string | null>, string][] = [
    [{ client_id: 'another' }, 'INVALID_CLIENT: Failed to get client'],
    [{ client_id: null }, 'INVALID_CLIENT: Failed to get client'],
    [{ redirect_uri: null }, 'INVALID_CLIENT: Invalid redirect URI'],
    [{ redirect_uri: `${redirectUri}/` }, 'INVALID_CLIENT: Invalid redirect URI'],
    [{ redirect_uri: 'http://127.0.0.1:3001/callback' }, 'INVALID_CLIENT: Invalid redirect URI'],
    [{ redirect_uri: 'http://localhost:3000/callback' }, 'INVALID_CLIENT: Insecure redirect URI'],
    [{ redirect_uri: 'http://192.168.1.20/callback' }, 'INVALID_CLIENT: Insecure redirect URI'],
    [{ response_type: 'token' }, 'response_type must be code'],
    [{ scope: 'user-read-everything' }, 'Illegal scope'],
    [{ code_challenge: challenge }, 'code_challenge_method must be S256'],
    [{ code_challenge: challenge, code_challenge_method: 'plain' }, 'code_challenge_method must be S256'],
    [{ code_challenge: `${challenge}=`, code_challenge_method: 'S256' }, 'code_challenge must be'],
    [{ code_challenge_method: 'S256' }, 'code_challenge must be'],
  ];
  for (const [changes, words] of cases) {
    const answer = await fetch(authorizeUrl(changes), { redirect: 'manual' });
    assert.equal(answer.status, 400, JSON.stringify(changes));
    assert.ok((await answer.text()).includes(words), words);
    await assert.rejects(simulator.agree(authorizeUrl(changes), 'mara'), new RegExp(words));
  }
});

test('a loopback address registered without a port may be used with any', async (t) => {
  const { authorizeUrl, simulator } = await visit(t, { redirectUris: ['http://127.0.0.1/callback'] });
  const back = await simulator.agree(
    authorizeUrl({ redirect_uri: 'http://127.0.0.1:4321/callback' }),
    'mara',
  );
  assert.match(back, /^http:\/\/127\.0\.0\.1:4321\/callback\?code=/);
});

test('the page asks who it is, and the answer goes back with code and state', async (t) => {
  const { authorizeUrl } = await visit(t);
  const page = await fetch(authorizeUrl());
  const html = await page.text();
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /form-action 'self' http:\/\/127\.0\.0\.1:3000;/,
  );
  assert.ok(html.includes('not Spotify'));
  assert.ok(html.includes('See your private playlists'));
  assert.equal(html.match(/type="radio"/g)?.length, 3);

  const agreed = await press(authorizeUrl(), { simulator_decision: 'agree', simulator_listener: 'noor' });
  assert.equal(agreed.status, 303);
  const back = new URL(agreed.headers.get('location') ?? '');
  assert.equal(back.origin + back.pathname, redirectUri);
  assert.ok(back.searchParams.get('code'));
  assert.equal(back.searchParams.get('state'), 'the-state');
  assert.match(agreed.headers.get('set-cookie') ?? '', /^simulator_/);

  const cancelled = await press(authorizeUrl(), { simulator_decision: 'cancel' });
  assert.equal(cancelled.headers.get('location'), `${redirectUri}?error=access_denied&state=the-state`);
});

test('the answer is checked like the question', async (t) => {
  const { authorizeUrl } = await visit(t);
  const agree = { simulator_decision: 'agree', simulator_listener: 'mara' };
  for (const [url, fields] of [
    [authorizeUrl({ redirect_uri: 'https://elsewhere.example/' }), agree],
    [authorizeUrl({ client_id: 'another' }), agree],
    [authorizeUrl(), { ...agree, simulator_listener: 'nobody' }],
    [authorizeUrl(), { simulator_listener: 'mara' }],
  ] as const) {
    assert.equal((await press(url, fields)).status, 400);
  }
});

test('who has approved is not asked again, unless the app wants the dialog or more scopes', async (t) => {
  const { authorizeUrl, simulator } = await visit(t);
  const scope = 'playlist-read-private';
  const agreed = await press(authorizeUrl({ scope }), {
    simulator_decision: 'agree',
    simulator_listener: 'mara',
  });
  const cookie = agreed.headers.get('set-cookie')?.split(';')[0] ?? '';
  const visitAgain = async (changes: Record<string, string>) =>
    (await fetch(authorizeUrl({ scope, ...changes }), { headers: { cookie }, redirect: 'manual' })).status;

  assert.equal(await visitAgain({}), 302);
  assert.equal(await visitAgain({ show_dialog: 'true' }), 200);
  assert.equal(await visitAgain({ scope: `${scope} user-read-private` }), 200);
  simulator.revokeGrants('mara');
  assert.equal(await visitAgain({}), 200);
});

/** Sends the form on the page at `url`. */
function press(url: string, fields: Record<string, string>) {
  const { origin, pathname, searchParams } = new URL(url);
  for (const [name, value] of Object.entries(fields)) searchParams.set(name, value);
  return fetch(origin + pathname, { method: 'POST', body: searchParams, redirect: 'manual' });
}
