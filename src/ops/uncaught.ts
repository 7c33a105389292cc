import type { EventEmitter } from 'node:events';
import { errorFields, type Log } from './log.ts';

type Deps = {
  /** Node's `process`. */
  events: Pick<EventEmitter, 'on'>;
  stdout: Pick<EventEmitter, 'on'>;
  log: Log;
  /** Finishes the work in flight, then exits with this code. */
  exit: (code: number) => void;
};

/**
 * Handles uncaught errors. By default Node prints such an error whole, with any data in it, and exits. A rejection concerns one request or
 * task, so the others continue. After an exception the state of the process is unknown, so it finishes the work in flight and exits.
 */
export function handleUncaught({ events, stdout, log, exit }: Deps): void {
  // A log that can't be written (a closed pipe, a full disk) is no reason to exit.
  // safeguard: tolerate-closed-stdout
  stdout.on('error', () => undefined);
  // safeguard: survive-unhandled-rejection
  events.on('unhandledRejection', (reason: unknown) =>
    log.error('Unhandled promise rejection', errorFields(reason)),
  );
  events.on('uncaughtException', (error: unknown) => {
    log.error('Stopping after an uncaught exception', errorFields(error));
    // safeguard: finish-after-uncaught-exception
    exit(1);
  });
}
