import assert from 'node:assert/strict';
import test from 'node:test';
import { basic, challenge, client, everyScope, redirectUri, verifier, visit } from './visit.ts';

const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };

test('a code gives tokens once', async (t) => {
  const { code, redeem } = await visit(t);
  const given = await code('mara');
  const { status, body } = await redeem(given);
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
  assert.deepEqual(await redeem(given), {
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Invalid authorization code' },
  });
});

test('a code ends after five minutes and is bound to its redirect address', async (t) => {
  const { code, redeem, clock } = await visit(t);
  const late = await code('mara');
  clock.ms += 5 * 60_000;
  assert.equal((await redeem(late)).body.error_description, 'Authorization code expired');
  const other = await redeem(await code('mara'), { redirect_uri: `${redirectUri}?a` });
  assert.deepEqual(other.body, { error: 'invalid_grant', error_description: 'Invalid redirect URI' });
});

test('a challenge has to be answered by its verifier', async (t) => {
  const { code, redeem, token } = await visit(t);
  assert.deepEqual((await redeem(await code('mara', pkce))).body, {
    error: 'invalid_request',
    error_description: 'code_verifier required',
  });
  const wrong = { code_verifier: verifier.replace('a', 'b') };
  assert.equal(
    (await redeem(await code('mara', pkce), wrong)).body.error_description,
    'code_verifier was incorrect',
  );
  assert.equal(
    (await redeem(await code('mara', pkce), { code_verifier: 'short' })).body.error_description,
    'code_verifier was invalid',
  );
  assert.equal((await redeem(await code('mara'), { code_verifier: verifier })).status, 400);
  assert.equal((await redeem(await code('mara', pkce), { code_verifier: verifier })).status, 200);

  const form = (given: string) => ({
    grant_type: 'authorization_code',
    code: given,
    redirect_uri: redirectUri,
    client_id: client.clientId,
  });
  const open = await token({ ...form(await code('mara', pkce)), code_verifier: verifier }, {});
  assert.equal(open.status, 200, 'with a challenge the secret may be missing');
  assert.equal((await token(form(await code('mara')), {})).body.error, 'invalid_client');
});

test('only the client itself, and only as a form', async (t) => {
  const { simulator, code, token } = await visit(t);
  const form = { grant_type: 'client_credentials' };
  const secretInBody = { ...form, client_id: client.clientId, client_secret: client.clientSecret };
  assert.equal((await token(form)).status, 200);
  assert.equal((await token(secretInBody, {})).status, 200);
  const refused = async (headers: Record<string, string>, fields: Record<string, string> = form) =>
    (await token(fields, headers)).body;
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
      code: await code('mara'),
      redirect_uri: redirectUri,
    }),
  });
  assert.equal(asJson.status, 400);
  assert.equal(((await asJson.json()) as { error: string }).error, 'unsupported_grant_type');
});

test('an app token has neither scope nor refresh token', async (t) => {
  const { token } = await visit(t);
  const { body } = await token({ grant_type: 'client_credentials' });
  assert.deepEqual(Object.keys(body).sort(), ['access_token', 'expires_in', 'token_type']);
});

test('consent can give less than was asked for', async (t) => {
  const { simulator, code, redeem } = await visit(t);
  simulator.settings.grantedScope = 'playlist-read-private';
  assert.equal((await redeem(await code('mara'))).body.scope, 'playlist-read-private');
});

test('no rotation: the refresh token stays and is not sent again', async (t) => {
  const { signIn, refresh, get, clock } = await visit(t);
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

test('strict rotation: the old one is dead, the new one lives', async (t) => {
  const { simulator, signIn, refresh } = await visit(t);
  simulator.settings.rotation = 'strict';
  const tokens = await signIn('mara');
  const next = (await refresh(tokens.refresh)).body.refresh_token ?? '';
  assert.notEqual(next, '');
  assert.deepEqual((await refresh(tokens.refresh)).body, revoked);
  assert.equal((await refresh(next)).status, 200);
});

test('family rotation: using a dead one ends them all', async (t) => {
  const { simulator, signIn, refresh, get } = await visit(t);
  simulator.settings.rotation = 'family';
  const [tokens, other] = [await signIn('mara'), await signIn('mara')];
  const next = (await refresh(tokens.refresh)).body;
  assert.deepEqual((await refresh(tokens.refresh)).body, revoked);
  assert.deepEqual((await refresh(next.refresh_token ?? '')).body, revoked);
  assert.equal((await get('/me', next.access_token ?? '')).status, 401);
  assert.equal((await get('/me', other.access)).status, 200, 'another consent is another family');
});

test('rotation with grace: the old one works for thirty seconds', async (t) => {
  const { simulator, signIn, refresh, clock } = await visit(t);
  simulator.settings.rotation = 'grace';
  const tokens = await signIn('mara');
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 29_999;
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 1;
  assert.deepEqual((await refresh(tokens.refresh)).body, revoked);
});

test('six months after the consent it is over, however often it was renewed', async (t) => {
  const { simulator, signIn, refresh, get, clock } = await visit(t);
  const tokens = await signIn('mara');
  clock.ms += simulator.settings.consentLifetimeMs - 1;
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 1;
  const expired = { error: 'invalid_grant', error_description: 'Refresh token expired' };
  assert.deepEqual((await refresh(tokens.refresh)).body, expired);

  const [mara, noor] = [await signIn('mara'), await signIn('noor')];
  simulator.expireConsents('mara');
  assert.deepEqual((await refresh(mara.refresh)).body, expired);
  assert.equal((await get('/me', mara.access)).status, 200, 'the access token lives on');
  assert.equal((await refresh(noor.refresh)).status, 200);
});

test('revoking ends a listener’s tokens, of both kinds', async (t) => {
  const { simulator, signIn, refresh, get } = await visit(t);
  const [mara, noor] = [await signIn('mara'), await signIn('noor')];
  simulator.revokeGrants('mara');
  assert.deepEqual((await refresh(mara.refresh)).body, revoked);
  assert.equal((await get('/me', mara.access)).status, 401);
  assert.equal((await get('/me', noor.access)).status, 200);
});

test('ending the access tokens leaves refreshing alone', async (t) => {
  const { simulator, signIn, refresh, get } = await visit(t);
  const tokens = await signIn('mara');
  simulator.expireAccessTokens();
  const ended = await get('/me', tokens.access);
  assert.equal(ended.status, 401);
  assert.equal(ended.text, '{"error":{"status":401,"message":"The access token expired"}}');
  assert.equal((await refresh(tokens.refresh)).status, 200);
});
