import { ClientRejected, InvalidGrant, RateLimited, SpotifyUnavailable } from './errors.ts';
import type { Http } from './http.ts';
import { type AccessToken, accessToken } from './parse.ts';

export type Accounts = ReturnType<typeof createAccounts>;

type Deps = { http: Http; accountsUrl: string; clientId: string; clientSecret: string; redirectUri: string };

/** Spotify's accounts service, as documented under "Authorization Code Flow" and "Refreshing tokens". */
export function createAccounts({ http, accountsUrl, clientId, clientSecret, redirectUri }: Deps) {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

  return {
    /**
     * Where to send the browser for consent. `challenge` is the S256 challenge of the PKCE verifier;
     * `showDialog` makes Spotify ask even a person who has agreed before.
     */
    authorizeUrl(asked: {
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
        scope: asked.scopes.join(' '),
        state: asked.state,
        code_challenge_method: 'S256',
        code_challenge: asked.challenge,
        ...(asked.showDialog && { show_dialog: 'true' }),
      }).toString();
      return url.href;
    },

    /**
     * The words with which Spotify refuses to show a sign-in that leads back here, or null where it does not: it may do so only
     * once somebody is signed in there. It shows them on a page of its own, to which the app is not told.
     * Throws SpotifyUnavailable.
     */
    async refusalToAuthorize(): Promise<string | null> {
      const query = { client_id: clientId, response_type: 'code', redirect_uri: redirectUri };
      const answer = await http({ method: 'GET', path: '/authorize', query });
      const words = /INVALID_CLIENT: [\w -]{1,60}/.exec(answer.text)?.[0];
      if (words) return words.trim();
      if (answer.status < 400) return null;
      throw new SpotifyUnavailable(`${answer.call} answered ${answer.status}`);
    },

    /**
     * Exchanges a code for tokens. Throws InvalidGrant where the code is spent, stale or foreign, else as {@link refresh}.
     */
    async exchange(code: string, verifier: string): Promise<AccessToken & { refreshToken: string }> {
      const token = await askForToken({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        // safeguard: pkce-verifier
        code_verifier: verifier,
      });
      if (token.refreshToken === null)
        throw new SpotifyUnavailable('A code was exchanged, but no refresh token came');
      return { ...token, refreshToken: token.refreshToken };
    },

    /**
     * Asks for a token of the app's own, for what belongs to nobody ("Client Credentials Flow"). Throws ClientRejected,
     * RateLimited or SpotifyUnavailable.
     */
    appToken(): Promise<AccessToken> {
      return askForToken({ grant_type: 'client_credentials' });
    },

    /**
     * Asks for a new access token. `refreshToken` is null in the result where Spotify sent none: the old one goes on.
     * Throws InvalidGrant (revoked, or six months over), ClientRejected, RateLimited or SpotifyUnavailable.
     * Never tried twice here: a refresh whose answer was lost may have happened.
     */
    refresh(refreshToken: string): Promise<AccessToken> {
      return askForToken({ grant_type: 'refresh_token', refresh_token: refreshToken });
    },
  };

  async function askForToken(form: Record<string, string>): Promise<AccessToken> {
    const answer = await http({ method: 'POST', path: '/api/token', form, authorization });
    if (answer.status === 200) return accessToken(answer);
    if (answer.status === 429) throw new RateLimited(answer.call, answer.retryAfter);

    const { error, description } = accountsError(answer.json);
    const said = `${answer.call} (${form.grant_type}) said ${error ?? answer.status}: ${description ?? 'nothing more'}`;
    if (error === 'invalid_grant') throw new InvalidGrant(said);
    if (error === 'invalid_client' || error === 'unauthorized_client')
      throw new ClientRejected(said, description);
    throw new SpotifyUnavailable(said);
  }
}

function accountsError(json: unknown): { error: string | null; description: string | null } {
  const { error, error_description } = (json ?? {}) as Record<string, unknown>;
  // Short, known texts go to the log; anything longer might quote what was sent.
  const short = (value: unknown) => (typeof value === 'string' && value.length <= 60 ? value : null);
  return { error: short(error), description: short(error_description) };
}
