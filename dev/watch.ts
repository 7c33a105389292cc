import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readApiVersion, startSimulator, UnknownApiVersion } from '../simulator/simulator.ts';
import { BadConfiguration, loadConfig } from '../src/config.ts';
import { createShutdown } from '../src/ops/shutdown.ts';
import { findRedis, freePort, NoRedis } from '../src/redis/local-server.ts';
import { localServerDeps } from '../src/redis/terminal.ts';

// Redis and the simulator run in this process, so that sign-ins survive restarts of the server, which runs in a child process.
const shutdown = createShutdown(process);

try {
  const config = loadConfig(process.env);
  const apiVersion = readApiVersion(process.env, console.warn);
  const redis = await findRedis(localServerDeps(process, shutdown.signal));
  shutdown.defer(redis.stop);
  const env: NodeJS.ProcessEnv = { ...process.env, REDIS_URL: redis.url };

  if (!config.spotify) {
    const clientId = randomBytes(16).toString('hex');
    const clientSecret = randomBytes(16).toString('hex');
    const port = await freePort([config.port + 1], ['127.0.0.1', '::1']);
    const simulator = await startSimulator({
      port,
      clientId,
      clientSecret,
      redirectUris: [config.redirectUri],
      apiVersion,
    });
    shutdown.defer(simulator.close);
    Object.assign(env, {
      SPOTIFY_CLIENT_ID: clientId,
      SPOTIFY_CLIENT_SECRET: clientSecret,
      SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
      SPOTIFY_API_URL: simulator.apiUrl,
    });
    console.log(`No credentials are set, so the simulator at ${simulator.origin} stands in for Spotify.`);
  }

  const watchPaths = ['src', 'views', 'public'].map((folder) => `--watch-path=${folder}`);
  const server = spawn(process.execPath, [...watchPaths, '--watch-preserve-output', 'src/main.ts'], {
    env,
    stdio: 'inherit',
  });
  shutdown.defer(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  await once(server, 'exit');
  await shutdown.run();
} catch (error) {
  await shutdown.fail(error, [NoRedis, BadConfiguration, UnknownApiVersion]);
}
