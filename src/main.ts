import { createApp } from './app.ts';
import { BadConfiguration, type Config, readConfig } from './config.ts';
import { aboutError, createLog, forTerminal } from './ops/log.ts';
import { type Serving, serve } from './ops/serve.ts';
import { stopOnSignal } from './ops/shutdown.ts';
import { createParts } from './parts.ts';

const config = configured();
const { spotify } = config;
const atTerminal = process.stdout.isTTY;
const log = createLog({
  level: config.logLevel,
  write: (line) => process.stdout.write(atTerminal ? forTerminal(line) : line),
});
// Node would print the error whole, with whatever it carries.
process.on('uncaughtException', (error) => {
  log.error('Ended by an error that nothing caught', aboutError(error));
  process.exit(1);
});

let stopping = false;
const parts = spotify && createParts({ config: { ...config, spotify }, log });
await parts?.redisAnswered;
const serving = await listening();
stopOnSignal(process, async () => {
  stopping = true;
  log.info('Stopping');
  await serving.close();
  parts?.close();
});

log.info(`Turntable is at ${config.baseUrl}`);
if (!parts) log.warn(`There are no Spotify credentials yet: ${config.baseUrl} says how to get them`);

function configured(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof BadConfiguration)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

async function listening(): Promise<Serving> {
  try {
    return await serve(createApp({ config, log, parts, isStopping: () => stopping }), config);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      console.error(
        `Port ${config.port} on ${config.host} is taken. Stop what runs there, or set PORT (and the redirect URI at Spotify) to another.`,
      );
    } else {
      console.error(`Turntable cannot listen on ${config.host}:${config.port} (${code ?? 'unknown cause'}).`);
    }
    process.exit(1);
  }
}
