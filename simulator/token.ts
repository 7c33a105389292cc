import express, { type Request, Router } from 'express';
import type { CallLog } from './calls.ts';
import type { Grants, TokenError, TokenResponse } from './grants.ts';

type Deps = { client: { id: string; secret: string }; grants: Grants; calls: CallLog };

/**
 * POST /api/token: form-encoded only, with Basic authentication or the secret in the body. Errors have the shape of the accounts
 * service (Spotify: "Authorization Code Flow", "Refreshing tokens", "Client Credentials Flow").
 */
export function createToken({ client, grants, calls }: Deps): Router {
  const router = Router();

  const respond = (req: Request): TokenResponse | TokenError => {
    if (typeof req.body !== 'string') return missingGrantType;
    const form = new URLSearchParams(req.body);
    const repeated = [...form.keys()].find((name) => form.getAll(name).length > 1);
    if (repeated) return { error: 'invalid_request', error_description: `${repeated} must be given once` };
    const grantType = form.get('grant_type');
    if (!grantType) return missingGrantType;
    calls.annotate(req, { grantType });

    const credentials = readCredentials(req.headers.authorization, form);
    if (credentials === 'malformed') return { error: 'invalid_client' };
    if (credentials.id !== client.id) return { error: 'invalid_client', error_description: 'Invalid client' };
    const hasSecret = credentials.secret !== null;
    if (hasSecret && credentials.secret !== client.secret) {
      return { error: 'invalid_client', error_description: 'Invalid client secret' };
    }

    switch (grantType) {
      case 'authorization_code': {
        const code = form.get('code');
        const redirectUri = form.get('redirect_uri');
        if (!code) return { error: 'invalid_request', error_description: 'code must be supplied' };
        if (!redirectUri)
          return { error: 'invalid_request', error_description: 'redirect_uri must be supplied' };
        return grants.redeem(code, { redirectUri, verifier: form.get('code_verifier'), hasSecret });
      }
      case 'refresh_token': {
        const token = form.get('refresh_token');
        if (!token) return { error: 'invalid_request', error_description: 'refresh_token must be supplied' };
        return grants.refresh(token, { hasSecret });
      }
      case 'client_credentials':
        return hasSecret
          ? grants.issueAppToken()
          : { error: 'invalid_client', error_description: 'Invalid client' };
      default:
        return { error: 'unsupported_grant_type', error_description: 'grant_type is not supported' };
    }
  };

  router.post(
    '/api/token',
    express.text({ type: 'application/x-www-form-urlencoded', limit: '16kb' }),
    (req, res) => {
      const body = respond(req);
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

const missingGrantType: TokenError = {
  error: 'unsupported_grant_type',
  error_description: 'grant_type parameter is missing',
};

/** The secret is null for a public client. Whether that is enough depends on the grant. */
function readCredentials(
  header: string | undefined,
  form: URLSearchParams,
): { id: string; secret: string | null } | 'malformed' {
  if (header === undefined) return { id: form.get('client_id') ?? '', secret: form.get('client_secret') };
  const [, encoded = ''] = header.match(/^Basic ([A-Za-z0-9+/]+=*)$/i) ?? [];
  const [, id, secret] =
    Buffer.from(encoded, 'base64')
      .toString()
      .match(/^([^:]+):(.*)$/s) ?? [];
  return id === undefined || secret === undefined ? 'malformed' : { id, secret };
}
