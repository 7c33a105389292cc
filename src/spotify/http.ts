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
  method: 'GET' | 'POST';
  path: string;
  query?: Record<string, string | number>;
  form?: Record<string, string>;
  authorization: string;
};

export type Http = (call: Call) => Promise<Answer>;

type Needs = {
  /** Scheme, host and path that every call begins with. */
  baseUrl: string;
  /** Milliseconds a call may take from first to last byte. */
  deadlineMs: number;
  /** Bytes of body, unpacked, past which an answer is refused. */
  maxBytes?: number;
};

/**
 * Makes the one way to reach a host of Spotify's: any status is an answer, only silence throws
 * ({@link SpotifyUnavailable}). What it throws never carries the request, which holds tokens and secrets.
 */
export function createHttp({ baseUrl, deadlineMs, maxBytes = 2 * 1024 * 1024 }: Needs): Http {
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

  return async ({ method, path, query, form, authorization }) => {
    const call = `${method} ${baseUrl}${path}`;
    const response = await http
      .request<unknown>({
        method,
        url: path,
        headers: { Authorization: authorization },
        ...(query && { params: query }),
        ...(form && { data: new URLSearchParams(form) }),
        // axios' own timeout stops counting when the first byte arrives; this one runs to the last.
        signal: AbortSignal.timeout(deadlineMs),
      })
      .catch((error: unknown) => {
        throw new SpotifyUnavailable(`${call}: ${whyNoAnswer(error)}`);
      });

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
