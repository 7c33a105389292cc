import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readApiVersion, startSimulator, UnknownApiVersion } from '../simulator/simulator.ts';
import { createApp } from '../src/app.ts';
import { BadConfiguration, readConfig } from '../src/config.ts';
import { createLog, formatForTerminal } from '../src/ops/log.ts';
import { CannotListen, cannotListen, serve } from '../src/ops/serve.ts';
import { createShutdown, stopServing } from '../src/ops/shutdown.ts';
import { handleUncaught } from '../src/ops/uncaught.ts';
import { createParts } from '../src/parts.ts';
import { findRedis, freePort, NoRedis } from '../src/redis/local-server.ts';
import { localServerDeps } from '../src/redis/terminal.ts';

const shutdown = createShutdown(process);

try {
  // Read first, so that problems are reported before anything starts.
  const { host, port: preferred } = readConfig(settings({}));
  const apiVersion = readApiVersion(process.env, console.warn);
  // It saves to disk like any other, or the demo's own setup check would report a problem.
  const dataDir = mkdtempSync(join(tmpdir(), 'turntable-demo-'));
  shutdown.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const redis = await findRedis(localServerDeps(process, shutdown.signal), { dataDir });
  shutdown.defer(redis.stop);

  const port = await freePort(ports(preferred));
  const clientId = randomBytes(16).toString('hex');
  const clientSecret = randomBytes(16).toString('hex');
  // A browser may resolve "localhost" to ::1 first, so nothing else may listen there.
  const simulatorAt = { host, port: await freePort(ports(port + 1), ['127.0.0.1', '::1']) };
  let resetLedger = async () => {};
  const onClear = () => {
    // Without Redis, there is no ledger to reset.
    resetLedger().catch(() => undefined);
  };
  const simulator = await startSimulator({
    ...simulatorAt,
    clientId,
    clientSecret,
    apiVersion,
    onClear,
  }).catch((error) => {
    throw cannotListen(error, simulatorAt);
  });
  shutdown.defer(simulator.close);

  const { spotify, ...config } = readConfig(
    settings({
      PORT: String(port),
      REDIS_URL: redis.url,
      SPOTIFY_CLIENT_ID: clientId,
      SPOTIFY_CLIENT_SECRET: clientSecret,
      SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
      SPOTIFY_API_URL: simulator.apiUrl,
    }),
  );
  if (!spotify) throw new Error('The demo has no credentials');
  simulator.registerRedirectUri(config.redirectUri);

  const log = createLog({
    level: config.logLevel,
    write: (line) => process.stdout.write(formatForTerminal(line)),
  });
  handleUncaught({ events: process, stdout: process.stdout, log, exit: shutdown.exit });
  const parts = createParts({ config: { ...config, spotify }, log });
  shutdown.defer(parts.close);
  // Resetting the simulator also deletes cooldowns, counts of calls and what was learned.
  resetLedger = parts.quotaGate.reset;
  await parts.redisAnswered;
  if (parts.redis.status !== 'ready')
    throw new NoRedis('The Redis at REDIS_URL refuses the connection. Check its user and password.');
  const server = await serve(createApp({ config: { ...config, spotify }, log, parts }), config);
  const { background, closeStreams } = parts;
  shutdown.defer(() =>
    stopServing({ server, background, closeStreams, log, requestsMs: 1_000, totalMs: 2_000 }),
  );

  console.log(`
  Turntable's demo is at   ${config.baseUrl}

  Sign in as one of three made-up listeners. The simulator at ${simulator.origin} stands in for Spotify.
  Press Ctrl-C to stop everything.
`);
} catch (error) {
  await shutdown.fail(error, [NoRedis, BadConfiguration, CannotListen, UnknownApiVersion]);
}

/** Returns the variables for the demo: a few from the environment, and these. */
function settings(own: Record<string, string>): Record<string, string | undefined> {
  const { HOST, PORT, LOG_LEVEL, SPOTIFY_DAILY_CALLS, SPOTIFY_DAILY_SEARCHES } = process.env;
  return { HOST, PORT, LOG_LEVEL: LOG_LEVEL || 'warn', SPOTIFY_DAILY_CALLS, SPOTIFY_DAILY_SEARCHES, ...own };
}

function ports(from: number): number[] {
  return Array.from({ length: 20 }, (_, step) => from + step).filter((port) => port <= 65_535);
}
