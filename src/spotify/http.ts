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
  authorization?: string;
};

/** A call that is over: its status and what the clock there showed (a Date header), or null where no answer came. */
export type CallResult = { call: string; status: number | null; ms: number; date: string | null };

export type Http = (call: Call) => Promise<Answer>;

type Deps = {
  /** Scheme, host and path that every call begins with. */
  baseUrl: string;
  /** Milliseconds a call may take from first to last byte. */
  deadlineMs: number;
  /** Told of each call once it is over. */
  onCall?: (told: CallResult) => void;
  /** Bytes of body, unpacked, past which an answer is refused. */
  maxBytes?: number;
};

/** A timer that is so late tells of a process that stood still. */
const pausedMs = 200;
const wakingMs = 250;

/**
 * Makes the one way to reach a host of Spotify's: any status is an answer, only silence throws
 * ({@link SpotifyUnavailable}). What it throws never carries the request, which holds tokens and secrets.
 */
export function createHttp({
  baseUrl,
  deadlineMs,
  onCall = () => undefined,
  maxBytes = 2 * 1024 * 1024,
}: Deps): Http {
  const http = axios.create({
    baseURL: baseUrl,
    allowAbsoluteUrls: false,
    // safeguard: refuse-redirects
    maxRedirects: 0,
    // safeguard: response-size-limit
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
    const over = (status: number | null, date: string | null) =>
      onCall({ call, status, ms: Math.round(performance.now() - startedAt), date });
    const deadline = deadlineAfter(deadlineMs);
    const response = await http
      .request<unknown>({
        method,
        url: path,
        ...(authorization && { headers: { Authorization: authorization } }),
        ...(query && { params: query }),
        ...(form && { data: new URLSearchParams(form) }),
        ...(body && { data: body }),
        // axios' own timeout stops counting when the first byte arrives; this one runs to the last.
        // safeguard: request-deadline
        signal: deadline.signal,
      })
      .finally(deadline.over)
      .catch((error: unknown) => {
        over(null, null);
        throw new SpotifyUnavailable(`${call}: ${whyNoAnswer(error)}`);
      });

    over(response.status, headerOf(response.headers, 'date') ?? null);
    const text = typeof response.data === 'string' ? response.data : '';
    return {
      status: response.status,
      text,
      json: readJson(text),
      retryAfter: headerOf(response.headers, 'retry-after'),
      call,
    };
  };
}

/**
 * A signal that aborts after `ms`. A process that was paused meanwhile wakes with its timers due and answers waiting to be read:
 * it gets a moment for these first, since one of them may be the only token that Spotify still honours.
 */
function deadlineAfter(ms: number): { signal: AbortSignal; over: () => void } {
  const controller = new AbortController();
  const due = performance.now() + ms;
  let timer = setTimeout(() => {
    const paused = performance.now() - due > pausedMs;
    timer = setTimeout(() => controller.abort(), paused ? wakingMs : 0);
  }, ms);
  return { signal: controller.signal, over: () => clearTimeout(timer) };
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

function headerOf(headers: object, name: string): string | undefined {
  const value: unknown = (headers as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}
