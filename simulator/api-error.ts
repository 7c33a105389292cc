/** An error response of the Web API; player commands add a `reason` (Spotify: "Web API", `ErrorObject`). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string | undefined;
  constructor(status: number, message: string, reason?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/**
 * Version 2026-02 answers this to removed endpoints (GitHub: bjarneo/cliamp#54), and to listeners without access to a playlist (GitHub:
 * bjarneo/cliamp#94).
 */
export const forbidden = () => new ApiError(403, 'Forbidden');
/** For objects that don't exist, or that the listener must not know of. */
export const notFound = () => new ApiError(404, 'Resource not found');
/** For a request without a required field (GitHub: jpochyla/psst#740). */
export const missingField = (field: string) => new ApiError(400, `Missing required field: ${field}`);
/** For a token without a scope that the endpoint needs (GitHub: spotipy-dev/spotipy#830). Player endpoints have their own error. */
export const missingScope = () => new ApiError(403, 'Insufficient client scope');
