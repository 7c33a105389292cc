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
  'user-read-playback-position',
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

/** The fields of Spotify's JSON that the tests read. All of them can be absent. */
export type SpotifyObject = {
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
  owner?: SpotifyObject;
  album?: SpotifyObject;
  show?: SpotifyObject;
  items?: Paging;
  tracks?: Paging;
  albums?: Paging;
  artists?: Paging;
  playlists?: Paging;
  item?: SpotifyObject | null;
  track?: SpotifyObject | null;
  added_at?: string | null;
  added_by?: SpotifyObject | null;
  is_local?: boolean;
  is_playable?: boolean;
  duration_ms?: number;
  // Of players.
  device?: SpotifyObject;
  devices?: SpotifyObject[];
  is_active?: boolean;
  is_restricted?: boolean;
  is_private_session?: boolean;
  played_at?: string;
  context?: SpotifyObject | null;
  timestamp?: number;
  progress_ms?: number | null;
  is_playing?: boolean;
  currently_playing_type?: string;
  actions?: { disallows: Record<string, boolean> };
  snapshot_id?: string;
  error?: { status: number; message: string; reason?: string };
};
export type Paging = {
  href: string;
  limit: number;
  next: string | null;
  total: number | null;
  items: (SpotifyObject | null)[];
  cursors?: { after: string; before: string } | null;
};

/** Starts a simulator with its own clock, until the test ends. Also returns functions that use it as an app does. */
export async function startTestSimulator(t: TestContext, options: Partial<SimulatorOptions> = {}) {
  const clock = { ms: Date.UTC(2026, 10, 21, 12) };
  const simulator = await startSimulator({
    ...client,
    redirectUris: [redirectUri],
    now: () => clock.ms,
    ...options,
  });
  t.after(() => simulator.close());
  return { simulator, clock, ...createTestApp(simulator) };
}

export function createTestApp(simulator: Simulator) {
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

  const approve = async (listenerId: string, changes: Record<string, string | null> = {}) =>
    new URL(await simulator.agree(authorizeUrl(changes), listenerId)).searchParams.get('code') ?? '';

  const requestToken = async (
    form: Record<string, string>,
    headers: Record<string, string> = { authorization: basic },
  ) => {
    const response = await fetch(`${simulator.accountsUrl}/api/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    });
    return { status: response.status, body: (await response.json()) as TokenBody };
  };

  const redeem = (code: string, changes: Record<string, string> = {}) =>
    requestToken({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...changes });

  const refresh = (refreshToken: string) =>
    requestToken({ grant_type: 'refresh_token', refresh_token: refreshToken });

  const signIn = async (listenerId: string, scope = everyScope) => {
    const { body } = await redeem(await approve(listenerId, { scope }));
    return { access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
  };

  /** A string is sent as it is, any other body as JSON. */
  const send = async <T = SpotifyObject>(
    method: string,
    path: string,
    access: string | null,
    body?: unknown,
  ) => {
    const response = await fetch(path.startsWith('http') ? path : `${simulator.apiUrl}${path}`, {
      method,
      headers: access === null ? {} : { authorization: `Bearer ${access}` },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return {
      status: response.status,
      text,
      retryAfter: response.headers.get('retry-after'),
      body: (isJson ? JSON.parse(text) : null) as T,
    };
  };

  const get = <T = SpotifyObject>(path: string, access: string | null) => send<T>('GET', path, access);

  /** Returns the items of this page and of all that follow. */
  const allItems = async (path: string, access: string) => {
    const all: (SpotifyObject | null)[] = [];
    for (let next: string | null = path; next; ) {
      const { body }: { body: Paging } = await get<Paging>(next, access);
      all.push(...body.items);
      next = body.next;
    }
    return all;
  };

  return { authorizeUrl, approve, requestToken, redeem, refresh, signIn, send, get, allItems };
}
