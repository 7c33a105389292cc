import {
  ClientRejected,
  CodeRejected,
  RateLimited,
  RefreshTokenRejected,
  SpotifyUnavailable,
} from './errors.ts';
import { malformed, parseText, requireObject } from './fields.ts';
import type { Http, HttpResponse } from './http.ts';
import type { AccessToken } from './types.ts';

export type Accounts = ReturnType<typeof createAccounts>;

type Deps = { http: Http; accountsUrl: string; clientId: string; clientSecret: string; redirectUri: string };

/** Spotify's accounts service, as documented under "Authorization Code Flow" and "Refreshing tokens". */
export function createAccounts({ http, accountsUrl, clientId, clientSecret, redirectUri }: Deps) {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

  return {
    /**
     * Returns the URL to send the browser to for consent. `challenge` is the S256 challenge of the PKCE verifier; `showDialog` makes Spotify ask even
     * someone who has agreed before.
     */
    authorizeUrl(options: {
      state: string;
      challenge: string;
      scopes: readonly string[];
      showDialog: boolean;
    }): string {
      const url = new URL(`${accountsUrl}/authorize`);
      url.search = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: options.scopes.join(' '),
        state: options.state,
        code_challenge_method: 'S256',
        code_challenge: options.challenge,
        ...(options.showDialog && { show_dialog: 'true' }),
      }).toString();
      return url.href;
    },

    /**
     * Returns the error that Spotify shows in place of its sign-in page for our client ID and redirect URI; null if there is none, although
     * Spotify may still refuse once someone has signed in. Visitors see the error on Spotify's own page, and the app doesn't learn of it. Throws
     * SpotifyUnavailable.
     */
    async authorizeProblem(): Promise<string | null> {
      const query = { client_id: clientId, response_type: 'code', redirect_uri: redirectUri };
      const response = await http({ method: 'GET', path: '/authorize', query });
      const message = /INVALID_CLIENT: [\w -]{1,60}/.exec(response.text)?.[0];
      if (message) return message.trim();
      if (response.status < 400) return null;
      throw new SpotifyUnavailable(`${response.call} answered ${response.status}`);
    },

    /** Exchanges the code of a sign-in for tokens. Throws CodeRejected, ClientRejected, RateLimited or SpotifyUnavailable. */
    async exchangeCode(code: string, verifier: string): Promise<AccessToken & { refreshToken: string }> {
      const form = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        // safeguard: pkce-verifier
        code_verifier: verifier,
      };
      const token = await requestToken(form, CodeRejected);
      if (token.refreshToken === null)
        throw new SpotifyUnavailable('A code was exchanged, but the response has no refresh token');
      return { ...token, refreshToken: token.refreshToken };
    },

    /**
     * Returns an access token for the app itself, for calls that aren't made on behalf of a listener ("Client Credentials Flow"). Throws
     * ClientRejected, RateLimited or SpotifyUnavailable.
     */
    appToken(): Promise<AccessToken> {
      return requestToken({ grant_type: 'client_credentials' }, SpotifyUnavailable);
    },

    /**
     * Returns a new access token. Its `refreshToken` is null if Spotify sent none: then the old one stays valid ("Refreshing tokens"). Throws
     * RefreshTokenRejected (revoked, or six months old), ClientRejected, RateLimited or SpotifyUnavailable.
     *
     * Never retried here: a refresh whose response was lost may have taken effect.
     */
    refresh(refreshToken: string): Promise<AccessToken> {
      return requestToken({ grant_type: 'refresh_token', refresh_token: refreshToken }, RefreshTokenRejected);
    },
  };

  /** `InvalidGrant` is thrown if the response is the error `invalid_grant` (RFC 6749, section 5.2). */
  async function requestToken(
    form: Record<string, string>,
    InvalidGrant: new (message: string) => Error,
  ): Promise<AccessToken> {
    const response = await http({ method: 'POST', path: '/api/token', form, authorization });
    if (response.status === 200) return parseAccessToken(response);
    if (response.status === 429) throw new RateLimited(response.call, response.retryAfter);

    const { error, description } = parseError(response.json);
    const message = `${response.call} (${form.grant_type}): ${error ?? response.status}: ${description ?? 'no description'}`;
    if (error === 'invalid_grant') throw new InvalidGrant(message);
    if (error === 'invalid_client' || error === 'unauthorized_client')
      throw new ClientRejected(message, description);
    throw new SpotifyUnavailable(message);
  }
}

/** A token that claims to last longer is refreshed after a day anyway. Spotify's last an hour ("Access Token"). */
const maxTokenSeconds = 24 * 60 * 60;

/** Parses a response of the token endpoint (RFC 6749, section 5.1). */
function parseAccessToken(response: HttpResponse): AccessToken {
  const json = requireObject(response.json, response);
  const { access_token: token, token_type: type, expires_in: seconds, refresh_token: refresh, scope } = json;
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer';
  if (typeof token !== 'string' || token === '' || !isBearer) throw malformed(response);
  if (typeof seconds !== 'number' || !(seconds > 0)) throw malformed(response);
  return {
    accessToken: token,
    // safeguard: longest-token-lifetime
    expiresInMs: Math.min(seconds, maxTokenSeconds) * 1000,
    refreshToken: parseText(refresh) || null,
    scopes: typeof scope === 'string' ? scope.split(' ').filter(Boolean) : null,
  };
}

function parseError(json: unknown): { error: string | null; description: string | null } {
  const { error, error_description } = (json ?? {}) as Record<string, unknown>;
  // Short, known texts may be logged; a longer one might quote what was sent.
  const short = (value: unknown) => (typeof value === 'string' && value.length <= 60 ? value : null);
  return { error: short(error), description: short(error_description) };
}
