import axios from 'axios';
import { SpotifyUnavailable } from './errors.ts';

/** What came back, whatever its status. */
export type Answer = {
  status: number;
  /** The body as it came. */
  text: string;
  /** The body read as JSON; undefined where it is empty or not JSON. */
  json: unknown;
  /** The Retry-After header, as sent. */
  retryAfter: string | undefined;
  /** Method and URL without the query, for messages. */
  call: string;
};

export type Call = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | number>;
  form?: Record<string, string>;
  /** Sent as JSON. */
  body?: Record<string, unknown>;
  authorization: string;
};

export type Http = (call: Call) => Promise<Answer>;

type Needs = {
  /** Scheme, host and path that every call begins with. */
  baseUrl: string;
  /** Milliseconds a call may take from first to last byte. */
  deadlineMs: number;
  /** Told of each call once it is over: its status, or null where no answer came. */
  onCall?: (told: { call: string; status: number | null; ms: number }) => void;
  /** Bytes of body, unpacked, past which an answer is refused. */
  maxBytes?: number;
};

/**
 * Makes the one way to reach a host of Spotify's: any status is an answer, only silence throws
 * ({@link SpotifyUnavailable}). What it throws never carries the request, which holds tokens and secrets.
 */
export function createHttp({
  baseUrl,
  deadlineMs,
  onCall = () => undefined,
  maxBytes = 2 * 1024 * 1024,
}: Needs): Http {
  const http = axios.create({
    baseURL: baseUrl,
    allowAbsoluteUrls: false,
    maxRedirects: 0,
    maxContentLength: maxBytes,
    proxy: false,
    responseType: 'text',
    transformResponse: [],
    validateStatus: () => true,
    headers: { Accept: 'application/json' },
  });

  return async ({ method, path, query, form, body, authorization }) => {
    const call = `${method} ${baseUrl}${path}`;
    const startedAt = performance.now();
    const over = (status: number | null) =>
      onCall({ call, status, ms: Math.round(performance.now() - startedAt) });
    const response = await http
      .request<unknown>({
        method,
        url: path,
        headers: { Authorization: authorization },
        ...(query && { params: query }),
        ...(form && { data: new URLSearchParams(form) }),
        ...(body && { data: body }),
        // axios' own timeout stops counting when the first byte arrives; this one runs to the last.
        signal: AbortSignal.timeout(deadlineMs),
      })
      .catch((error: unknown) => {
        over(null);
        throw new SpotifyUnavailable(`${call}: ${whyNoAnswer(error)}`);
      });

    over(response.status);
    const text = typeof response.data === 'string' ? response.data : '';
    return {
      status: response.status,
      text,
      json: readJson(text),
      retryAfter: retryAfterOf(response.headers),
      call,
    };
  };
}

function whyNoAnswer(error: unknown): string {
  if (axios.isCancel(error)) return 'no whole answer before the deadline';
  if (!axios.isAxiosError(error)) return 'no answer, for an unknown cause';
  // axios has no code of its own for this; its message names the setting.
  return error.message.includes('maxContentLength') ? 'an answer too large' : `no answer (${error.code})`;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfterOf(headers: object): string | undefined {
  const value: unknown = (headers as Record<string, unknown>)['retry-after'];
  return typeof value === 'string' ? value : undefined;
}
