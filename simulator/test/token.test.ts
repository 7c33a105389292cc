import assert from 'node:assert/strict';
import test from 'node:test';
import {
  basic,
  challenge,
  client,
  everyScope,
  redirectUri,
  startTestSimulator,
  verifier,
} from './start-test-simulator.ts';

const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };

test('a code can be exchanged for tokens once', async (t) => {
  const { approve, redeem } = await startTestSimulator(t);
  const code = await approve('mara');
  const { status, body } = await redeem(code);
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body).sort(), [
    'access_token',
    'expires_in',
    'refresh_token',
    'scope',
    'token_type',
  ]);
  assert.equal(body.expires_in, 3600);
  assert.equal(body.scope, everyScope);
  assert.deepEqual(await redeem(code), {
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Invalid authorization code' },
  });
});

test('a code expires after five minutes and is bound to its redirect URI', async (t) => {
  const { approve, redeem, clock } = await startTestSimulator(t);
  const late = await approve('mara');
  clock.ms += 5 * 60_000;
  assert.equal((await redeem(late)).body.error_description, 'Authorization code expired');
  const other = await redeem(await approve('mara'), { redirect_uri: `${redirectUri}?a` });
  assert.deepEqual(other.body, { error: 'invalid_grant', error_description: 'Invalid redirect URI' });
});

test('a code with a challenge needs the matching verifier', async (t) => {
  const { approve, redeem, requestToken } = await startTestSimulator(t);
  assert.deepEqual((await redeem(await approve('mara', pkce))).body, {
    error: 'invalid_request',
    error_description: 'code_verifier required',
  });
  const wrong = { code_verifier: verifier.replace('a', 'b') };
  assert.equal(
    (await redeem(await approve('mara', pkce), wrong)).body.error_description,
    'code_verifier was incorrect',
  );
  assert.equal(
    (await redeem(await approve('mara', pkce), { code_verifier: 'short' })).body.error_description,
    'code_verifier was invalid',
  );
  assert.equal((await redeem(await approve('mara'), { code_verifier: verifier })).status, 400);
  assert.equal((await redeem(await approve('mara', pkce), { code_verifier: verifier })).status, 200);

  const form = (code: string) => ({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    client_id: client.clientId,
  });
  const withoutSecret = await requestToken(
    { ...form(await approve('mara', pkce)), code_verifier: verifier },
    {},
  );
  assert.equal(withoutSecret.status, 200, 'the verifier replaces the secret');
  assert.equal((await requestToken(form(await approve('mara')), {})).body.error, 'invalid_client');
});

test('token requests need the client’s credentials and a form', async (t) => {
  const { simulator, approve, requestToken } = await startTestSimulator(t);
  const form = { grant_type: 'client_credentials' };
  const secretInBody = { ...form, client_id: client.clientId, client_secret: client.clientSecret };
  assert.equal((await requestToken(form)).status, 200);
  assert.equal((await requestToken(secretInBody, {})).status, 200);
  const refused = async (headers: Record<string, string>, fields: Record<string, string> = form) =>
    (await requestToken(fields, headers)).body;
  assert.deepEqual(await refused({}), { error: 'invalid_client', error_description: 'Invalid client' });
  assert.deepEqual(await refused({ authorization: `Basic ${btoa('the-client')}` }), {
    error: 'invalid_client',
  });
  assert.deepEqual(await refused({ authorization: `Basic ${btoa('another:the-secret')}` }), {
    error: 'invalid_client',
    error_description: 'Invalid client',
  });
  assert.deepEqual(await refused({ authorization: `Basic ${btoa('the-client:wrong')}` }), {
    error: 'invalid_client',
    error_description: 'Invalid client secret',
  });
  assert.equal((await refused({ authorization: basic }, {})).error, 'unsupported_grant_type');
  assert.equal(
    (await refused({ authorization: basic }, { grant_type: 'password' })).error,
    'unsupported_grant_type',
  );

  const asJson = await fetch(`${simulator.accountsUrl}/api/token`, {
    method: 'POST',
    headers: { authorization: basic, 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'authorization_code',
      code: await approve('mara'),
      redirect_uri: redirectUri,
    }),
  });
  assert.equal(asJson.status, 400);
  assert.equal(((await asJson.json()) as { error: string }).error, 'unsupported_grant_type');
});

test('an app token has no scope and no refresh token', async (t) => {
  const { requestToken } = await startTestSimulator(t);
  const { body } = await requestToken({ grant_type: 'client_credentials' });
  assert.deepEqual(Object.keys(body).sort(), ['access_token', 'expires_in', 'token_type']);
});

test('a consent can grant fewer scopes than requested', async (t) => {
  const { simulator, approve, redeem } = await startTestSimulator(t);
  simulator.settings.grantedScope = 'playlist-read-private';
  assert.equal((await redeem(await approve('mara'))).body.scope, 'playlist-read-private');
});

test('without rotation, a refresh token stays valid and isn’t sent again', async (t) => {
  const { signIn, refresh, get, clock } = await startTestSimulator(t);
  const tokens = await signIn('mara');
  clock.ms += 3_600_000;
  assert.equal((await get('/me', tokens.access)).status, 401);
  const first = await refresh(tokens.refresh);
  assert.equal('refresh_token' in first.body, false);
  assert.equal((await get('/me', first.body.access_token ?? '')).status, 200);
  assert.equal((await refresh(tokens.refresh)).status, 200);
  assert.equal((await refresh('unknown')).body.error, 'invalid_grant');
});

const revoked = { error: 'invalid_grant', error_description: 'Refresh token revoked' };

test('strict rotation: the old refresh token stops working, the new one works', async (t) => {
  const { simulator, signIn, refresh } = await startTestSimulator(t);
  simulator.settings.rotation = 'strict';
  const tokens = await signIn('mara');
  const next = (await refresh(tokens.refresh)).body.refresh_token ?? '';
  assert.notEqual(next, '');
  assert.deepEqual((await refresh(tokens.refresh)).body, revoked);
  assert.equal((await refresh(next)).status, 200);
});

test('family rotation: using a replaced refresh token revokes its whole family', async (t) => {
  const { simulator, signIn, refresh, get } = await startTestSimulator(t);
  simulator.settings.rotation = 'family';
  const [tokens, other] = [await signIn('mara'), await signIn('mara')];
  const next = (await refresh(tokens.refresh)).body;
  assert.deepEqual((await refresh(tokens.refresh)).body, revoked);
  assert.deepEqual((await refresh(next.refresh_token ?? '')).body, revoked);
  assert.equal((await get('/me', next.access_token ?? '')).status, 401);
  assert.equal((await get('/me', other.access)).status, 200, 'another consent isn’t affected');
});

test('grace rotation: the old refresh token works for another 30 seconds', async (t) => {
  const { simulator, signIn, refresh, clock } = await startTestSimulator(t);
  simulator.settings.rotation = 'grace';
  const tokens = await signIn('mara');
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 29_999;
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 1;
  assert.deepEqual((await refresh(tokens.refresh)).body, revoked);
});

test('a refresh token expires six months after the consent, however often it was used', async (t) => {
  const { simulator, signIn, refresh, get, clock } = await startTestSimulator(t);
  const tokens = await signIn('mara');
  clock.ms += simulator.settings.consentLifetimeMs - 1;
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 1;
  const expired = { error: 'invalid_grant', error_description: 'Refresh token expired' };
  assert.deepEqual((await refresh(tokens.refresh)).body, expired);

  const [mara, noor] = [await signIn('mara'), await signIn('noor')];
  simulator.expireConsents('mara');
  assert.deepEqual((await refresh(mara.refresh)).body, expired);
  assert.equal((await get('/me', mara.access)).status, 200, 'the access token is still valid');
  assert.equal((await refresh(noor.refresh)).status, 200);
});

test('revoking a grant ends both its refresh token and its access token', async (t) => {
  const { simulator, signIn, refresh, get } = await startTestSimulator(t);
  const [mara, noor] = [await signIn('mara'), await signIn('noor')];
  simulator.revokeGrants('mara');
  assert.deepEqual((await refresh(mara.refresh)).body, revoked);
  assert.equal((await get('/me', mara.access)).status, 401);
  assert.equal((await get('/me', noor.access)).status, 200);
});

test('expired access tokens can be refreshed', async (t) => {
  const { simulator, signIn, refresh, get } = await startTestSimulator(t);
  const tokens = await signIn('mara');
  simulator.expireAccessTokens();
  const expired = await get('/me', tokens.access);
  assert.equal(expired.status, 401);
  assert.equal(expired.text, '{"error":{"status":401,"message":"The access token expired"}}');
  assert.equal((await refresh(tokens.refresh)).status, 200);
});
