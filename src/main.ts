import type { RequestListener } from 'node:http';
import { createApp } from './app.ts';
import { BadConfiguration, type Config, readConfig } from './config.ts';
import { aboutError, createLog, forTerminal } from './ops/log.ts';
import { CannotListen, type Serving, serve } from './ops/serve.ts';
import { createEndings, stopServing } from './ops/shutdown.ts';
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
const endings = createEndings(process);
// Node would print the error whole, with whatever it carries.
process.on('uncaughtException', (error) => {
  log.error('Ended by an error that nothing caught', aboutError(error));
  endings.exit(1);
});

const parts = spotify && createParts({ config: { ...config, spotify }, log });
// Redis last: what is still being finished needs it.
if (parts) endings.add(parts.close);
await parts?.redisAnswered;
const app = createApp({ config, log, parts });
const serving = await listening(app);
endings.add(() => {
  if (!parts) return serving.close();
  const { background, closeStreams } = parts;
  return stopServing({ serving, background, closeStreams, log });
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
