import { BadConfiguration, envFile, loadConfig, readConfig } from './config.ts';
import { createLog, formatForTerminal } from './ops/log.ts';
import { CannotListen, serve } from './ops/serve.ts';
import { createShutdown } from './ops/shutdown.ts';
import { handleUncaught } from './ops/uncaught.ts';
import { openRedis } from './redis/choice.ts';
import { dataFolder } from './redis/data-folder.ts';
import { findRedisProgram, NoRedis } from './redis/local-server.ts';
import { localServerDeps } from './redis/terminal.ts';
import { createSite } from './site.ts';

const shutdown = createShutdown(process);
// Read before .env is loaded into process.env.
const setByEnvironment = ['SPOTIFY_CLIENT_ID', 'SPOTIFY_CLIENT_SECRET'].filter((name) => name in process.env);
const config = await orExit(() => loadConfig(process.env));
const isTerminal = process.stdout.isTTY;
const log = createLog({
  level: config.logLevel,
  write: (line) => process.stdout.write(isTerminal ? formatForTerminal(line) : line),
});
handleUncaught({ events: process, stdout: process.stdout, log, exit: shutdown.exit });
if (config.unknownSettings.length > 0) log.warn(`.env: ${config.unknownSettings.join(' ')}`);

const site = createSite({
  config,
  log,
  openRedis: ({ redisUrl, redisCa, shouldFindRedis }) =>
    openRedis({
      redisUrl,
      redisCa,
      shouldFindRedis,
      folder: dataFolder,
      findProgram: () => findRedisProgram({ ...localServerDeps(process), print: log.info }),
      info: log.info,
      error: log.error,
    }),
  withCredentials: ({ clientId, clientSecret }) =>
    readConfig({ ...process.env, SPOTIFY_CLIENT_ID: clientId, SPOTIFY_CLIENT_SECRET: clientSecret }),
  setByEnvironment,
  envFile,
});
// Deferred before the server, so it's closed after it: requests in flight need Redis.
shutdown.defer(site.close);
await orExit(site.open);
const { metricsPort: port } = config;
if (port !== null) {
  // Anyone on this machine may read the metrics, and no one else.
  // safeguard: metrics-port-on-loopback
  const address = { host: '127.0.0.1', port, portSetting: 'METRICS_PORT' };
  const metricsServer = await orExit(() => serve(site.handleMetrics, address));
  // After the main server, so that what happens while it stops can be read.
  shutdown.defer(() => metricsServer.close(0));
}
const server = await orExit(() => serve(site.handle, config, { onShed: site.countShedConnection }));
shutdown.defer(() => site.stopServing(server));

log.info(`Turntable is at ${config.baseUrl}`);
if (!config.spotify)
  log.warn(
    `${config.missing.join(' and ')} ${config.missing.length > 1 ? 'aren’t' : 'isn’t'} set yet. Open ${config.baseUrl} to see how to get ${config.missing.length > 1 ? 'them' : 'it'}.`,
  );
// Not through the log, which never contains a code and may be silent.
if (site.setupCode) process.stdout.write(`\n  The page asks for this code: ${site.setupCode}\n\n`);

/** Returns the result of `start`. If it fails with an error that is written for users, prints its message and exits with 1. */
async function orExit<T>(start: () => T | Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await shutdown.fail(error, [BadConfiguration, NoRedis, CannotListen]);
    throw error;
  }
}
