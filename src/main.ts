import { createApp } from './app.ts';
import { warnOfFailures } from './checks/at-start.ts';
import { createChecks } from './checks/checks.ts';
import { connection } from './checks/redis.ts';
import { BadConfiguration, loadConfig } from './config.ts';
import { createLog, formatForTerminal } from './ops/log.ts';
import { CannotListen, serve } from './ops/serve.ts';
import { createShutdown, stopServing } from './ops/shutdown.ts';
import { handleUncaught } from './ops/uncaught.ts';
import { createParts } from './parts.ts';
import { openRedis } from './redis/choice.ts';
import { dataFolder } from './redis/data-folder.ts';
import { findRedisProgram, NoRedis } from './redis/local-server.ts';
import { localServerDeps } from './redis/terminal.ts';

const shutdown = createShutdown(process);
const settings = await orExit(() => loadConfig(process.env));
const { spotify } = settings;
const isTerminal = process.stdout.isTTY;
const log = createLog({
  level: settings.logLevel,
  write: (line) => process.stdout.write(isTerminal ? formatForTerminal(line) : line),
});
handleUncaught({ events: process, stdout: process.stdout, log, exit: shutdown.exit });
if (settings.unknownSettings.length > 0) log.warn(`.env: ${settings.unknownSettings.join(' ')}`);

// Without credentials only the setup page is served, which needs no Redis.
let redisUrl = settings.redisUrl;
if (spotify) {
  const redis = await orExit(() =>
    openRedis({
      redisUrl: settings.redisUrl,
      redisCa: settings.redisCa,
      shouldFindRedis: settings.shouldFindRedis,
      folder: dataFolder,
      findProgram: () => findRedisProgram({ ...localServerDeps(process), print: log.info }),
      info: log.info,
      error: log.error,
    }),
  );
  // First, so that it stops last: everything else needs it.
  shutdown.defer(redis.stop);
  redisUrl = redis.url;
}
const config = { ...settings, redisUrl, shouldFindRedis: settings.shouldFindRedis && spotify === null };

const parts = spotify && createParts({ config: { ...config, spotify }, log });
// Before the server, so that the connection closes after it: requests in flight need Redis.
if (parts) shutdown.defer(parts.close);
await parts?.redisAnswered;
parts?.background.run(
  'check the settings of Redis',
  createChecks(config, null)
    .redis()
    .then((results) => warnOfFailures(results, log, connection)),
);
const app = createApp({ config, log, parts });
const server = await orExit(() => serve(app, config));
shutdown.defer(() => {
  if (!parts) return server.close();
  const { background, closeStreams } = parts;
  return stopServing({ server, background, closeStreams, log });
});

log.info(`Turntable is at ${config.baseUrl}`);
if (!parts)
  log.warn(
    `${config.missing.join(' and ')} ${config.missing.length > 1 ? "aren't" : "isn't"} set yet. Open ${config.baseUrl} to see how to get ${config.missing.length > 1 ? 'them' : 'it'}.`,
  );

/** Returns the result of `start`. If it fails with an error that is written for users, prints its message and exits with 1. */
async function orExit<T>(start: () => T | Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await shutdown.fail(error, [BadConfiguration, NoRedis, CannotListen]);
    throw error;
  }
}
