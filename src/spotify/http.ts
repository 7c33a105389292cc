import axios from 'axios';
import { awaitReply } from '../waiting.ts';
import { SpotifyUnavailable } from './errors.ts';

/** A response, whatever its status. */
export type HttpResponse = {
  status: number;
  /** The body as sent. */
  text: string;
  /** The body parsed as JSON; undefined if it is empty or not JSON. */
  json: unknown;
  /** The Retry-After header as sent. */
  retryAfter: string | undefined;
  /** Method and URL without the query, for messages. */
  call: string;
};

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | number>;
  form?: Record<string, string>;
  /** Sent as JSON. */
  body?: Record<string, unknown>;
  /** Sent as it is, as this media type. */
  raw?: { type: string; text: string };
  authorization?: string;
};

/** A completed call: its status and the Date header of the response, both null if there was none. */
export type CallResult = { call: string; status: number | null; ms: number; date: string | null };

export type Http = (request: HttpRequest) => Promise<HttpResponse>;

type Deps = {
  /** Scheme, host and path that every URL starts with. */
  baseUrl: string;
  /** How long a call may take from the first to the last byte, in milliseconds. */
  deadlineMs: number;
  onCall?: (result: CallResult) => void;
  /** Returns the header of the same name (W3C Trace Context); null for none. */
  traceparent?: () => string | null;
  /** The largest body that is accepted, in bytes after decompression. */
  maxBytes?: number;
};

/** A timer this late means the process was suspended. */
const suspendedMs = 200;
/** How long a process that was suspended has to read the responses that arrived in the meantime. */
const resumeMs = 250;

/**
 * Returns a client for one of Spotify's hosts; nothing else connects to it. It returns a response whatever its status; only a missing one is an
 * error, {@link SpotifyUnavailable}, which never contains the request, because that holds tokens and secrets.
 */
export function createHttp({
  baseUrl,
  deadlineMs,
  onCall = () => undefined,
  traceparent = () => null,
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

  return async ({ method, path, query, form, body, raw, authorization }) => {
    const call = `${method} ${baseUrl}${path}`;
    const startedAt = performance.now();
    const report = (status: number | null, date: string | null) =>
      onCall({ call, status, ms: Math.round(performance.now() - startedAt), date });
    const deadline = startDeadline(deadlineMs);
    const trace = traceparent();
    const request = http.request<unknown>({
      method,
      url: path,
      headers: {
        ...(authorization && { Authorization: authorization }),
        ...(raw && { 'Content-Type': raw.type }),
        ...(trace && { traceparent: trace }),
      },
      ...(query && { params: query }),
      ...(form && { data: new URLSearchParams(form) }),
      ...(body && { data: body }),
      ...(raw && { data: raw.text }),
      // The timeout of axios stops with the first byte; this one lasts until the last.
      // safeguard: request-deadline
      signal: deadline.signal,
    });
    const response = await awaitReply('spotify', request)
      .finally(deadline.clear)
      .catch((error: unknown) => {
        report(null, null);
        throw new SpotifyUnavailable(`${call}: ${describeFailure(error)}`);
      });

    report(response.status, headerOf(response.headers, 'date') ?? null);
    const text = typeof response.data === 'string' ? response.data : '';
    let parsed: { json: unknown } | undefined;
    return {
      status: response.status,
      text,
      // Parsed when it's needed: an export makes its next call before that.
      get json() {
        parsed ??= { json: parseJson(text) };
        return parsed.json;
      },
      retryAfter: headerOf(response.headers, 'retry-after'),
      call,
    };
  };
}

/** Returns a function that downloads a file; null if that fails. It never throws, and follows no redirects. */
export function createDownload({ deadlineMs, maxBytes }: { deadlineMs: number; maxBytes: number }) {
  // safeguard: downloads-without-redirects
  const http = axios.create({ maxRedirects: 0, proxy: false, responseType: 'arraybuffer' });
  return async (url: string): Promise<Buffer | null> => {
    // safeguard: download-deadline
    const deadline = { signal: AbortSignal.timeout(deadlineMs) };
    // safeguard: download-size-limit
    const limits = { maxContentLength: maxBytes, ...deadline };
    // Everything needed for downloads is optional, so the reason doesn't matter.
    const response = await awaitReply('spotify', http.get<Buffer>(url, limits)).catch(() => null);
    return response?.data ?? null;
  };
}

/**
 * Returns a signal that aborts after `ms` milliseconds. A process that was suspended resumes with its timers due and responses waiting to be read. It
 * reads those first, because one of them may contain the only token that Spotify still accepts.
 */
function startDeadline(ms: number): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const dueAt = performance.now() + ms;
  let timer = setTimeout(() => {
    const wasSuspended = performance.now() - dueAt > suspendedMs;
    timer = setTimeout(() => controller.abort(), wasSuspended ? resumeMs : 0);
  }, ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

function describeFailure(error: unknown): string {
  if (axios.isCancel(error)) return 'no complete response before the deadline';
  if (!axios.isAxiosError(error)) return 'no response, for an unknown reason';
  // axios has no code for this; its message names the setting.
  return error.message.includes('maxContentLength') ? 'response too large' : `no response (${error.code})`;
}

function parseJson(text: string): unknown {
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
