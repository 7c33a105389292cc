import assert from 'node:assert/strict';
import test from 'node:test';
import { challenge, redirectUri, startTestSimulator } from './start-test-simulator.ts';

test('an invalid request gets an error page and no redirect', async (t) => {
  const { authorizeUrl, simulator } = await startTestSimulator(t);
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
  for (const [changes, message] of cases) {
    const response = await fetch(authorizeUrl(changes), { redirect: 'manual' });
    assert.equal(response.status, 400, JSON.stringify(changes));
    assert.ok((await response.text()).includes(message), message);
    await assert.rejects(simulator.agree(authorizeUrl(changes), 'mara'), new RegExp(message));
  }
});

test('a loopback redirect URI registered without a port allows any port', async (t) => {
  const { authorizeUrl, simulator } = await startTestSimulator(t, {
    redirectUris: ['http://127.0.0.1/callback'],
  });
  const redirect = await simulator.agree(
    authorizeUrl({ redirect_uri: 'http://127.0.0.1:4321/callback' }),
    'mara',
  );
  assert.match(redirect, /^http:\/\/127\.0\.0\.1:4321\/callback\?code=/);
});

test('agreeing redirects back with a code and the state, canceling with an error', async (t) => {
  const { authorizeUrl } = await startTestSimulator(t);
  const page = await fetch(authorizeUrl());
  const html = await page.text();
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /form-action 'self' http:\/\/127\.0\.0\.1:3000;/,
  );
  assert.ok(html.includes('not Spotify'));
  assert.ok(html.includes('See your private playlists'));
  assert.equal(html.match(/type="radio"/g)?.length, 3);

  const agreed = await submit(authorizeUrl(), { simulator_decision: 'agree', simulator_listener: 'noor' });
  assert.equal(agreed.status, 303);
  const redirect = new URL(agreed.headers.get('location') ?? '');
  assert.equal(redirect.origin + redirect.pathname, redirectUri);
  assert.ok(redirect.searchParams.get('code'));
  assert.equal(redirect.searchParams.get('state'), 'the-state');
  assert.match(agreed.headers.get('set-cookie') ?? '', /^simulator_/);

  const canceled = await submit(authorizeUrl(), { simulator_decision: 'cancel' });
  assert.equal(canceled.headers.get('location'), `${redirectUri}?error=access_denied&state=the-state`);
});

test('the consent form is validated like the request', async (t) => {
  const { authorizeUrl } = await startTestSimulator(t);
  const agree = { simulator_decision: 'agree', simulator_listener: 'mara' };
  for (const [url, fields] of [
    [authorizeUrl({ redirect_uri: 'https://elsewhere.example/' }), agree],
    [authorizeUrl({ client_id: 'another' }), agree],
    [authorizeUrl(), { ...agree, simulator_listener: 'no-one' }],
    [authorizeUrl(), { simulator_listener: 'mara' }],
  ] as const) {
    assert.equal((await submit(url, fields)).status, 400);
  }
});

test('a listener isn’t asked again, except for the dialog, for more scopes or after removing the app', async (t) => {
  const { authorizeUrl, simulator } = await startTestSimulator(t);
  const scope = 'playlist-read-private';
  const agreed = await submit(authorizeUrl({ scope }), {
    simulator_decision: 'agree',
    simulator_listener: 'mara',
  });
  const cookie = agreed.headers.get('set-cookie')?.split(';')[0] ?? '';
  const statusOfNextVisit = async (changes: Record<string, string>) =>
    (await fetch(authorizeUrl({ scope, ...changes }), { headers: { cookie }, redirect: 'manual' })).status;

  assert.equal(await statusOfNextVisit({}), 302);
  assert.equal(await statusOfNextVisit({ show_dialog: 'true' }), 200);
  assert.equal(await statusOfNextVisit({ scope: `${scope} user-read-private` }), 200);
  simulator.revokeGrants('mara');
  assert.equal(await statusOfNextVisit({}), 200);
});

/** Submits the consent form of an authorize URL. */
function submit(url: string, fields: Record<string, string>) {
  const { origin, pathname, searchParams } = new URL(url);
  for (const [name, value] of Object.entries(fields)) searchParams.set(name, value);
  return fetch(origin + pathname, { method: 'POST', body: searchParams, redirect: 'manual' });
}
