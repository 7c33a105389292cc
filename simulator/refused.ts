/** A refusal in the web API's own shape; player commands add a `reason` (Spotify: "Web API", `ErrorObject`). */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly reason: string | undefined;
  constructor(status: number, message: string, reason?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** What development mode says to names that are gone, and to those who may not touch a thing. */
export const forbidden = () => new Refused(403, 'Forbidden');
export const notFound = () => new Refused(404, 'Resource not found');
export const missing = (field: string) => new Refused(400, `Missing required field: ${field}`);
export const missingScope = () => new Refused(403, 'Insufficient client scope');
