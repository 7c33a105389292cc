import { createApp } from './app.ts';
import { BadConfiguration, loadConfig } from './config.ts';
import { createLog, forTerminal } from './ops/log.ts';
import { CannotListen, serve } from './ops/serve.ts';
import { createShutdownSequence, stopServing } from './ops/shutdown.ts';
import { handleUncaught } from './ops/uncaught.ts';
import { createParts } from './parts.ts';
import { dataFolder } from './redis/data-folder.ts';
import { findRedisProgram, NoRedis } from './redis/local-server.ts';
import { openStore } from './redis/store.ts';
import { localServerDeps } from './redis/terminal.ts';

const shutdownSequence = createShutdownSequence(process);
const settings = await orExit(() => loadConfig(process.env));
const { spotify } = settings;
const atTerminal = process.stdout.isTTY;
const log = createLog({
  level: settings.logLevel,
  write: (line) => process.stdout.write(atTerminal ? forTerminal(line) : line),
});
handleUncaught({ events: process, stdout: process.stdout, log, exit: shutdownSequence.exit });

// Without credentials there is nothing to keep: only the setup page is shown.
let redisUrl = settings.redisUrl;
if (spotify) {
  const store = await orExit(() =>
    openStore({
      redisUrl: settings.redisUrl,
      findsRedis: settings.findsRedis,
      folder: dataFolder,
      findProgram: () => findRedisProgram({ ...localServerDeps(process), say: log.info }),
      info: log.info,
      error: log.error,
    }),
  );
  // Ends last: everything else still needs it.
  shutdownSequence.add(store.stop);
  redisUrl = store.url;
}
const config = { ...settings, redisUrl, findsRedis: settings.findsRedis && spotify === null };

const parts = spotify && createParts({ config: { ...config, spotify }, log });
// Redis last: what is still being finished needs it.
if (parts) shutdownSequence.add(parts.close);
await parts?.redisAnswered;
const app = createApp({ config, log, parts });
const serving = await orExit(() => serve(app, config));
shutdownSequence.add(() => {
  if (!parts) return serving.close();
  const { background, closeStreams } = parts;
  return stopServing({ serving, background, closeStreams, log });
});

log.info(`Turntable is at ${config.baseUrl}`);
if (!parts) log.warn(`${config.missing.join(' and ')} not set yet: ${config.baseUrl} says how to get there`);

/** Returns the result of `start`. If it fails with an error that says what to do, says that, and exits with 1. */
async function orExit<T>(start: () => T | Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await shutdownSequence.after(error, [BadConfiguration, NoRedis, CannotListen]);
    throw error;
  }
}
