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
  // Read now for what is wrong in it, before anything is started.
  const { host, port: wished } = readConfig(settings({}));
  const apiVersion = readApiVersion(process.env);
  const redis = await findRedis(localServerDeps(process, shutdownSequence.signal));
  shutdownSequence.add(redis.stop);

  const port = await freePort(ports(wished));
  const clientId = randomBytes(16).toString('hex');
  const clientSecret = randomBytes(16).toString('hex');
  // A browser that is told "localhost" may try ::1 first: there must be nobody else.
  const simulatorAt = { host, port: await freePort(ports(port + 1), ['127.0.0.1', '::1']) };
  let reopen = async () => {};
  const onClear = () => {
    // Without Redis the wait is over by itself when its time has come.
    reopen().catch(() => undefined);
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
  if (!spotify) throw new Error('The demo gave itself no credentials');
  simulator.registerRedirectUri(config.redirectUri);

  const log = createLog({ level: config.logLevel, write: (line) => process.stdout.write(forTerminal(line)) });
  handleUncaught({ events: process, stdout: process.stdout, log, exit: shutdownSequence.exit });
  const parts = createParts({ config: { ...config, spotify }, log });
  shutdownSequence.add(parts.close);
  // Who has the app turned away for six hours, to see it, need not wait for them to pass.
  reopen = parts.quotaGate.reopen;
  await parts.redisAnswered;
  if (parts.redis.status !== 'ready')
    throw new NoRedis('The Redis at REDIS_URL refuses the connection: look at its user and password.');
  const serving = await serve(createApp({ config: { ...config, spotify }, log, parts }), config);
  const { background, closeStreams } = parts;
  shutdownSequence.add(() =>
    stopServing({ serving, background, closeStreams, log, requestsMs: 1_000, totalMs: 2_000 }),
  );

  console.log(`
  Turntable's demo is at   ${config.baseUrl}

  Sign in as one of three made-up listeners. The simulator at ${simulator.origin} stands in for Spotify.
  Ctrl-C stops everything.
`);
} catch (error) {
  await shutdownSequence.after(error, [NoRedis, BadConfiguration, CannotListen, UnknownApiVersion]);
}

/** Of the environment, only what has a meaning for the demo. */
function settings(own: Record<string, string>): Record<string, string | undefined> {
  const { HOST, PORT, LOG_LEVEL } = process.env;
  return { HOST, PORT, LOG_LEVEL: LOG_LEVEL || 'warn', ...own };
}

function ports(from: number): number[] {
  return Array.from({ length: 20 }, (_, step) => from + step).filter((port) => port <= 65_535);
}
