import { randomBytes } from 'node:crypto';
import { readApiVersion, startSimulator, UnknownApiVersion } from '../simulator/simulator.ts';
import { createApp } from '../src/app.ts';
import { BadConfiguration, readConfig } from '../src/config.ts';
import { createLog, forTerminal } from '../src/ops/log.ts';
import { CannotListen, cannotListen, serve } from '../src/ops/serve.ts';
import { createShutdownSequence, stopServing } from '../src/ops/shutdown.ts';
import { handleUncaught } from '../src/ops/uncaught.ts';
import { createParts } from '../src/parts.ts';
import { findRedis, freePort, NoRedis } from '../src/redis/local-server.ts';
import { localServerDeps } from '../src/redis/terminal.ts';

const shutdownSequence = createShutdownSequence(process);

try {
  // Configuration errors are reported before anything is started.
  const { host, port: preferredPort } = readConfig(settings({}));
  const apiVersion = readApiVersion(process.env);
  const redis = await findRedis(localServerDeps(process, shutdownSequence.signal));
  shutdownSequence.add(redis.stop);

  const port = await freePort(portsFrom(preferredPort));
  const clientId = randomBytes(16).toString('hex');
  const clientSecret = randomBytes(16).toString('hex');
  // Browsers may resolve localhost to ::1 first, so the port has to be free there as well.
  const simulatorAddress = { host, port: await freePort(portsFrom(port + 1), ['127.0.0.1', '::1']) };
  let reopen = async () => {};
  const onClear = () => {
    // If Redis fails, the cooldown ends when its time is up.
    reopen().catch(() => undefined);
  };
  const simulator = await startSimulator({
    ...simulatorAddress,
    clientId,
    clientSecret,
    apiVersion,
    onClear,
  }).catch((error) => {
    throw cannotListen(error, simulatorAddress);
  });
  shutdownSequence.add(simulator.close);

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
  if (!spotify) throw new Error('The demo has no Spotify credentials');
  simulator.registerRedirectUri(config.redirectUri);

  const log = createLog({ level: config.logLevel, write: (line) => process.stdout.write(forTerminal(line)) });
  handleUncaught({ events: process, stdout: process.stdout, log, exit: shutdownSequence.exit });
  const parts = createParts({ config: { ...config, spotify }, log });
  shutdownSequence.add(parts.close);
  // "Clear all faults" also ends the app's cooldown, which could last six hours.
  reopen = parts.quotaGate.reopen;
  await parts.redisAnswered;
  if (parts.redis.status !== 'ready')
    throw new NoRedis('The Redis at REDIS_URL refuses the connection. Check its user name and password.');
  const serving = await serve(createApp({ config: { ...config, spotify }, log, parts }), config);
  const { background, closeStreams } = parts;
  shutdownSequence.add(() =>
    stopServing({ serving, background, closeStreams, log, requestsMs: 1_000, totalMs: 2_000 }),
  );

  console.log(`
  The demo is at   ${config.baseUrl}

  Sign in as one of three made-up listeners. The simulator at ${simulator.origin} stands in for Spotify.
  Press Ctrl-C to stop everything.
`);
} catch (error) {
  await shutdownSequence.after(error, [NoRedis, BadConfiguration, CannotListen, UnknownApiVersion]);
}

/** The variables that the demo sets, and those of the environment that it respects. */
function settings(own: Record<string, string>): Record<string, string | undefined> {
  const { HOST, PORT, LOG_LEVEL } = process.env;
  return { HOST, PORT, LOG_LEVEL: LOG_LEVEL || 'warn', ...own };
}

function portsFrom(first: number): number[] {
  return Array.from({ length: 20 }, (_, step) => first + step).filter((port) => port <= 65_535);
}
