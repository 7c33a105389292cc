import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type Simulator, type SimulatorOptions, startSimulator } from '../simulator.ts';

export const redirectUri = 'http://127.0.0.1:3000/callback';
export const client = { clientId: 'the-client', clientSecret: 'the-secret' };
export const basic = `Basic ${btoa('the-client:the-secret')}`;
export const verifier = 'a-verifier-of-at-least-forty-three-characters-1234';
export const challenge = createHash('sha256').update(verifier).digest('base64url');
export const everyScope = [
  'user-read-private user-read-email user-read-playback-state user-read-currently-playing user-modify-playback-state',
  'user-read-recently-played user-top-read user-library-read user-library-modify user-follow-read user-follow-modify',
  'playlist-read-private playlist-read-collaborative playlist-modify-public playlist-modify-private',
].join(' ');

export type TokenBody = {
  access_token?: string;
  refresh_token?: string;
  scope?: string;
  expires_in?: number;
  error?: string;
  error_description?: string;
};

/** As much of Spotify's JSON as the tests look at. Everything may be missing. */
export type Thing = {
  id?: string | null;
  account_id?: string;
  name?: string;
  display_name?: string | null;
  product?: string;
  email?: string;
  type?: string;
  uri?: string;
  description?: string | null;
  public?: boolean | null;
  collaborative?: boolean;
  images?: { url: string; width: number | null }[] | null;
  external_urls?: { spotify: string };
  external_ids?: object;
  owner?: Thing;
  album?: Thing;
  show?: Thing;
  items?: Pages;
  tracks?: Pages;
  albums?: Pages;
  artists?: Pages;
  playlists?: Pages;
  item?: Thing | null;
  track?: Thing | null;
  added_at?: string | null;
  added_by?: Thing | null;
  is_local?: boolean;
  is_playable?: boolean;
  duration_ms?: number;
  // The player.
  device?: Thing;
  devices?: Thing[];
  is_active?: boolean;
  is_restricted?: boolean;
  is_private_session?: boolean;
  played_at?: string;
  context?: Thing | null;
  timestamp?: number;
  progress_ms?: number | null;
  is_playing?: boolean;
  currently_playing_type?: string;
  actions?: { disallows: Record<string, boolean> };
  snapshot_id?: string;
  error?: { status: number; message: string; reason?: string };
};
export type Pages = {
  href: string;
  limit: number;
  next: string | null;
  total: number | null;
  items: (Thing | null)[];
  cursors?: { after: string; before: string } | null;
};

/** A simulator with a clock of its own, which ends with the test. */
export async function visit(t: TestContext, options: Partial<SimulatorOptions> = {}) {
  const clock = { ms: Date.UTC(2026, 10, 21, 12) };
  const simulator = await startSimulator({
    ...client,
    redirectUris: [redirectUri],
    now: () => clock.ms,
    ...options,
  });
  t.after(() => simulator.close());
  return { simulator, clock, ...doings(simulator) };
}

export function doings(simulator: Simulator) {
  const authorizeUrl = (changes: Record<string, string | null> = {}) => {
    const url = new URL('/authorize', simulator.accountsUrl);
    const query: Record<string, string | null> = {
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: redirectUri,
      scope: everyScope,
      state: 'the-state',
      ...changes,
    };
    for (const [name, value] of Object.entries(query)) {
      if (value !== null) url.searchParams.set(name, value);
    }
    return url.href;
  };

  const code = async (listenerId: string, changes: Record<string, string | null> = {}) =>
    new URL(await simulator.agree(authorizeUrl(changes), listenerId)).searchParams.get('code') ?? '';

  const token = async (
    form: Record<string, string>,
    headers: Record<string, string> = { authorization: basic },
  ) => {
    const answer = await fetch(`${simulator.accountsUrl}/api/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    });
    return { status: answer.status, body: (await answer.json()) as TokenBody };
  };

  const redeem = (given: string, changes: Record<string, string> = {}) =>
    token({ grant_type: 'authorization_code', code: given, redirect_uri: redirectUri, ...changes });

  const refresh = (refreshToken: string) =>
    token({ grant_type: 'refresh_token', refresh_token: refreshToken });

  const signIn = async (listenerId: string, scope = everyScope) => {
    const { body } = await redeem(await code(listenerId, { scope }));
    return { access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
  };

  /** A body that is a text is sent as it is, everything else as JSON. */
  const send = async <T = Thing>(method: string, path: string, access: string | null, body?: unknown) => {
    const answer = await fetch(path.startsWith('http') ? path : `${simulator.apiUrl}${path}`, {
      method,
      headers: access === null ? {} : { authorization: `Bearer ${access}` },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    const json = answer.headers.get('content-type')?.includes('json');
    return {
      status: answer.status,
      text,
      retryAfter: answer.headers.get('retry-after'),
      body: (json ? JSON.parse(text) : null) as T,
    };
  };

  const get = <T = Thing>(path: string, access: string | null) => send<T>('GET', path, access);

  /** Everything from this page to the last. */
  const pages = async (path: string, access: string) => {
    const all: (Thing | null)[] = [];
    for (let next: string | null = path; next; ) {
      const { body }: { body: Pages } = await get<Pages>(next, access);
      all.push(...body.items);
      next = body.next;
    }
    return all;
  };

  return { authorizeUrl, code, token, redeem, refresh, signIn, send, get, pages };
}
