import type { RequestListener } from 'node:http';
import { createApp } from './app.ts';
import { BadConfiguration, type Config, readConfig } from './config.ts';
import { aboutError, createLog, forTerminal } from './ops/log.ts';
import { CannotListen, type Serving, serve } from './ops/serve.ts';
import { stopOnSignal } from './ops/shutdown.ts';
import { createParts } from './parts.ts';

const config = configured();
const { spotify } = config;
const atTerminal = process.stdout.isTTY;
const log = createLog({
  level: config.logLevel,
  write: (line) => process.stdout.write(atTerminal ? forTerminal(line) : line),
});
// A log that nobody reads any more (a closed pipe, a full disk) is no reason to stop.
process.stdout.on('error', () => undefined);
// For both, Node would print the error whole, with whatever it carries, and end the process. A rejection concerns one request or
// task, and the others go on. After an exception nobody knows what was left half done: what is under way is finished, and no more begun.
process.on('unhandledRejection', (reason) =>
  log.error('A promise was rejected and nothing caught it', aboutError(reason)),
);
let end = (code: number): void => process.exit(code);
process.on('uncaughtException', (error) => {
  log.error('Stopping after an error that nothing caught', aboutError(error));
  end(1);
});

let stopping = false;
const parts = spotify && createParts({ config: { ...config, spotify }, log });
await parts?.redisAnswered;
const app = createApp({ config, log, parts, isStopping: () => stopping });
const serving = await listening(app);
end = stopOnSignal(process, async () => {
  stopping = true;
  log.info('Stopping');
  parts?.closeStreams();
  await serving.close();
  parts?.close();
});

log.info(`Turntable is at ${config.baseUrl}`);
if (!parts) log.warn(`${config.missing.join(' and ')} not set yet: ${config.baseUrl} says how to get there`);

function configured(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof BadConfiguration)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

async function listening(app: RequestListener): Promise<Serving> {
  try {
    return await serve(app, config);
  } catch (error) {
    if (!(error instanceof CannotListen)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
