import type { Http, HttpRequest, HttpResponse } from './http.ts';
import { errorFor } from './response-error.ts';

export type Send = ReturnType<typeof createSend>;

/**
 * Returns a function that sends a request with an access token and returns the response if its status is 2xx. Otherwise it throws the
 * {@link errorFor}, or SpotifyUnavailable if there is no response.
 */
export function createSend(http: Http) {
  return async (accessToken: string, request: Omit<HttpRequest, 'authorization'>): Promise<HttpResponse> => {
    const response = await http({ ...request, authorization: `Bearer ${accessToken}` });
    if (response.status >= 200 && response.status < 300) return response;
    throw errorFor(response, request);
  };
}

/**
 * Part of a list, starting at offset `from`. With a `market`, Spotify says what is playable there, and replaces a track that isn't with another
 * instance of it ("Track Relinking"); the country of the listener's account takes precedence. With null it does neither.
 */
export type Slice = { from: number; limit?: number; market: string | null };
