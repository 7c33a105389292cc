import express, { type RequestHandler } from 'express';
import type { CredentialProblem } from '../../checks/credentials.ts';
import { NoRedis } from '../../redis/local-server.ts';
import { CannotWriteEnv } from '../../settings/write-env-file.ts';
import { Problem } from '../../web/errors.ts';
import { type FormProblem, notFromThisMachine, problems, redisMissing, unwritable } from './problems.ts';
import type { SetupCode } from './setup-code.ts';
import { isFromThisMachine } from './this-machine.ts';

export type Credentials = { clientId: string; clientSecret: string };

/** The parts that the form of the setup page uses. */
export type SetupForm = {
  code: SetupCode;
  tryCredentials: (credentials: Credentials) => Promise<CredentialProblem | null>;
  /** Writes them to `.env`. Throws {@link CannotWriteEnv}. */
  save: (credentials: Credentials) => void;
  /** Serves the whole site from now on. Throws {@link NoRedis}. */
  start: (credentials: Credentials) => Promise<void>;
};

/** How Spotify's documentation shows both: 32 hexadecimal digits. */
const credentialPattern = /^[0-9a-f]{32}$/;

/** Refuses requests that don't come directly from a browser on this machine, and reads the form of the others. */
export function readSetupForm(baseUrl: string): RequestHandler[] {
  return [
    (req, _res, next) => next(isFromThisMachine(req, baseUrl) ? undefined : new Problem(notFromThisMachine)),
    express.urlencoded({ extended: false, limit: '2kb' }),
    express.json({ limit: '2kb' }),
  ];
}

/**
 * Returns a function that connects the app whose credentials were entered. It returns null once the site is running with them, or the problem,
 * which never quotes what was entered.
 */
export function createConnect({ code, tryCredentials, save, start }: SetupForm) {
  let inFlight: Promise<FormProblem | null> | null = null;

  /** `fields`: what was sent, of any type. */
  return async (fields: unknown): Promise<FormProblem | null> => {
    const text = textFields(fields);
    const outcome = code.check(text('code'));
    if (outcome === 'closed') return problems.closed;
    // safeguard: setup-code
    if (outcome === 'wrong') return problems.wrongCode;
    const credentials = { clientId: text('clientId'), clientSecret: text('clientSecret') };
    // Each is written into a file, and an ID is part of the names of keys.
    // safeguard: setup-credential-pattern
    if (!Object.values(credentials).every((value) => credentialPattern.test(value)))
      return problems.malformed;
    // A second press of the button gets the result of the first.
    inFlight ??= connect(credentials).finally(() => {
      inFlight = null;
    });
    return inFlight;
  };

  async function connect(credentials: Credentials): Promise<FormProblem | null> {
    const problem = await tryCredentials(credentials);
    // safeguard: try-credentials-before-saving
    if (problem !== null) return problems[problem];
    try {
      save(credentials);
      await start(credentials);
      return null;
    } catch (error) {
      if (error instanceof CannotWriteEnv) return unwritable(error.message);
      if (error instanceof NoRedis) return redisMissing(error.message);
      throw error;
    }
  }
}

function textFields(fields: unknown): (name: string) => string {
  return (name) => {
    const value = (fields as Readonly<Record<string, unknown>> | undefined)?.[name];
    return typeof value === 'string' ? value.trim() : '';
  };
}
