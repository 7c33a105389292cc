/*
 * The errors of the web layer. The texts of their pages are in error-messages.ts. An error message goes to the log: it never quotes what a
 * visitor sent.
 */

export class NoSuchPage extends Error {
  override readonly name = 'NoSuchPage';
}

/** The path of the request isn't below the path of BASE_URL. */
export class OutsideBasePath extends Error {
  override readonly name = 'OutsideBasePath';
}

/** The request target is not a path, so it can't name a page. Its `status` is read like that of Express's own errors. */
export class InvalidTarget extends Error {
  override readonly name = 'InvalidTarget';
  readonly status = 400;
}

export class WrongHost extends Error {
  override readonly name = 'WrongHost';
  /** The host that the browser used. */
  readonly host: string;

  constructor(host: string) {
    super('The request’s host isn’t the one in BASE_URL');
    this.host = host;
  }
}

/** Another site made the browser send this request. */
export class ForeignOrigin extends Error {
  override readonly name = 'ForeignOrigin';
}

/** The browser sent more cookies than fit into a request. */
export class TooManyCookies extends Error {
  override readonly name = 'TooManyCookies';
}

/** There is such a path, but not for this method. */
export class MethodNotAllowed extends Error {
  override readonly name = 'MethodNotAllowed';
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super('Another method is needed here');
    this.allowed = allowed;
  }
}

/** The request accepts neither HTML nor JSON. */
export class NotAcceptable extends Error {
  override readonly name = 'NotAcceptable';
}

/** The page needs a sign-in, and the client is not a person's browser that could be redirected to one. */
export class NotSignedIn extends Error {
  override readonly name = 'NotSignedIn';
}

/** The content of an error page, or of problem details (RFC 9457). */
export type ErrorPage = {
  status: number;
  /** A machine-readable code. It never changes. */
  reason: string;
  title: string;
  /** The heading, if it says more than the title. The page shows `until` in place of `{until}`. */
  heading?: string;
  text: string;
  steps?: readonly string[];
  /** Buttons. The first is the one that most people want, unless there is something to wait for first. */
  actions: readonly { label: string; href: string; isSecondary?: boolean }[];
  retryAfterSeconds?: number;
  /** The address to which a POST undoes what was done: see undo.ts. */
  undo?: string | null;
  /** Further members for programs. */
  details?: Readonly<Record<string, unknown>>;
  /** When the same request may succeed, in milliseconds since 1970. */
  until?: number;
};

/** A button of an error page that leads to a page of this site. Its URL is built when it is shown, so modules may have one as a constant. */
export function linkTo(
  label: string,
  route: () => string,
): { readonly label: string; readonly href: string } {
  return {
    label,
    get href() {
      return route();
    },
  };
}

/** An error for which a page has its own message. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly page: ErrorPage;

  constructor(page: ErrorPage) {
    super(`${page.reason}: ${page.title}`);
    this.page = page;
  }
}

/** The part of a change that was done before the rest failed. */
type DonePart = Pick<ErrorPage, 'reason' | 'text' | 'undo' | 'details'>;

/** A change failed after part of it was done. Its page is the one of the failure, and says first what was done. */
export class PartlyDone extends Error {
  override readonly name = 'PartlyDone';
  readonly failure: unknown;
  readonly part: DonePart;

  constructor(failure: unknown, part: DonePart) {
    super(`${part.reason}: ${part.text}`);
    this.failure = failure;
    this.part = part;
  }

  /** Returns the page of the failure with what was done. Programs get the reason of the failure as `because`. */
  addTo(page: ErrorPage): ErrorPage {
    const { text, details, ...others } = this.part;
    const because = page.reason;
    return {
      ...page,
      ...others,
      text: `${text} ${page.text}`,
      details: { ...page.details, because, ...details },
    };
  }
}

export type ErrorClass = abstract new (...args: never[]) => Error;

export function isOneOf(types: readonly ErrorClass[], error: unknown): boolean {
  return types.some((type) => error instanceof type);
}
