import express, { type Request, Router } from 'express';
import type { CallLog } from './calls.ts';
import type { Grants, Refusal, TokenAnswer } from './grants.ts';

type Deps = { client: { id: string; secret: string }; grants: Grants; calls: CallLog };

/**
 * POST /api/token: form-encoded only; Basic authentication, or the secret in the body. Errors have the accounts service's
 * own shape (Spotify: "Authorization Code Flow", "Refreshing tokens", "Client Credentials Flow").
 */
export function createToken({ client, grants, calls }: Deps): Router {
  const router = Router();

  const answer = (req: Request): TokenAnswer | Refusal => {
    if (typeof req.body !== 'string') return missingGrantType;
    const form = new URLSearchParams(req.body);
    const twice = [...form.keys()].find((name) => form.getAll(name).length > 1);
    if (twice) return { error: 'invalid_request', error_description: `${twice} must be given once` };
    const grantType = form.get('grant_type');
    if (!grantType) return missingGrantType;
    calls.note(req, { grantType });

    const given = credentials(req.headers.authorization, form);
    if (given === 'malformed') return { error: 'invalid_client' };
    if (given.id !== client.id) return { error: 'invalid_client', error_description: 'Invalid client' };
    const withSecret = given.secret !== null;
    if (withSecret && given.secret !== client.secret) {
      return { error: 'invalid_client', error_description: 'Invalid client secret' };
    }

    switch (grantType) {
      case 'authorization_code': {
        const code = form.get('code');
        const redirectUri = form.get('redirect_uri');
        if (!code) return { error: 'invalid_request', error_description: 'code must be supplied' };
        if (!redirectUri)
          return { error: 'invalid_request', error_description: 'redirect_uri must be supplied' };
        return grants.redeem(code, { redirectUri, verifier: form.get('code_verifier'), withSecret });
      }
      case 'refresh_token': {
        const token = form.get('refresh_token');
        if (!token) return { error: 'invalid_request', error_description: 'refresh_token must be supplied' };
        return grants.refresh(token, { withSecret });
      }
      case 'client_credentials':
        return withSecret
          ? grants.appToken()
          : { error: 'invalid_client', error_description: 'Invalid client' };
      default:
        return { error: 'unsupported_grant_type', error_description: 'grant_type is not supported' };
    }
  };

  router.post(
    '/api/token',
    express.text({ type: 'application/x-www-form-urlencoded', limit: '16kb' }),
    (req, res) => {
      const body = answer(req);
      res
        .status('error' in body ? 400 : 200)
        .set('cache-control', 'no-store')
        .json(body);
    },
  );
  router.all('/api/token', (_req, res) => {
    res.status(405).set('allow', 'POST').json({ error: 'invalid_request' });
  });
  return router;
}

const missingGrantType: Refusal = {
  error: 'unsupported_grant_type',
  error_description: 'grant_type parameter is missing',
};

/** A client that sends no secret is a public one; whether that is enough is for the grant to say. */
function credentials(
  header: string | undefined,
  form: URLSearchParams,
): { id: string; secret: string | null } | 'malformed' {
  if (header === undefined) return { id: form.get('client_id') ?? '', secret: form.get('client_secret') };
  const [, coded = ''] = header.match(/^Basic ([A-Za-z0-9+/]+=*)$/i) ?? [];
  const [, id, secret] =
    Buffer.from(coded, 'base64')
      .toString()
      .match(/^([^:]+):(.*)$/s) ?? [];
  return id === undefined || secret === undefined ? 'malformed' : { id, secret };
}
