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

/** Version 2026-02 answers this to removed endpoints, and to listeners without access to a playlist. */
export const forbidden = () => new ApiError(403, 'Forbidden');
export const notFound = () => new ApiError(404, 'Resource not found');
export const missingField = (field: string) => new ApiError(400, `Missing required field: ${field}`);
export const missingScope = () => new ApiError(403, 'Insufficient client scope');
