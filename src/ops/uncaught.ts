import type { EventEmitter } from 'node:events';
import { aboutError, type Log } from './log.ts';

type Deps = {
  /** Node's `process`. */
  events: Pick<EventEmitter, 'on'>;
  stdout: Pick<EventEmitter, 'on'>;
  log: Log;
  /** Finishes what has begun, then exits with this code. */
  exit: (code: number) => void;
};

/**
 * Handles the failures that nothing caught. By default Node prints such an error whole, with whatever data it carries, and ends the
 * process. A rejection concerns one request or task, so the others go on. After an exception the state of the process is unknown, so it
 * finishes what has begun and exits.
 */
export function handleUncaught({ events, stdout, log, exit }: Deps): void {
  // A log that nobody reads any more (a closed pipe, a full disk) is no reason to stop.
  // safeguard: tolerate-closed-stdout
  stdout.on('error', () => undefined);
  // safeguard: survive-unhandled-rejection
  events.on('unhandledRejection', (reason: unknown) =>
    log.error('A promise was rejected and nothing caught it', aboutError(reason)),
  );
  events.on('uncaughtException', (error: unknown) => {
    log.error('Stopping after an error that nothing caught', aboutError(error));
    // safeguard: finish-after-uncaught-exception
    exit(1);
  });
}
